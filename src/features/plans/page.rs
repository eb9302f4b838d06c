//! The list of plans, and the page of one: read it, then apply it.

use domain::allotment::Seats;
use domain::change::{Kind, Names, Told, Wave};
use domain::gauge::share;
use domain::plan::{Confirmation, OfferKind, PlannedChange, Total, Warning, WhyNot};
use domain::plan::{RoleShift, SeatChange};
use domain::text::{count, thousands, whole};
use leptos::prelude::*;
use leptos_router::components::Form;
use leptos_router::hooks::use_query_map;

use super::api::{Adjust, Apply, Approve, Discard, Remedy, plan, plans};
use super::view::{NOT_CONFIRMED, PlanView, SecondView};
use super::ways_out::WaysOutOf;
use crate::error::AppError;
use crate::features::condition::{Failed, NotShown, failed};
use crate::features::jobs::short;
use crate::features::me::{lacks, may_not_change};
use crate::features::shared::{busy, live, shut, use_part, use_tenant};
use crate::rank::Rank;
use crate::ui::feedback::{Empty, Note, Skeleton};
use crate::ui::head::Head;
use crate::ui::load::load;
use crate::ui::meter::percent;
use crate::ui::pager::Pager;
use crate::ui::query::to_query;

/// The tenant's plans.
#[component]
pub fn PlansPage() -> impl IntoView {
    let tenant = use_tenant();
    let query = use_query_map();
    let drafts = Memo::new(move |_| query.try_with(|query| query.get("status").as_deref() == Some("draft")).unwrap_or_default());
    let data = load(move || live(tenant), plans);
    let all =
        move || live(drafts).then(|| view! { <a class="link" href=move || format!("/t/{}/plans", live(tenant))>"All plans"</a> });
    view! {
        <Head title="Plans">{all}</Head>
        <Transition fallback=|| view! { <Skeleton lines=6/> }>
            {move || data.get().map(|got| {
                match got {
                    Ok(lines) if lines.is_empty() => view! {
                        <Empty title="No plans yet">
                            "Every change starts as one. "<a href=move || format!("/t/{}/assignments", tenant.get())>"Select people to create one"</a>"."
                        </Empty>
                    }.into_any(),
                    Ok(lines) => {
                        let only = live(drafts);
                        let rows = lines.into_iter().filter(|line| !only || line.job.is_empty()).map(|line| {
                            let (id, job) = (line.id.clone(), line.job.clone());
                            view! {
                                <tr role="row">
                                    <td role="cell" class="num-left">{line.at}</td>
                                    <td role="cell" class="hide-narrow">{line.author}</td>
                                    <td role="cell" class="wide"><a href=move || format!("/t/{}/plans/{id}", tenant.get())>{line.title}</a></td>
                                    <td role="cell" class="num" data-after=" changes">{thousands(line.rows)}</td>
                                    <td role="cell">{if job.is_empty() {
                                        view! { <span class="muted">"draft"</span> }.into_any()
                                    } else {
                                        let text = format!("job {}", short(&job));
                                        view! { <a href=move || format!("/t/{}/jobs/{job}", tenant.get())>{text}</a> }.into_any()
                                    }}</td>
                                </tr>
                            }
                        }).collect_view();
                        view! {
                            <div class="table" tabindex="0" role="region" aria-label="Plans"><table class="stacks" role="table">
                                <thead role="rowgroup"><tr role="row"><th role="columnheader">"When"</th><th role="columnheader" class="hide-narrow">"Author"</th><th role="columnheader">"Change"</th><th role="columnheader" class="num">"Changes"</th><th role="columnheader">"Status"</th></tr></thead>
                                <tbody role="rowgroup">{rows}</tbody>
                            </table></div>
                        }.into_any()
                    }
                    Err(error) => view! { <NotShown error again=move || data.refetch()/> }.into_any(),
                }
            })}
        </Transition>
    }
}

/// One plan.
#[component]
pub fn PlanPage() -> impl IntoView {
    let (tenant, id) = (use_tenant(), use_part("id"));
    let query = use_query_map();
    let asked = move |key: &'static str| Memo::new(move |_| query.try_with(|query| query.get(key)).flatten().unwrap_or_default());
    let (page, q, kind) = (asked("page"), asked("q"), asked("kind"));
    let apply = ServerAction::<Apply>::new();
    let discard = ServerAction::<Discard>::new();
    let remedy = ServerAction::<Remedy>::new();
    let adjust = ServerAction::<Adjust>::new();
    let approve = ServerAction::<Approve>::new();
    let approved = approve.version();
    let data = load(
        move || ((live(tenant), live(id), live(page), live(q), live(kind)), approved.try_get().unwrap_or_default()),
        |((tenant, id, page, q, kind), _)| plan(tenant, id, page.parse().unwrap_or(1), q, kind),
    );
    // A number that was not right is told where it is typed.
    let refused = Signal::derive(move || apply.value().get().filter(|value| !is_unconfirmed(value)));
    view! {
        <Failed of=refused/>
        <Failed of=discard.value()/>
        <Failed of=remedy.value()/>
        <Failed of=adjust.value()/>
        <Failed of=approve.value()/>
        <Transition fallback=|| view! { <Head title="Plan" waiting=true/><Skeleton lines=8/> }>
            {move || data.get().map(|got| {
                match got {
                    Ok(view) => view! { <Body view q=live(q) kind=live(kind) apply discard remedy adjust approve/> }.into_any(),
                    Err(error) => failed("Plan", error, move || data.refetch()),
                }
            })}
        </Transition>
    }
}

fn is_unconfirmed(value: &Result<(), AppError>) -> bool {
    value.as_ref().is_err_and(|error| error.what == NOT_CONFIRMED)
}

/// What a plan does in a line: how many of each kind, and about which license.
fn summary(totals: &[Total]) -> Vec<String> {
    let mut kinds: Vec<(Kind, u64, Vec<String>)> = Vec::new();
    for Total { kind, what, rows } in totals {
        let part = (!what.is_empty()).then(|| format!("{} {what}", thousands(whole(*rows))));
        match kinds.iter_mut().find(|(known, ..)| known == kind) {
            Some((_, all, parts)) => {
                *all += rows;
                parts.extend(part);
            }
            None => kinds.push((*kind, *rows, part.into_iter().collect())),
        }
    }
    let line = |(kind, rows, parts): (Kind, u64, Vec<String>)| {
        let head = kind.counted(rows);
        if parts.is_empty() { head } else { format!("{head}: {}", parts.join(", ")) }
    };
    kinds.into_iter().map(line).collect()
}

/// A button that draws the plan up again, with more or with fewer.
#[component]
fn AdjustButton(action: ServerAction<Adjust>, what: &'static str, text: String) -> impl IntoView {
    let (tenant, id) = (use_tenant(), use_part("id"));
    let pending = shut(action, false);
    view! {
        <ActionForm action attr:class="inline">
            <input type="hidden" name="tenant" value=move || tenant.get()/>
            <input type="hidden" name="id" value=move || id.get()/>
            <button class="button" type="submit" name="what" value=what disabled=pending title=may_not_change()>{text}</button>
        </ActionForm>
    }
}

/// What has to be typed before the plan is applied, and what is wrong with what was.
#[component]
fn Confirm(of: Confirmation, apply: ServerAction<Apply>) -> impl IntoView {
    let wrong =
        Memo::new(move |_| apply.value().try_with(|value| value.as_ref().is_some_and(is_unconfirmed)).unwrap_or_default());
    let field = NodeRef::<leptos::html::Input>::new();
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        // Each time it was wrong, not only the first.
        let _ = apply.version().get();
        if wrong.get()
            && let Some(field) = field.get()
        {
            let _ = field.focus();
        }
    });
    // Enter in the field goes on to the button and does not press it.
    let entered = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Enter" {
            event.prevent_default();
            #[cfg(feature = "hydrate")]
            {
                use leptos::wasm_bindgen::JsCast;
                let button = document().query_selector(".apply button[type=submit]:not([hidden])").ok().flatten();
                if let Some(button) = button.and_then(|button| button.dyn_into::<leptos::web_sys::HtmlElement>().ok()) {
                    let _ = button.focus();
                }
            }
        }
    };
    let Confirmation { number, what } = of;
    let said = format!("The number doesn't match. Type {number}.");
    view! {
        <label class="confirm" for="confirm">{format!("Type {number} to {what}")}
            <input class="input short" id="confirm" name="confirm" inputmode="numeric" autocomplete="off" required node_ref=field
                aria-invalid=move || wrong.get().then_some("true") aria-describedby="confirm-wrong" on:keydown=entered/>
            <span class="small bad" id="confirm-wrong" role="alert">{move || wrong.get().then(|| said.clone())}</span>
        </label>
    }
}

#[component]
fn Body(
    view: PlanView,
    /// What is looked for in its rows: words, and a kind of change by its verb.
    q: String,
    kind: String,
    apply: ServerAction<Apply>,
    discard: ServerAction<Discard>,
    remedy: ServerAction<Remedy>,
    adjust: ServerAction<Adjust>,
    approve: ServerAction<Approve>,
) -> impl IntoView {
    let (tenant, id) = (use_tenant(), use_part("id"));
    let pending = busy(apply);
    let not_apply = view.second.as_ref().and_then(|second| second.not_apply.clone());
    let role = if view.settings { lacks(Rank::Admin) } else { may_not_change() };
    let closed = shut(apply, role.is_some() || not_apply.is_some());
    let why_closed = role.map(ToOwned::to_owned).or(not_apply);
    let title = format!("Plan {}: {}", short(&view.id), view.title);
    let total = whole(view.total);
    let open = view.job.is_none();
    let seats = view.seats.into_iter().map(|seat| view! { <Seat seat/> }).collect_view();
    let ways_out = view.ways_out;
    let warnings = view
        .warnings
        .into_iter()
        .map(|warning| {
            let (title, rest) = warning.sentences();
            let ways = match &warning {
                Warning::NotEnoughSeats { allotment, .. } => {
                    ways_out.iter().find(|ways| ways.allotment == allotment.as_str()).cloned()
                }
                _ => None,
            };
            let leave = warning.way_out().filter(|_| open);
            view! {
                <Note tone=if warning.is_loud() { "bad" } else { "warn" } title>
                    {rest}
                    {leave.map(|(out, text)| view! { " "<AdjustButton action=adjust what=out.word() text/> })}
                    {ways.map(|ways_out| view! { <WaysOutOf ways_out action=remedy/> })}
                </Note>
            }
        })
        .collect_view();
    let lasts: u64 = view.lasting.iter().map(|(_, rows)| *rows).sum();
    let lasting = view
        .lasting
        .into_iter()
        .map(|(why, rows)| {
            let title = format!("{} cannot be undone, or only in part.", count(whole(rows), "change", "changes"));
            view! { <Note tone="warn" title>{why}</Note> }
        })
        .collect_view();
    let offers = view
        .offers
        .into_iter()
        .filter(|_| open)
        .map(|(kind, rows)| {
            let (title, rest, text) = match kind {
                OfferKind::Newcomers => (
                    format!("{} the selection only after you made it.", count(whole(rows), "row matches", "rows match")),
                    "Only what you selected is planned; these are skipped.",
                    format!("Include {}", count(whole(rows), "newcomer", "newcomers")),
                ),
                OfferKind::HoldsAnother => (
                    format!("{} another license.", count(whole(rows), "person has", "people have")),
                    "They keep it and are skipped.",
                    format!("Change {} as well", count(whole(rows), "license", "licenses")),
                ),
            };
            view! { <Note tone="ok" title>{rest}" "<AdjustButton action=adjust what=kind.word() text/></Note> }
        })
        .collect_view();
    let all_match = view.unchanged.iter().all(|(why, ..)| *why == WhyNot::AsWanted);
    let unchanged = view
        .unchanged
        .into_iter()
        .map(|(why, rows, named)| {
            let more = rows - named.len() as u64;
            view! {
                <details class="says">
                    <summary>{format!("{} skipped: {}", count(whole(rows), "row", "rows"), why.sentence())}</summary>
                    <ul class="who">
                        {named.into_iter().map(|who| view! { <li class="mono small">{who}</li> }).collect_view()}
                        {(more > 0).then(|| view! { <li class="small">{format!("and {} more", thousands(whole(more)))}</li> })}
                    </ul>
                </details>
            }
        })
        .collect_view();
    let removals: u64 = view.totals.iter().filter(|total| total.kind.wave() == Wave::Frees).map(|total| total.rows).sum();
    let removals_first = removals > 0 && removals < view.total;
    let href = {
        let (q, kind) = (q.clone(), kind.clone());
        Callback::new(move |to: u32| {
            let pairs = [("q", q.clone()), ("kind", kind.clone()), ("page", to.to_string())];
            format!("/t/{}/plans/{}{}", tenant.get_untracked(), id.get_untracked(), to_query(&pairs))
        })
    };
    let only_removals = removals == view.total && view.total > 0;
    let said = summary(&view.totals);
    let summary = (!said.is_empty()).then(|| view! { <p class="summary"><b>{said.join("; ")}</b></p> });
    let button = format!("Apply {}", count(total, "change", "changes"));
    let foot = match (view.job, view.total) {
        (Some(job), _) => {
            let text = format!("Applied by job {}", short(&job));
            view! { <div class="foot"><span class="grow">"A plan can be applied once."</span>
                <a class="button primary" href=move || format!("/t/{}/jobs/{job}", tenant.get())>{text}</a></div> }.into_any()
        }
        (None, 0) => view! {
            <Empty title="Nothing to do">
                {if all_match { "Everything already matches. " } else { "Nothing of it can be changed; see above why. " }}<a href=move || format!("/t/{}/plans", tenant.get())>"Back to Plans"</a>"."
            </Empty>
        }.into_any(),
        (None, _) => {
            let undo = match lasts {
                0 => "Undo available for 30 days.".to_owned(),
                n if n == view.total => "Cannot be undone, or only in part.".to_owned(),
                n => format!("Undo available for 30 days, except for {}.", thousands(whole(n))),
            };
            let requests = count(whole(view.requests), "request", "requests");
            // One thing at a time: a second person first, then whoever applies confirms that it is them.
            let waits = view.second.as_ref().is_some_and(|second| second.given.is_none());
            let confirm_first = view.confirm_first.filter(|_| !waits);
            let notes: Vec<String> = view
                .second
                .iter()
                .map(SecondView::sentence)
                .chain(confirm_first.iter().map(|what| format!("Confirm it is you: {what}.")))
                .collect();
            let sentence = format!("{} in {requests}. {undo}", count(total, "change", "changes"));
            view! {
                <div class="foot decide">
                    <span class="grow">{sentence}{notes.into_iter().map(|note| view! { <span class="small first">{note}</span> }).collect_view()}</span>
                    <a class="button plain" href=move || format!("/export/{}/plan.csv?id={}", tenant.get(), id.get()) rel="external" download="">"Export CSV"</a>
                    <ActionForm action=discard>
                        <input type="hidden" name="tenant" value=move || tenant.get()/>
                        <input type="hidden" name="id" value=move || id.get()/>
                        <button class="button plain" type="submit" data-careful="" disabled=shut(discard, false) title=may_not_change()>"Delete plan"</button>
                    </ActionForm>
                    {view.second.filter(|_| waits).map(|second| view! { <ApproveButton second approve/> })}
                    {match confirm_first {
                        Some(_) => view! {
                            <a class="button primary" rel="external" href=move || format!("/auth/step-up?plan={}", id.get())>"Confirm it is you"</a>
                        }.into_any(),
                        None => view! {
                            <ActionForm action=apply attr:class="apply">
                                <input type="hidden" name="tenant" value=move || tenant.get()/>
                                <input type="hidden" name="id" value=move || id.get()/>
                                // The form's first button is what Enter would press, with scripts or without: one that cannot be pressed.
                                <button type="submit" disabled hidden></button>
                                {view.confirm.filter(|_| !waits).map(|of| view! { <Confirm of apply/> })}
                                <button class=if only_removals { "button danger solid" } else { "button primary" } type="submit" disabled=closed title=why_closed>
                                    {move || if pending() { "Checking for changes…".to_owned() } else { button.clone() }}
                                </button>
                            </ActionForm>
                        }.into_any(),
                    }}
                </div>
            }.into_any()
        }
    };
    view! {
        <Head title><span>{view.drawn}</span></Head>
        {view.replaces.map(|old| {
            let text = format!("plan {}", short(&old));
            view! {
                <Note tone="warn" title="The tenant changed after this plan was created. Nothing was sent.">
                    "This is the updated plan; "<a href=move || format!("/t/{}/plans/{old}", tenant.get())>{text}</a>" is unchanged."
                </Note>
            }
        })}
        {view.remedies.map(|old| {
            let text = format!("plan {}", short(&old));
            view! { <p class="muted small after">"Resolves the shortage in "<a href=move || format!("/t/{}/plans/{old}", tenant.get())>{text}</a>", which is unchanged."</p> }
        })}
        {summary}
        <section class="seats" aria-label="Seats before and after">{seats}</section>
        {(!view.role_shifts.is_empty()).then(|| view! { <Shifts shifts=view.role_shifts/> })}
        {warnings}{lasting}{offers}
        {(view.total > SEARCHED || view.found < view.total).then(|| view! { <Search q kind totals=view.totals.clone() found=view.found of=view.total/> })}
        {(view.total > 0 && view.found == 0).then(|| view! {
            <Empty title="No matching changes"><a href=move || format!("/t/{}/plans/{}", tenant.get(), id.get())>"Show all changes"</a>"."</Empty>
        })}
        {(!view.changes.is_empty()).then(|| view! { <Diff changes=view.changes roles=view.roles totals=view.totals pages=view.pages/> })}
        <Pager page=view.page pages=view.pages href/>
        <div class="muted small after">{unchanged}{removals_first.then_some("Removals run first, so freed seats can be reused.")}</div>
        {foot}
    }
}

/// Who gains and who loses which role. Whoever keeps it in another way loses nothing.
#[component]
fn Shifts(shifts: Vec<RoleShift>) -> impl IntoView {
    let people = |n: Option<u64>| match n {
        Some(n) => thousands(whole(n)),
        None => "not visible".to_owned(),
    };
    let rows = shifts
        .into_iter()
        .map(|shift| {
            let groups = [(shift.added, "added to"), (shift.removed, "removed from")];
            let groups = groups.into_iter().filter(|(n, _)| *n > 0);
            let groups: Vec<String> = groups.map(|(n, how)| format!("{how} {}", count(whole(n), "group", "groups"))).collect();
            view! {
                <tr role="row">
                    <td role="cell">{shift.name}</td>
                    <td role="cell" class="num" data-before="gain it: ">{people(shift.gain)}</td>
                    <td role="cell" class="num" data-before="lose it: ">{people(shift.lose)}</td>
                    <td role="cell" class="muted">{groups.join(", ")}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="panel after" aria-labelledby="shifts">
            <header><h2 id="shifts">"People and roles"</h2><span class="muted small">"of people who can sign in; a role kept via another group is not lost"</span></header>
            <div class="table" tabindex="0" role="region" aria-label="People who gain and lose roles"><table class="stacks" role="table">
                <thead role="rowgroup"><tr role="row"><th role="columnheader">"Role"</th><th role="columnheader" class="num">"Gain it"</th><th role="columnheader" class="num">"Lose it"</th><th role="columnheader">"Groups"</th></tr></thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table></div>
        </section>
    }
}

/// Gives a second person's word.
#[component]
fn ApproveButton(second: SecondView, approve: ServerAction<Approve>) -> impl IntoView {
    let (tenant, id) = (use_tenant(), use_part("id"));
    let SecondView { hash, not_approve, .. } = second;
    let why = may_not_change().map(ToOwned::to_owned).or(not_approve);
    let off = shut(approve, why.is_some());
    view! {
        <ActionForm action=approve>
            <input type="hidden" name="tenant" value=move || tenant.get()/>
            <input type="hidden" name="id" value=move || id.get()/>
            <input type="hidden" name="hash" value=hash/>
            <button class="button" type="submit" disabled=off title=why>"Approve"</button>
        </ActionForm>
    }
}

/// A plan of more rows than this has a search.
const SEARCHED: u64 = 10;

/// Looks for rows of a plan.
#[component]
fn Search(q: String, kind: String, totals: Vec<Total>, found: u64, of: u64) -> impl IntoView {
    let mut kinds: Vec<Kind> = totals.iter().map(|total| total.kind).collect();
    kinds.dedup();
    let filtered = !q.is_empty() || !kind.is_empty();
    let options = kinds
        .iter()
        .map(|known| {
            let verb = known.verb();
            view! { <option value=verb selected=verb == kind>{verb}</option> }
        })
        .collect_view();
    let (tenant, id) = (use_tenant(), use_part("id"));
    view! {
        <Form method="GET" action="" attr:class="trail" attr:role="search" attr:aria-label="Search changes">
            <input class="search" type="search" name="q" aria-label="Search changes" placeholder="Person, group or reason" value=q.clone() prop:value=q/>
            {(kinds.len() > 1).then(|| view! { <select class="select" name="kind" aria-label="Change"><option value="">"Change: any"</option>{options}</select> })}
            <button class="button" type="submit">"Search"</button>
            {filtered.then(|| view! { <a class="button plain" href=move || format!("/t/{}/plans/{}", tenant.get(), id.get())>"Clear search"</a> })}
            <span class="result muted" role="status">{if filtered {
                format!("{} of {}", thousands(whole(found)), count(whole(of), "change", "changes"))
            } else {
                count(whole(of), "change", "changes")
            }}</span>
        </Form>
    }
}

/// Places on a seat's bar, in hundredths of a percent of its width.
struct SeatBar {
    low: u32,
    /// What is added within the seats there are.
    added: u32,
    /// What is taken away.
    freed: u32,
    /// What is beyond them: from where, and how much.
    beyond: (u32, u32),
    /// Where the paid seats end.
    mark: Option<u32>,
}

fn seat_bar(seat: &SeatChange) -> SeatBar {
    let allotment = &seat.allotment;
    let (used, after, units) = (allotment.used.max(0), seat.after.max(0), allotment.units.max(0));
    let end = match allotment.seats() {
        Seats::Bounded(seats) => seats,
        Seats::Unbounded => units,
    };
    let scale = end.max(used).max(after).max(1);
    let place = |n: i64| share(n, scale);
    let (low, high) = (used.min(after), used.max(after));
    let grows = after >= used;
    let within = high.min(end).max(low);
    SeatBar {
        low: place(low),
        added: if grows { place(within) - place(low) } else { 0 },
        freed: if grows { 0 } else { place(high) - place(low) },
        beyond: if grows { (place(within), place(high) - place(within)) } else { (0, 0) },
        mark: (place(units) < 9_950).then(|| place(units)),
    }
}

#[component]
fn Seat(seat: SeatChange) -> impl IntoView {
    let allotment = &seat.allotment;
    let bar = seat_bar(&seat);
    let over = seat.overage_after();
    let (after, class) = match (seat.short(), seat.free_after()) {
        (short, _) if short > 0 => (format!("{} seats short", thousands(short)), "small bad"),
        (_, Some(free)) if free < 0 => (format!("{} over all seats", thousands(-free)), "small bad"),
        (_, None) if over > 0 => (format!("{} in overage, no limit", thousands(over)), "small bad"),
        (_, Some(free)) if over > 0 => (format!("{} in overage, {} left", thousands(over), thousands(free)), "small bad"),
        (_, Some(free)) => (format!("{} free after", thousands(free)), "small"),
        (_, None) => (format!("{} paid seats free after", thousands(allotment.units - seat.after)), "small"),
    };
    view! {
        <div class="seat">
            <div class="name">{allotment.name.label()}</div>
            <b>{thousands(allotment.used)}<span class="arrow">"→"</span>{thousands(seat.after)}</b>" "
            <span class="muted">{format!("of {}", thousands(allotment.units))}</span>
            <svg height="14" width="100%" aria-hidden="true" focusable="false">
                <rect class="g-well" y="2" width="100%" height="8" rx="2"/>
                <rect class="g-fill" y="2" width=percent(bar.low) height="8" rx="2"/>
                <rect class="g-plus" y="2" x=percent(bar.low) width=percent(bar.added) height="8"/>
                <rect class="g-over" y="2" x=percent(bar.low) width=percent(bar.freed) height="8"/>
                <rect class="g-bad" y="2" x=percent(bar.beyond.0) width=percent(bar.beyond.1) height="8"/>
                {bar.mark.map(|at| view! { <line class="g-mark" x1=percent(at) x2=percent(at) y1="0" y2="13"/> })}
            </svg>
            <span class=class>{after}</span>
        </div>
    }
}

#[component]
fn Diff(changes: Vec<PlannedChange>, roles: Vec<(String, String)>, totals: Vec<Total>, pages: u32) -> impl IntoView {
    let roles: std::collections::HashMap<String, String> = roles.into_iter().collect();
    let mut rows = Vec::new();
    let mut last = None;
    for planned in &changes {
        let kind = planned.change.kind();
        if last != Some(kind) {
            // Of the plan, not of the page: this is what is read before it is applied.
            let all: u64 = totals.iter().filter(|total| total.kind == kind).map(|total| total.rows).sum();
            let here = changes.iter().filter(|other| other.change.kind() == kind).count() as u64;
            let on_page = match (here < all, pages > 1) {
                (false, _) => String::new(),
                (true, true) => format!(", {} on this page", thousands(whole(here))),
                (true, false) => format!(", {} shown", thousands(whole(here))),
            };
            rows.push(view! { <tr class="group"><td></td><th scope="colgroup" colspan="4">{format!("{}{on_page}", kind.counted(all))}</th></tr> }.into_any());
            last = Some(kind);
        }
        let class = match kind.sign() {
            "+" => "add",
            "−" => "cut",
            _ => "chg",
        };
        let Told { before, after, added, removed } = planned.change.told(&Names { roles: Some(&roles) });
        let target = planned.change.target();
        let name = if planned.name == target { String::new() } else { planned.name.clone() };
        let listed =
            added.into_iter().map(|name| ("plus", "+", name)).chain(removed.into_iter().map(|name| ("minus", "−", name)));
        let listed = listed
            .map(|(class, sign, name)| view! { <span class="rolechange"><span class=class>{sign}</span>" "{name}</span> })
            .collect_view();
        let why = planned.why.as_ref().map(|why| why.sentence.clone());
        let detail = view! {
            {listed}
            {planned.orphan.then(|| view! { <span class="chip warn">"not a user of this tenant"</span>" " })}
            {why.map(|why| view! { <span class="muted">{why}</span> })}
        };
        rows.push(
            view! {
                <tr class=class>
                    <td>{kind.sign()}</td>
                    <td>{(!name.is_empty()).then(|| view! { <span>{name}</span> })}<span class="sub">{target}</span></td>
                    <td>{before}</td><td>{after}</td><td>{detail}</td>
                </tr>
            }
            .into_any(),
        );
    }
    view! {
        <div class="table" tabindex="0" role="region" aria-label="Changes">
            <table class="diff">
                <thead><tr><td></td><th>"Person or group"</th><th>"Current"</th><th>"New"</th><th>"Reason"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use domain::allotment::{Allotment, AllotmentName, UsageClass};

    use super::*;

    fn bar(units: i64, used: i64, overage: i64, after: i64) -> SeatBar {
        let allotment = Allotment { name: AllotmentName::new("a"), usage_class: UsageClass::Assigned, units, used, overage };
        seat_bar(&SeatChange { allotment, after, taken: (after - used).max(0), freed: (used - after).max(0) })
    }

    #[test]
    fn a_shortage_shows_where_the_seats_end() {
        let short = bar(1_000, 800, 0, 2_000);
        assert_eq!((short.low, short.added), (4_000, 1_000));
        assert_eq!(short.beyond, (5_000, 5_000));
        assert_eq!(short.mark, Some(5_000));
        let fits = bar(1_000, 800, 0, 900);
        assert_eq!((fits.beyond.1, fits.mark), (0, None));
        // Without a limit, what is beyond the paid seats is told all the same.
        assert_eq!(bar(100, 50, -1, 200).beyond.1, 5_000);
        assert_eq!(bar(1_000, 900, 0, 400).freed, 5_000);
    }

    #[test]
    fn a_summary_counts_the_plan() {
        let total = |kind, what: &str, rows| Total { kind, what: what.to_owned(), rows };
        let totals =
            [total(Kind::Remove, "Analyzer", 182), total(Kind::Remove, "Professional", 56), total(Kind::GroupRoles, "", 1)];
        assert_eq!(summary(&totals), ["238 removals: 182 Analyzer, 56 Professional", "1 role change"]);
    }
}

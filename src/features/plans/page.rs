//! The list of plans, and the page of one: read it, then apply it.

use domain::plan::{Change, PlannedChange, Warning};
use domain::roles::RoleDiff;
use domain::seats::SeatChange;
use domain::text::{count, thousands};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::{Apply, Discard, PlanView, Remedy, plan, plans};
use super::ways_out::WaysOutOf;
use crate::features::jobs::{from_to, short};
use crate::features::shared::{ErrorPanel, Failed, busy, live, use_part, use_tenant};
use crate::ui::feedback::{Empty, Note, Skeleton};
use crate::ui::head::Head;
use crate::ui::pager::Pager;

fn n(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The tenant's plans.
#[component]
pub fn PlansPage() -> impl IntoView {
    let tenant = use_tenant();
    let data = Resource::new(move || live(tenant), plans);
    view! {
        <Head title="Plans"/>
        <Transition fallback=|| view! { <Skeleton lines=6/> }>
            {move || data.get().map(|got| {
                match got {
                    Ok(lines) if lines.is_empty() => view! {
                        <Empty title="No plan was drawn up yet">
                            "Every change starts as one. "<a href=move || format!("/t/{}/assignments", tenant.get())>"Select rows to plan a change"</a>"."
                        </Empty>
                    }.into_any(),
                    Ok(lines) => {
                        let rows = lines.into_iter().map(|line| {
                            let (id, job) = (line.id.clone(), line.job.clone());
                            view! {
                                <tr>
                                    <td class="num-left">{line.at}</td>
                                    <td class="hide-narrow">{line.author}</td>
                                    <td><a href=move || format!("/t/{}/plans/{id}", tenant.get())>{line.title}</a></td>
                                    <td class="num">{thousands(line.rows)}</td>
                                    <td>{if job.is_empty() {
                                        view! { <span class="muted">"not applied"</span> }.into_any()
                                    } else {
                                        let text = format!("job {}", short(&job));
                                        view! { <a href=move || format!("/t/{}/jobs/{job}", tenant.get())>{text}</a> }.into_any()
                                    }}</td>
                                </tr>
                            }
                        }).collect_view();
                        view! {
                            <div class="table" tabindex="0" role="region" aria-label="Plans"><table>
                                <thead><tr><th>"When"</th><th class="hide-narrow">"Who"</th><th>"What"</th><th class="num">"Changes"</th><th>"Applied"</th></tr></thead>
                                <tbody>{rows}</tbody>
                            </table></div>
                        }.into_any()
                    }
                    Err(error) => view! { <ErrorPanel error/> }.into_any(),
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
    let page = Memo::new(move |_| {
        query.try_with(|query| query.get("page")).flatten().and_then(|page| page.parse::<u32>().ok()).unwrap_or(1)
    });
    let apply = ServerAction::<Apply>::new();
    let discard = ServerAction::<Discard>::new();
    let remedy = ServerAction::<Remedy>::new();
    let data = Resource::new(move || (live(tenant), live(id), live(page)), |(tenant, id, page)| plan(tenant, id, page));
    view! {
        <Failed of=apply.value()/>
        <Failed of=discard.value()/>
        <Failed of=remedy.value()/>
        <Transition fallback=|| view! { <Head title="Plan" waiting=true/><Skeleton lines=8/> }>
            {move || data.get().map(|got| {
                match got {
                    Ok(view) => view! { <Body view apply discard remedy/> }.into_any(),
                    Err(error) => view! { <Head title="Plan"/><ErrorPanel error/> }.into_any(),
                }
            })}
        </Transition>
    }
}

#[component]
fn Body(
    view: PlanView,
    apply: ServerAction<Apply>,
    discard: ServerAction<Discard>,
    remedy: ServerAction<Remedy>,
) -> impl IntoView {
    let (tenant, id) = (use_tenant(), use_part("id"));
    let pending = busy(apply);
    let title = format!("Plan {}: {}", short(&view.id), view.title);
    let total = n(view.total);
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
            view! {
                <Note tone=if warning.is_grave() { "bad" } else { "warn" } title>
                    {rest}
                    {ways.map(|ways_out| view! { <WaysOutOf ways_out action=remedy/> })}
                </Note>
            }
        })
        .collect_view();
    let unchanged = view
        .unchanged
        .into_iter()
        .map(|(why, rows, named)| {
            let are = if rows == 1 { "row is" } else { "rows are" };
            let more = rows - named.len() as u64;
            view! {
                <details class="says">
                    <summary>{format!("{} {are} {} and will not be sent.", thousands(n(rows)), why.sentence())}</summary>
                    <ul class="who">
                        {named.into_iter().map(|who| view! { <li class="mono small">{who}</li> }).collect_view()}
                        {(more > 0).then(|| view! { <li class="small">{format!("and {} more", thousands(n(more)))}</li> })}
                    </ul>
                </details>
            }
        })
        .collect_view();
    let removals_first = view.removals > 0 && view.removals < view.total;
    let href = Callback::new(move |to: u32| format!("/t/{}/plans/{}?page={to}", tenant.get_untracked(), id.get_untracked()));
    let only_removals = view.removals == view.total && view.total > 0;
    let button = format!("Apply {}", count(total, "change", "changes"));
    let foot = match (view.job, view.total) {
        (Some(job), _) => {
            let text = format!("Applied by job {}", short(&job));
            view! { <div class="foot"><span class="grow">"This plan was applied and cannot be applied again."</span>
                <a class="button primary" href=move || format!("/t/{}/jobs/{job}", tenant.get())>{text}</a></div> }.into_any()
        }
        (None, 0) => view! {
            <Empty title="Nothing to change">
                "Everything already is as wanted. "<a href=move || format!("/t/{}/assignments", tenant.get())>"Back to the assignments"</a>"."
            </Empty>
        }.into_any(),
        (None, _) => {
            let sentence = format!("{}, {} to Qlik. Can be undone for 30 days.", count(total, "change", "changes"), count(n(view.requests), "request", "requests"));
            view! {
                <div class="foot">
                    <span class="grow">{sentence}</span>
                    <a class="button plain" href=move || format!("/export/{}/plan.csv?id={}", tenant.get(), id.get()) rel="external" download="">"Export CSV"</a>
                    <ActionForm action=discard>
                        <input type="hidden" name="tenant" value=move || tenant.get()/>
                        <input type="hidden" name="id" value=move || id.get()/>
                        <button class="button plain" type="submit" data-careful="">"Discard"</button>
                    </ActionForm>
                    <ActionForm action=apply attr:class="apply">
                        <input type="hidden" name="tenant" value=move || tenant.get()/>
                        <input type="hidden" name="id" value=move || id.get()/>
                        {view.confirm.map(|number| view! {
                            <label class="confirm" for="confirm">{format!("Type {number} to confirm the removal")}
                                <input class="input short" id="confirm" name="confirm" inputmode="numeric" autocomplete="off" required/>
                            </label>
                        })}
                        <button class=if only_removals { "button danger solid" } else { "button primary" } type="submit" disabled=pending>
                            {move || if pending() { "Reading again before applying…".to_owned() } else { button.clone() }}
                        </button>
                    </ActionForm>
                </div>
            }.into_any()
        }
    };
    view! {
        <Head title><span>{format!("{} by {}", view.drawn, view.author)}</span></Head>
        {view.replaces.map(|old| {
            let text = format!("plan {}", short(&old));
            view! {
                <Note tone="warn" title="Somebody changed the tenant since you drew this up. Nothing was sent.">
                    "This is the plan as it would be now; "<a href=move || format!("/t/{}/plans/{old}", tenant.get())>{text}</a>" is as it was."
                </Note>
            }
        })}
        {view.remedies.map(|old| {
            let text = format!("plan {}", short(&old));
            view! { <p class="muted small after">"With a way out of a shortage of "<a href=move || format!("/t/{}/plans/{old}", tenant.get())>{text}</a>", which stays as it was."</p> }
        })}
        <section class="seats" aria-label="Seats before and after">{seats}</section>
        {warnings}
        {(!view.changes.is_empty()).then(|| view! { <Diff changes=view.changes roles=view.roles/> })}
        <Pager page=view.page pages=view.pages href/>
        <div class="muted small after">{unchanged}{removals_first.then_some("Removals go first, so their seats serve the additions.")}</div>
        {foot}
    }
}

#[component]
fn Seat(seat: SeatChange) -> impl IntoView {
    let allotment = &seat.allotment;
    let scale = match allotment.seats() {
        domain::seats::Seats::Bounded(seats) => seats.max(allotment.used).max(seat.after).max(1),
        domain::seats::Seats::Unbounded => allotment.units.max(allotment.used).max(seat.after).max(1),
    };
    let percent = |n: i64| format!("{:.2}%", (n.max(0) as f64) * 100.0 / (scale as f64));
    let (low, high) = (allotment.used.min(seat.after), allotment.used.max(seat.after));
    let after = match (seat.short(), seat.free_after()) {
        (short, _) if short > 0 => format!("{} short", thousands(short)),
        (_, Some(free)) if free < 0 => format!("{} beyond all seats", thousands(-free)),
        (_, Some(_)) if seat.after > allotment.units => {
            format!("{} in overage, {} left", thousands(seat.after - allotment.units), thousands(seat.free_after().unwrap_or(0)))
        }
        (_, Some(free)) => format!("{} free after", thousands(free)),
        (_, None) => "no bound".to_owned(),
    };
    let class = if seat.short() > 0 { "small bad" } else { "small" };
    let change = if seat.after >= allotment.used { "g-plus" } else { "g-over" };
    view! {
        <div class="seat">
            <div class="name">{allotment.name.label()}</div>
            <b>{thousands(allotment.used)}<span class="arrow">"→"</span>{thousands(seat.after)}</b>" "
            <span class="muted">{format!("of {}", thousands(allotment.units))}</span>
            <svg height="12" width="100%" aria-hidden="true" focusable="false">
                <rect class="g-well" width="100%" height="8" rx="2"/>
                <rect class="g-fill" width=percent(low) height="8" rx="2"/>
                <rect class=change x=percent(low) width=percent(high - low) height="8"/>
            </svg>
            <span class=class>{after}</span>
        </div>
    }
}

#[component]
fn Diff(changes: Vec<PlannedChange>, roles: Vec<(String, String)>) -> impl IntoView {
    let roles: std::collections::HashMap<String, String> = roles.into_iter().collect();
    let mut rows = Vec::new();
    let mut last = None;
    for planned in &changes {
        let kind = planned.change.kind();
        if last != Some(kind) {
            let here = changes.iter().filter(|other| other.change.kind() == kind).count();
            rows.push(view! { <tr class="group"><td></td><th scope="colgroup" colspan="4">{format!("{} {}", thousands(n(here as u64)), kind.verb())}</th></tr> }.into_any());
            last = Some(kind);
        }
        let class = match kind.sign() {
            "+" => "add",
            "−" => "cut",
            _ => "chg",
        };
        let (from, to) = from_to(&planned.change);
        let target = planned.change.target();
        let name = if planned.name == target { String::new() } else { planned.name.clone() };
        let detail = match &planned.change {
            Change::GroupRoles { before, after, .. } => {
                let diff = RoleDiff::between(before, after);
                let named = |id: &domain::inventory::RoleId| roles.get(id.as_str()).cloned().unwrap_or_else(|| id.to_string());
                let list = diff
                    .added
                    .iter()
                    .map(|id| ("plus", "+", named(id)))
                    .chain(diff.removed.iter().map(|id| ("minus", "−", named(id))));
                list.map(|(class, sign, name)| view! { <span class="rolechange"><span class=class>{sign}</span>" "{name}</span> })
                    .collect_view()
                    .into_any()
            }
            _ if planned.orphan => view! { <span class="chip warn">"not a user here"</span> }.into_any(),
            _ => ().into_any(),
        };
        rows.push(
            view! {
                <tr class=class>
                    <td>{kind.sign()}</td>
                    <td>{(!name.is_empty()).then(|| view! { <span>{name}</span> })}<span class="sub">{target}</span></td>
                    <td>{from}</td><td>{to}</td><td>{detail}</td>
                </tr>
            }
            .into_any(),
        );
    }
    view! {
        <div class="table" tabindex="0" role="region" aria-label="Changes">
            <table class="diff">
                <thead><tr><td></td><th>"Person or group"</th><th>"Now"</th><th>"After"</th><th>"Detail"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

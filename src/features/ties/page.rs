//! Licenses by group: the ties, who lacks a license by them, and who left a group and still holds its license.

use domain::text::{count, thousands, whole};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::api::{DraftTied, Tie, Untie, tied};
use super::view::{Counts, LackingLine, LeftLine, Part, TieLine, TiesView};
use crate::features::assignments::with_person;
use crate::features::condition::{Failed, show};
use crate::features::me::may_not_change;
use crate::features::shared::{Refreshing, live, shut, use_tenant};
use crate::ui::feedback::{Empty, Note, Skeleton};
use crate::ui::head::Head;
use crate::ui::load::load;
use crate::ui::pager::Pager;
use crate::ui::query::escape;

/// What everyone in a group is to hold.
#[component]
pub fn TiesPage() -> impl IntoView {
    let tenant = use_tenant();
    let refreshing = expect_context::<Refreshing>();
    let location = use_location();
    let query = Memo::new(move |_| location.search.try_with(|search| Part::read(search).query()).unwrap_or_default());
    let (tie, untie, draft) = (ServerAction::<Tie>::new(), ServerAction::<Untie>::new(), ServerAction::<DraftTied>::new());
    let (made, unmade) = (tie.version(), untie.version());
    let data = load(
        move || {
            let done = made.try_get().unwrap_or_default() + unmade.try_get().unwrap_or_default();
            (live(tenant), live(query), refreshing.version(), done)
        },
        |(tenant, query, ..)| tied(tenant, query),
    );
    view! {
        <Failed of=tie.value()/>
        <Failed of=untie.value()/>
        <Failed of=draft.value()/>
        <Transition fallback=|| view! { <Head title="Licenses by group" waiting=true/><Skeleton lines=10/> }>
            {move || data.get().map(|got| {
                show(got, move || data.refetch(), |_| "Licenses by group".to_owned(), move |view: TiesView, fresh| {
                    let off = fresh.off();
                    view! { <Body view off tie untie draft/> }
                })
            })}
        </Transition>
    }
}

#[component]
fn Body(
    view: TiesView,
    off: bool,
    tie: ServerAction<Tie>,
    untie: ServerAction<Untie>,
    draft: ServerAction<DraftTied>,
) -> impl IntoView {
    let tenant = use_tenant();
    let TiesView { ties, group, lacking, lacking_in_all, refused, left, left_in_all, page, pages, targets } = view;
    let unseen = ties.iter().any(|tie| tie.counts.is_none());
    let none = ties.is_empty();
    let only = ties.iter().find(|tie| tie.id == group).map(|tie| tie.name.clone());
    let rows = ties.into_iter().map(|line| view! { <TieRow line off untie/> }).collect_view();
    let href = {
        let group = group.clone();
        Callback::new(move |to: u32| {
            format!("/t/{}/groups/licenses{}", live(tenant), Part { group: group.clone(), page: to }.query())
        })
    };
    let is_part = !group.is_empty();
    let only = is_part.then(|| {
        let only = only.map_or_else(|| "No license is tied to this group.".to_owned(), |name| format!("People of {name} only."));
        view! {
            <p class="told">{only}" "<a href=move || format!("/t/{}/groups/licenses", live(tenant))>"Show all"</a></p>
        }
    });
    let (lacking_here, left_here) = (lacking.len(), left.len());
    let group_too = group.clone();
    let lack = (lacking_in_all > 0).then(|| {
        let title = count(whole(lacking_in_all), "person lacks a license", "people lack a license");
        let refused = (refused > 0).then(|| format!("{} refused before; listed first until they hold it", thousands(whole(refused))));
        let rows = lacking.into_iter().map(|line| view! { <LackingRow line/> }).collect_view();
        view! {
            <section class="panel" aria-labelledby="lacking">
                <header><h2 id="lacking">{title}</h2><span class="muted small">{refused}</span>
                    <DraftButton what="lacking" group=group_too words=format!("Review {}…", count(whole(lacking_in_all), "assignment", "assignments")) off draft/></header>
                <div class="table" tabindex="0" role="region" aria-label="People who lack a license" hidden=lacking_here == 0><table class="stacks tied" role="table">
                    <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">"Person"</th><th role="columnheader" scope="col">"Is to hold"</th><th role="columnheader" scope="col">"Holds"</th><th role="columnheader" scope="col">"By"</th><th role="columnheader" scope="col">"Last attempt"</th></tr></thead>
                    <tbody role="rowgroup">{rows}</tbody>
                </table></div>
            </section>
        }
    });
    let gone = (left_in_all > 0).then(|| {
        let title = count(whole(left_in_all), "person left and still holds a license", "people left and still hold a license");
        let rows = left.into_iter().map(|line| view! { <LeftRow line/> }).collect_view();
        view! {
            <section class="panel" aria-labelledby="left">
                <header><h2 id="left">{title}</h2><span class="muted small">"They were in the group when it was read, and are in no other that says the same."</span>
                    <DraftButton what="left" group words=format!("Review {}…", count(whole(left_in_all), "removal", "removals")) off draft/></header>
                <div class="table" tabindex="0" role="region" aria-label="People who left a group" hidden=left_here == 0><table class="stacks tied" role="table">
                    <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">"Person"</th><th role="columnheader" scope="col">"Holds"</th><th role="columnheader" scope="col">"Becomes"</th><th role="columnheader" scope="col">"Left"</th><th role="columnheader" scope="col">"Seen"</th></tr></thead>
                    <tbody role="rowgroup">{rows}</tbody>
                </table></div>
            </section>
        }
    });
    let all_well = (!none && !unseen && !is_part && lacking_in_all == 0 && left_in_all == 0)
        .then(|| view! { <Empty title="Everyone holds the license of their group">"No one who left a group still holds its license."</Empty> });
    view! {
        {unseen.then(|| view! {
            <Note tone="warn" title="Who lacks a license is not visible with this key.">"It needs to see all users, their groups and all licenses."</Note>
        })}
        <div class="grid">
            <section class="panel" aria-labelledby="ties">
                <header><h2 id="ties">"Licenses tied to groups"</h2><span class="muted small">"A standing wish. Nothing is assigned or removed until you apply a plan."</span></header>
                <NewTie targets off tie/>
                {none.then(|| view! { <Empty title="No license is tied to a group">"Enter a group above and choose the license that everyone in it is to hold."</Empty> })}
                {(!none).then(|| view! {
                    <div class="table" tabindex="0" role="region" aria-label="Groups and their licenses"><table class="stacks" role="table">
                        <thead role="rowgroup"><tr role="row">
                            <th role="columnheader" scope="col">"Group"</th><th role="columnheader" scope="col">"License"</th>
                            <th role="columnheader" scope="col" class="num">"Members"</th><th role="columnheader" scope="col" class="num">"Hold it"</th>
                            <th role="columnheader" scope="col" class="num">"Lack it"</th><th role="columnheader" scope="col" class="num">"Left with it"</th>
                            <th role="columnheader" scope="col" class="hide-narrow">"Tied by"</th><th role="columnheader" scope="col"><span class="sr">"Actions"</span></th>
                        </tr></thead>
                        <tbody role="rowgroup">{rows}</tbody>
                    </table></div>
                    <p class="muted small told">"Members are counted if they can sign in. Anyone who is in several of these groups gets the largest license: Professional or Full user before Analyzer or Basic user, before any other. Who has Professional needs no Analyzer, and who has Full user no Basic user."</p>
                })}
            </section>
            {only}
            {all_well}
            {lack}
            {gone}
            <Pager page pages href/>
        </div>
    }
}

#[component]
fn NewTie(targets: Vec<(String, String)>, off: bool, tie: ServerAction<Tie>) -> impl IntoView {
    let tenant = use_tenant();
    let shut = shut(tie, off);
    let options = targets.into_iter().map(|(value, label)| view! { <option value=value>{label}</option> }).collect_view();
    view! {
        <ActionForm action=tie attr:class="trail">
            <input type="hidden" name="tenant" value=move || tenant.get()/>
            <label><span class="keep">"Everyone in"</span><input class="input" type="text" name="name" placeholder="Name of a group" autocomplete="off" required/></label>
            <label><span class="keep">"is to hold"</span><select class="select" name="to">{options}</select></label>
            <button class="button" type="submit" disabled=shut title=may_not_change()>"Tie"</button>
        </ActionForm>
    }
}

#[component]
fn DraftButton(what: &'static str, group: String, words: String, off: bool, draft: ServerAction<DraftTied>) -> impl IntoView {
    let tenant = use_tenant();
    let shut = shut(draft, off);
    view! {
        <ActionForm action=draft attr:class="inline push">
            <input type="hidden" name="tenant" value=move || tenant.get()/>
            <input type="hidden" name="what" value=what/>
            <input type="hidden" name="group" value=group/>
            <button class="button primary" type="submit" disabled=shut title=may_not_change()>{words}</button>
        </ActionForm>
    }
}

#[component]
fn TieRow(line: TieLine, off: bool, untie: ServerAction<Untie>) -> impl IntoView {
    let tenant = use_tenant();
    let TieLine { id, group, name, whole: all_read, allotment: _, label, counts, made } = line;
    let (to, part) = (group.as_deref().map(escape), Part { group: id.clone(), page: 1 }.query());
    let shut = shut(untie, off);
    let spoken = format!("Untie {label} from {name}");
    let called = match to {
        Some(to) => view! { <a href=move || format!("/t/{}/groups/{to}", live(tenant))><bdi>{name}</bdi></a> }.into_any(),
        None if all_read => view! { <bdi>{name}</bdi>" "<span class="chip bad">"deleted"</span> }.into_any(),
        None => view! { <bdi>{name}</bdi>" "<span class="muted">"not visible"</span> }.into_any(),
    };
    let figures = match counts {
        Some(Counts { members, hold, by_another, lack, shut_out, left }) => {
            let beside = [(by_another, "get another license by another group"), (shut_out, "cannot sign in")]
                .into_iter()
                .filter(|(n, _)| *n > 0)
                .map(|(n, words)| format!("{} {words}", thousands(whole(n))))
                .collect::<Vec<_>>()
                .join(", ");
            let link = |n: u64| {
                let part = part.clone();
                if n == 0 {
                    view! { "0" }.into_any()
                } else {
                    view! { <a href=move || format!("/t/{}/groups/licenses{part}", live(tenant))>{thousands(whole(n))}</a> }.into_any()
                }
            };
            view! {
                <td role="cell" class="num" data-after=" members"><span title=beside>{thousands(whole(members))}</span></td>
                <td role="cell" class="num" data-after=" hold it">{thousands(whole(hold))}</td>
                <td role="cell" class="num" data-after=" lack it">{link(lack)}</td>
                <td role="cell" class="num" data-after=" left with it">{link(left)}</td>
            }
            .into_any()
        }
        None => view! {
            <td role="cell" class="num muted">"not visible"</td><td role="cell" class="num muted"></td><td role="cell" class="num muted"></td><td role="cell" class="num muted"></td>
        }
        .into_any(),
    };
    view! {
        <tr role="row">
            <td role="cell" class="wide">{called}</td><td role="cell">{label}</td>{figures}
            <td role="cell" class="muted hide-narrow">{made}</td>
            <td role="cell"><ActionForm action=untie attr:class="inline">
                <input type="hidden" name="tenant" value=move || tenant.get()/>
                <input type="hidden" name="id" value=id/>
                <button class="link" type="submit" disabled=shut title=may_not_change() aria-label=spoken data-careful="">"Untie"</button>
            </ActionForm></td>
        </tr>
    }
}

fn person(tenant: Memo<String>, name: String, subject: String) -> impl IntoView {
    let (to, called) = (subject.clone(), if name.is_empty() { subject.clone() } else { name.clone() });
    let sub = (!name.is_empty()).then(|| view! { <span class="sub">{subject}</span> });
    view! { <td role="cell" class="wide"><a href=move || with_person(&format!("/t/{}/assignments", live(tenant)), &to)>{called}</a>{sub}</td> }
}

#[component]
fn LackingRow(line: LackingLine) -> impl IntoView {
    let tenant = use_tenant();
    let LackingLine { subject, name, wants, instead_of, group_name, refusal } = line;
    let holds = if instead_of.is_empty() { "nothing".to_owned() } else { instead_of };
    let refusal = refusal.map(|refusal| {
        let seq = refusal.seq;
        view! { <span class="bad">{refusal.text}</span>" "<a class="muted small" href=move || format!("/t/{}/audit?event={seq}", live(tenant))>{refusal.at}</a> }
    });
    view! {
        <tr role="row">
            {person(tenant, name, subject)}
            <td role="cell" data-before="is to hold ">{wants}</td>
            <td role="cell" class="muted" data-before="holds ">{holds}</td>
            <td role="cell"><bdi>{group_name}</bdi></td>
            <td role="cell">{refusal}</td>
        </tr>
    }
}

#[component]
fn LeftRow(line: LeftLine) -> impl IntoView {
    let tenant = use_tenant();
    let LeftLine { subject, name, holds, becomes, group_name, until } = line;
    let becomes = if becomes.is_empty() { "removed".to_owned() } else { becomes };
    view! {
        <tr role="row">
            {person(tenant, name, subject)}
            <td role="cell" data-before="holds ">{holds}</td><td role="cell" data-before="becomes ">{becomes}</td>
            <td role="cell" data-before="left "><bdi>{group_name}</bdi></td><td role="cell" class="num muted">{until}</td>
        </tr>
    }
}

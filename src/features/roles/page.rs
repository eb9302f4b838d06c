//! The list of roles, and the page of one: who gives it, and what would change without it.

use domain::text::{count, thousands, whole};
use leptos::prelude::*;
use leptos_router::components::Form;
use leptos_router::hooks::use_query_map;

use super::api::{role, roles};
use super::view::{GiverLine, RoleLine, RoleView, RolesView};
use crate::features::condition::show;
use crate::features::shared::{Refreshing, live, use_part, use_tenant};
use crate::ui::copy::CopyId;
use crate::ui::feedback::{Empty, Note, Skeleton};
use crate::ui::head::Head;
use crate::ui::load::load;
use crate::ui::query::{escape, to_query};

/// A figure of a cell, or that it may not be seen.
fn figure(n: Option<u64>) -> AnyView {
    match n {
        Some(n) => thousands(whole(n)).into_any(),
        None => view! { <span class="muted">"not visible"</span> }.into_any(),
    }
}

fn marks(line: &RoleLine) -> AnyView {
    let mark = line.mark.map(|mark| view! { <span class="chip warn">{mark.label()}</span> });
    let custom = line.custom.then(|| view! { <span class="chip">"custom"</span> });
    view! { {mark}{custom} }.into_any()
}

/// What is unknown because some groups keep their roles to themselves.
fn hidden_note(hidden: u64) -> Option<impl IntoView> {
    (hidden > 0).then(|| {
        let title = format!("The roles of {} are not visible with this key.", count(whole(hidden), "group", "groups"));
        view! { <Note tone="warn" title>"They may give any of these roles, so people cannot be counted."</Note> }
    })
}

/// The roles.
#[component]
pub fn RolesPage() -> impl IntoView {
    let tenant = use_tenant();
    let query = use_query_map();
    let refreshing = expect_context::<Refreshing>();
    let asked = move |key: &'static str| Memo::new(move |_| query.try_with(|query| query.get(key)).flatten().unwrap_or_default());
    let (search, sort) = (asked("q"), asked("sort"));
    let data = load(
        move || (live(tenant), live(search), live(sort), refreshing.version()),
        |(tenant, q, sort, _)| roles(tenant, q, sort),
    );
    view! {
        <Transition fallback=|| view! { <Head title="Roles" waiting=true/><Skeleton lines=12/> }>
            {move || data.get().map(|got| {
                show(got, move || data.refetch(), |_| "Roles".to_owned(), move |view: RolesView, _| {
                    view! { <List view search=search.get_untracked() sort=sort.get_untracked()/> }
                })
            })}
        </Transition>
    }
}

#[component]
fn List(view: RolesView, search: String, sort: String) -> impl IntoView {
    let tenant = use_tenant();
    let (found, of) = (view.roles.len() as u64, view.of);
    let heading = {
        let (search, sort) = (search.clone(), sort.clone());
        move |word: &'static str, text: &'static str, class: &'static str| {
            let on = sort == word || (word == "name" && sort != "people" && sort != "groups");
            let href = to_query(&[("q", search.clone()), ("sort", word.to_owned())]);
            let sorted = on.then_some(if word == "name" { "ascending" } else { "descending" });
            let arrow = match (on, word) {
                (false, _) => "",
                (true, "name") => " ↑",
                (true, _) => " ↓",
            };
            view! { <th role="columnheader" scope="col" class=class aria-sort=sorted><a href=href>{text}<span aria-hidden="true">{arrow}</span></a></th> }
        }
    };
    let rows = view
        .roles
        .into_iter()
        .map(|line| {
            let (id, level) = (escape(&line.id), if line.admin { "admin" } else { "user" });
            let marks = marks(&line);
            view! {
                <tr role="row">
                    <td role="cell" class="wide"><a href=move || format!("/t/{}/roles/{id}", tenant.get())>{line.name}</a>" "{marks}</td>
                    <td role="cell" class="muted hide-narrow">{level}</td>
                    <td role="cell" class="num" data-after=" groups">{thousands(whole(line.groups))}</td>
                    <td role="cell" class="num" data-after=line.people.map(|_| " people")>{figure(line.people)}</td>
                    <td role="cell" class="num" data-after=line.direct.map(|_| " directly")>{figure(line.direct)}</td>
                </tr>
            }
        })
        .collect_view();
    let list = if found == 0 {
        view! {
            <Empty title=if of == 0 && !view.whole { "Roles could not be loaded" } else { "No matching roles" }>
                <a href=move || format!("/t/{}/roles", tenant.get())>"Clear search"</a>"."
            </Empty>
        }
        .into_any()
    } else {
        view! {
            <div class="table" tabindex="0" role="region" aria-label="Roles">
                <table class="stacks" role="table">
                    <thead role="rowgroup"><tr role="row">
                        {heading("name", "Role", "")}<th role="columnheader" scope="col" class="hide-narrow">"Level"</th>
                        {heading("groups", "Groups that give it", "num")}{heading("people", "People", "num")}<th role="columnheader" scope="col" class="num">"Directly"</th>
                    </tr></thead>
                    <tbody role="rowgroup">{rows}</tbody>
                </table>
            </div>
        }
        .into_any()
    };
    view! {
        {hidden_note(view.hidden)}
        <Form method="GET" action="" attr:class="filters" attr:role="search">
            <label class="sr" for="q">"Search name or description"</label>
            <input class="search" type="search" id="q" name="q" placeholder="Name or description" value=search/>
            <input type="hidden" name="sort" value=sort/>
            <button class="button" type="submit">"Search"</button>
            <span class="result" role="status">{if found == of { count(whole(of), "role", "roles") } else { format!("{} of {} roles", thousands(whole(found)), thousands(whole(of))) }}</span>
        </Form>
        <p class="muted small told">"People who can sign in, counted once whichever way they have the role: directly, by a group, or by a system group."</p>
        {list}
    }
}

/// A role.
#[component]
pub fn RolePage() -> impl IntoView {
    let (tenant, id) = (use_tenant(), use_part("id"));
    let refreshing = expect_context::<Refreshing>();
    let data = load(move || (live(tenant), live(id), refreshing.version()), |(tenant, id, _)| role(tenant, id));
    view! {
        <Transition fallback=|| view! { <Head title="Role" waiting=true/><Skeleton lines=12/> }>
            {move || data.get().map(|got| {
                let heading = |view: Option<&RoleView>| view.map_or_else(|| "Role".to_owned(), |view| view.line.name.clone());
                show(got, move || data.refetch(), heading, move |view: RoleView, _| view! { <One view/> })
            })}
        </Transition>
    }
}

#[component]
fn One(view: RoleView) -> impl IntoView {
    let tenant = use_tenant();
    let RoleView { line, givers, hidden, permissions } = view;
    let allowed = permissions.len();
    let permissions = permissions.into_iter().map(|permission| view! { <li><code>{permission}</code></li> }).collect_view();
    let (to_people, to_groups) = (escape(&line.id), escape(&line.id));
    let own_groups = givers.iter().filter(|giver| !giver.system).count();
    let admin = line.admin;
    // The table of licenses knows what people have directly and by their own groups.
    let by_system = givers.iter().any(|giver| giver.system);
    let licenses = (!by_system).then(|| {
        view! { " "<a href=move || format!("/t/{}/assignments?role={to_people}", tenant.get())>"Show their licenses"</a> }
    });
    let people = match line.people {
        Some(people) => view! { {count(whole(people), "person", "people")}{licenses} }.into_any(),
        None => view! { <span class="muted">"not visible with this key"</span> }.into_any(),
    };
    let edit = (own_groups > 0).then(|| {
        view! { <a class="button" href=move || format!("/t/{}/groups?role={to_groups}", tenant.get())>"Select these groups…"</a> }
    });
    let rows = givers.into_iter().map(|giver| view! { <GiverRow giver/> }).collect_view();
    let none = (own_groups == 0).then_some(if hidden > 0 {
        "No group whose roles are visible gives it."
    } else {
        "No group of this tenant gives it."
    });
    let marks = marks(&line);
    let kind =
        format!("{}, {}", if admin { "admin" } else { "user" }, if line.custom { "made in this tenant" } else { "made by Qlik" });
    view! {
        {hidden_note(hidden)}
        <div class="grid cols">
            <section class="panel" aria-labelledby="givers">
                <header><h2 id="givers">"Groups that give it"</h2>{edit}</header>
                {none.map(|none| view! { <p class="muted">{none}</p> })}
                <div class="table" tabindex="0" role="region" aria-label="Groups that give this role">
                    <table class="stacks" role="table">
                        <thead role="rowgroup"><tr role="row">
                            <th role="columnheader" scope="col">"Group"</th><th role="columnheader" scope="col" class="hide-narrow">"Source"</th>
                            <th role="columnheader" scope="col" class="num">"Members"</th><th role="columnheader" scope="col" class="num">"Would lose it without this group"</th>
                        </tr></thead>
                        <tbody role="rowgroup">{rows}</tbody>
                    </table>
                </div>
            </section>
            <aside class="aside grid" aria-label="Facts">
                <section class="panel" aria-labelledby="facts">
                    <header><h2 id="facts">"Facts"</h2>{marks}</header>
                    <dl class="facts">
                        <dt>"Who has it"</dt><dd>{people}</dd>
                        <dt>"Directly"</dt><dd>{figure(line.direct)}</dd>
                        <dt>"Level"</dt><dd>{kind}</dd>
                        {(!line.description.is_empty()).then(|| view! { <dt>"Description"</dt><dd>{line.description}</dd> })}
                        <dt>"ID"</dt><dd><CopyId text=line.id/></dd>
                    </dl>
                    <p class="muted small">"Roles themselves are changed in Qlik. Members are counted if they can sign in."</p>
                </section>
                <section class="panel" aria-labelledby="permissions">
                    <header><h2 id="permissions">"Permissions"</h2><span class="muted small">{if allowed == 0 { "Qlik lists none".to_owned() } else { thousands(whole(allowed)) }}</span></header>
                    <ul class="permissions">{permissions}</ul>
                </section>
            </aside>
        </div>
    }
}

#[component]
fn GiverRow(giver: GiverLine) -> impl IntoView {
    let tenant = use_tenant();
    let id = escape(&giver.id);
    let all_keep = giver.only_here == Some(0) && giver.members.is_some_and(|members| members > 0);
    let loses = (giver.only_here.is_some() && !all_keep).then_some(" would lose it");
    let lose = match giver.only_here {
        Some(0) if all_keep => view! { <span class="muted">"none: all have it another way too"</span> }.into_any(),
        only => figure(only),
    };
    view! {
        <tr role="row">
            <td role="cell" class="wide"><a href=move || format!("/t/{}/groups/{id}", tenant.get())>{giver.name}</a></td>
            <td role="cell" class="muted hide-narrow">{giver.provider}</td>
            <td role="cell" class="num" data-after=giver.members.map(|_| " members")>{figure(giver.members)}</td>
            <td role="cell" class="num" data-after=loses>{lose}</td>
        </tr>
    }
}

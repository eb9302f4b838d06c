//! How the tenant was on an earlier day: seats, people and groups that were otherwise, and what that was put together from.

use leptos::prelude::*;
use leptos_router::components::Form;
use leptos_router::hooks::use_location;

use super::api::then;
use super::view::{Moment, SeatsThen, ThenLine, ThenView};
use crate::features::assignments::with_person;
use crate::features::condition::NotShown;
use crate::features::shared::{live, use_tenant};
use crate::ui::feedback::{Empty, Note, Skeleton};
use crate::ui::head::Head;
use crate::ui::load::load;
use crate::ui::pager::Pager;
use domain::text::{count, thousands, whole};

/// The page; a question where the address names no day.
#[component]
pub fn ThenPage() -> impl IntoView {
    let tenant = use_tenant();
    let location = use_location();
    let query = Memo::new(move |_| location.search.try_with(|search| Moment::read(search).query()).unwrap_or_default());
    let data = load(
        move || (live(tenant), live(query)),
        |(tenant, query)| async move {
            if Moment::read(&query).day.is_empty() { Ok(None) } else { then(tenant, query).await.map(Some) }
        },
    );
    let export = move || {
        let asked = Moment { q: String::new(), page: 1, ..Moment::read(&live(query)) };
        (!asked.day.is_empty()).then(|| {
            let to = format!("/t/{}/audit/then.csv{}", live(tenant), asked.query());
            view! { <a class="link" href=to rel="external" download="">"Export licenses"</a> }
        })
    };
    view! {
        <Head title="How it was">
            <a class="link" href=move || format!("/t/{}/audit", live(tenant))>"All events"</a>
            {export}
        </Head>
        {move || view! { <Ask asked=Moment::read(&live(query))/> }}
        <Transition fallback=|| view! { <Skeleton lines=8/> }>
            {move || data.get().map(|got| match got {
                Ok(None) => view! {
                    <Empty title="Choose a day">"You see who held which license and which roles groups gave at the end of that day, or at a time of it."</Empty>
                }.into_any(),
                Ok(Some(view)) => view! { <Body view asked=Moment::read(&live(query))/> }.into_any(),
                Err(error) => view! { <NotShown error again=move || data.refetch()/> }.into_any(),
            })}
        </Transition>
    }
}

#[component]
fn Ask(asked: Moment) -> impl IntoView {
    view! {
        <Form method="GET" action="" attr:class="trail" attr:role="search" attr:aria-label="Choose a moment">
            <label><span>"On"</span><input class="input" type="date" name="at" value=asked.day required/></label>
            <label><span>"at"</span><input class="input" type="time" name="time" value=asked.time aria-label="Time; the end of the day if empty"/></label>
            <input class="search" type="search" name="q" aria-label="Person or group" placeholder="Person or group" value=asked.q/>
            <button class="button primary" type="submit">"Show"</button>
        </Form>
    }
}

#[component]
fn Body(view: ThenView, asked: Moment) -> impl IntoView {
    let tenant = use_tenant();
    let ThenView { at, made_of, seats, people, people_in_all, page, pages, groups } = view;
    let nothing = people.is_empty() && groups.is_empty();
    let found = if asked.q.is_empty() { String::new() } else { format!(" matching “{}”", asked.q) };
    let href =
        Callback::new(move |to: u32| format!("/t/{}/audit/then{}", live(tenant), Moment { page: to, ..asked.clone() }.query()));
    let seats = seats.into_iter().map(|line| view! { <SeatRow line/> }).collect_view();
    view! {
        <Note tone="ok" title=format!("As of {at}.")>{made_of.join(" ")}</Note>
        <div class="grid">
            <section class="panel" aria-labelledby="seats">
                <header><h2 id="seats">"Seats"</h2><span class="muted small">"put together, and as Qlik counted them that day"</span></header>
                <div class="table" tabindex="0" role="region" aria-label="Seats by license type"><table class="stacks" role="table">
                    <thead role="rowgroup"><tr role="row"><th role="columnheader">"License"</th><th role="columnheader" class="num">"Then"</th><th role="columnheader" class="num">"Counted by Qlik"</th><th role="columnheader" class="num">"Now"</th></tr></thead>
                    <tbody role="rowgroup">{seats}</tbody>
                </table></div>
            </section>
            {nothing.then(|| view! { <Empty title="Nothing else was different">{format!("No person or group{found} differs from now.")}</Empty> })}
            {(!people.is_empty()).then(|| view! {
                <Different id="people" each="Person" label="People who held something else" title=count(whole(people_in_all), "person held something else", "people held something else") lines=people>
                    <Pager page pages href/>
                </Different>
            })}
            {(!groups.is_empty()).then(|| view! {
                <Different id="groups" each="Group" label="Groups that gave other roles" title=count(whole(groups.len() as u64), "group gave other roles", "groups gave other roles") lines=groups>
                    ""
                </Different>
            })}
        </div>
    }
}

/// What was otherwise then: a table of people or groups.
#[component]
fn Different(
    id: &'static str,
    each: &'static str,
    label: &'static str,
    title: String,
    lines: Vec<ThenLine>,
    children: Children,
) -> impl IntoView {
    let rows = lines.into_iter().map(|line| view! { <ThenRow line/> }).collect_view();
    view! {
        <section class="panel" aria-labelledby=id>
            <header><h2 id=id>{title}</h2></header>
            <div class="table" tabindex="0" role="region" aria-label=label><table class="stacks" role="table">
                <thead role="rowgroup"><tr role="row"><th role="columnheader">{each}</th><th role="columnheader">"Then"</th><th role="columnheader">"Now"</th><th role="columnheader" class="num">"Changed by"</th></tr></thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table></div>
            {children()}
        </section>
    }
}

#[component]
fn SeatRow(line: SeatsThen) -> impl IntoView {
    let counted = line.counted.map_or_else(|| "not read".to_owned(), thousands);
    view! {
        <tr role="row">
            <td role="cell">{line.name}</td>
            <td role="cell" class="num" data-before="then ">{thousands(line.then)}</td>
            <td role="cell" class="num muted" data-before="counted by Qlik ">{counted}</td>
            <td role="cell" class="num" data-before="now ">{thousands(line.now)}</td>
        </tr>
    }
}

#[component]
fn ThenRow(line: ThenLine) -> impl IntoView {
    let tenant = use_tenant();
    let ThenLine { name, subject, then, now, seq } = line;
    let who = if subject.is_empty() {
        view! { {name} }.into_any()
    } else {
        let to = subject.clone();
        let called = if name.is_empty() { subject.clone() } else { name.clone() };
        let sub = (!name.is_empty()).then(|| view! { <span class="sub">{subject}</span> });
        view! { <a href=move || with_person(&format!("/t/{}/assignments", live(tenant)), &to)>{called}</a>{sub} }.into_any()
    };
    let changed = if seq > 0 {
        view! { <a href=move || format!("/t/{}/audit?event={seq}", live(tenant))>{format!("No. {}", thousands(seq))}</a> }
            .into_any()
    } else {
        view! { <span class="muted">"outside Quartermaster"</span> }.into_any()
    };
    view! {
        <tr role="row">
            <td role="cell">{who}</td>
            <td role="cell" data-before="then ">{then}</td>
            <td role="cell" data-before="now ">{now}</td>
            <td role="cell" class="num">{changed}</td>
        </tr>
    }
}

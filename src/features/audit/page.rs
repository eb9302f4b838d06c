//! The audit trail as a list: an event a line, filtered by the address.

use domain::change::Kind;
use domain::journal::RowState;
use leptos::prelude::*;
use leptos_router::components::Form;
use leptos_router::hooks::use_location;

use super::api::audit;
use super::event::{EventPanel, chosen};
use super::view::{Asked, AuditLine, AuditView};
use crate::features::condition::NotShown;
use crate::features::jobs::{TallyChips, outcome, short};
use crate::features::shared::{live, use_tenant};
use crate::ui::feedback::{Empty, Skeleton};
use crate::ui::head::Head;
use crate::ui::load::load;

/// What is done beside changes, with the words for it.
const ACTIONS: [(&str, &str); 19] = [
    ("apply", "apply a plan"),
    ("connect", "connect"),
    ("disconnect", "disconnect"),
    ("end session", "sign out a session"),
    ("approve plan", "approve a plan"),
    ("apply approved plan", "apply an approved plan"),
    ("revoke key", "revoke a job's key"),
    ("grant.made", "give a job its own key"),
    ("credential.refreshed", "renew a connection"),
    ("credential.lost", "lose a connection"),
    ("export", "export a file"),
    ("declare baseline", "declare a baseline of groups"),
    ("remove baseline", "remove the baseline of groups"),
    ("tie license", "tie a license to a group"),
    ("untie license", "untie a license from a group"),
    ("refuse", "reject a request"),
    ("chain.begin", "begin the chain of records"),
    ("chain.broken", "find the trail cut or changed"),
    ("audit.key_rotated", "change the audit key"),
];

/// The trail, newest first.
#[component]
pub fn AuditPage() -> impl IntoView {
    let tenant = use_tenant();
    let location = use_location();
    let query = Memo::new(move |_| location.search.try_with(|search| Asked::read(search).query()).unwrap_or_default());
    let data = load(move || (live(tenant), live(query)), |(tenant, query)| audit(tenant, query));
    let seq = chosen();
    let close = Memo::new(move |_| format!("/t/{}/audit{}", live(tenant), live(query)));
    let is_open = Memo::new(move |_| live(seq) > 0);
    let export = move |format: &str| {
        let asked = Asked { before: 0, ..Asked::read(&live(query)) }.query();
        let join = if asked.is_empty() { "?" } else { "&" };
        format!("/t/{}/audit/export{asked}{join}format={format}", live(tenant))
    };
    view! {
        <Head title="Audit">
            <a class="link" href=move || format!("/t/{}/audit/then", live(tenant))>"How it was on a day"</a>
            <a class="link" href=move || export("csv") rel="external" download="">"Export CSV"</a>
            <a class="link" href=move || export("jsonl") rel="external" download="">"Export JSON lines"</a>
        </Head>
        {move || view! { <Filters asked=Asked::read(&live(query))/> }}
        <div class="split" class:open=is_open>
        <div class="main">
        <Transition fallback=|| view! { <Skeleton lines=10/> }>
            {move || data.get().map(|got| {
                let asked = Asked::read(&live(query));
                match got {
                    Ok(view) if view.lines.is_empty() && asked.is_filtered() => view! {
                        <Empty title="No matching events"><a href=move || format!("/t/{}/audit", tenant.get())>"Clear filters"</a>"."</Empty>
                    }.into_any(),
                    Ok(view) if view.lines.is_empty() => view! { <Empty title="No events yet">"Connections and changes are recorded here."</Empty> }.into_any(),
                    Ok(view) => view! { <Trail view asked seq/> }.into_any(),
                    Err(error) => view! { <NotShown error again=move || data.refetch()/> }.into_any(),
                }
            })}
        </Transition>
        </div>
        <EventPanel seq close/>
        </div>
    }
}

/// What was done, in words.
pub(super) fn worded(action: &str) -> String {
    ACTIONS.iter().find(|(known, _)| *known == action).map_or(action.to_owned(), |(_, words)| (*words).to_owned())
}

/// A select of words, the first of them for any.
fn choices(any: &'static str, all: Vec<(String, String)>, chosen: &str) -> impl IntoView + use<> {
    let chosen = chosen.to_owned();
    let options = all
        .into_iter()
        .map(|(value, words)| {
            let selected = value == chosen;
            view! { <option value=value selected=selected>{words}</option> }
        })
        .collect_view();
    view! { <option value="">{any}</option>{options} }
}

#[component]
fn Filters(asked: Asked) -> impl IntoView {
    let tenant = use_tenant();
    let mut verbs: Vec<&str> = Kind::ALL.iter().map(|kind| kind.verb()).collect();
    verbs.dedup();
    let actions = ACTIONS.map(|(value, words)| (value.to_owned(), words.to_owned())).into_iter();
    let actions = actions.chain(verbs.into_iter().map(|verb| (verb.to_owned(), verb.to_owned()))).collect();
    let results = RowState::ALL.into_iter().filter(|state| !matches!(state, RowState::Planned | RowState::Sent));
    let results = results.map(|state| (state.as_str().to_owned(), outcome(state.as_str()).1)).collect();
    let clear = asked.is_filtered().then(|| {
        view! { <a class="button plain" href=move || format!("/t/{}/audit", tenant.get())>"Clear filters"</a> }
    });
    let of_job = (!asked.job.is_empty()).then(|| {
        let (job, text) = (asked.job.clone(), format!("Rows of job {}", short(&asked.job)));
        view! { <input type="hidden" name="job" value=job/><span class="chip">{text}</span> }
    });
    view! {
        <Form method="GET" action="" attr:class="trail" attr:role="search" attr:aria-label="Filter events">
            <input class="search" type="search" name="target" aria-label="Target" placeholder="Person, group or plan" value=asked.target.clone()/>
            <input class="input actor" type="search" name="actor" aria-label="Actor" placeholder="Actor" value=asked.actor.clone()/>
            <select class="select" name="action" aria-label="Action">{choices("Action: any", actions, &asked.action)}</select>
            <select class="select" name="outcome" aria-label="Result">{choices("Result: any", results, &asked.outcome)}</select>
            <label><span>"From"</span><input class="input" type="date" name="from" value=asked.from.clone()/></label>
            <label><span>"to"</span><input class="input" type="date" name="to" value=asked.to.clone()/></label>
            {of_job}
            <button class="button" type="submit">"Filter"</button>
            {clear}
        </Form>
    }
}

#[component]
fn Trail(view: AuditView, asked: Asked, seq: Memo<i64>) -> impl IntoView {
    let tenant = use_tenant();
    let here = asked.query();
    let older = view.lines.last().map(|line| line.seq).filter(|_| view.more);
    let newest = (asked.before > 0).then(|| Asked { before: 0, ..asked.clone() }.query());
    let older = older.map(|before| Asked { before, ..asked }.query());
    let rows = view.lines.into_iter().map(|line| view! { <Event line here=here.clone() seq/> }).collect_view();
    view! {
        <div class="table" tabindex="0" role="region" aria-label="Audit trail">
            // The roles are spelt out because narrow screens show the rows as blocks, which takes them from the elements.
            <table class="stacks" role="table">
                <thead role="rowgroup"><tr role="row">
                    <th role="columnheader">"When"</th><th role="columnheader" class="hide-narrow">"Actor"</th><th role="columnheader">"Action"</th>
                    <th role="columnheader">"Target"</th><th role="columnheader">"Result"</th><th role="columnheader" class="trail-details">"Details"</th>
                    <th role="columnheader" class="num">"No."</th>
                </tr></thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
        </div>
        <nav class="pager" aria-label="Pages">
            {newest.map(|query| view! { <a class="button" href=move || format!("/t/{}/audit{query}", tenant.get())>"Newest events"</a> })}
            {older.map(|query| view! { <a class="button" rel="next" href=move || format!("/t/{}/audit{query}", tenant.get())>"Older events"</a> })}
        </nav>
    }
}

#[component]
fn Event(line: AuditLine, here: String, seq: Memo<i64>) -> impl IntoView {
    let tenant = use_tenant();
    let words = worded(&line.action);
    let at = line.seq;
    let join = if here.is_empty() { '?' } else { '&' };
    let open = move || format!("/t/{}/audit{here}{join}event={at}", tenant.get());
    let is_open = Memo::new(move |_| live(seq) == at);
    let result = match line.tally {
        Some(tally) => view! { <TallyChips tally/> }.into_any(),
        None => {
            let (class, words) = outcome(&line.outcome);
            view! { <span class=class>{words}</span> }.into_any()
        }
    };
    let job = (!line.job.is_empty()).then(|| {
        let (id, text) = (line.job.clone(), format!("job {}", short(&line.job)));
        let rows = (line.action == "apply").then(|| {
            let id = id.clone();
            view! { ", "<a href=move || format!("/t/{}/audit?job={id}", tenant.get())>{line.detail.clone()}</a> }
        });
        view! { <a href=move || format!("/t/{}/jobs/{id}", tenant.get())>{text}</a>{rows} }
    });
    let detail = (line.action != "apply" && !line.detail.is_empty()).then(|| format!("{} ", line.detail));
    view! {
        <tr role="row" class:chosen=is_open>
            <td role="cell" class="num-left">{line.at}</td>
            <td role="cell" class="hide-narrow">{line.actor}</td>
            <td role="cell">{words}</td>
            <td role="cell" class="title wide"><span class:mono=line.action != "apply">{line.target}</span></td>
            <td role="cell">{result}</td>
            <td role="cell" class="muted trail-details">{detail}{job}</td>
            <td role="cell" class="num" data-before="No. "><a data-noscroll="" href=open aria-label=format!("Event No. {at}") aria-current=move || is_open.get().then_some("true")>{at}</a></td>
        </tr>
    }
}

//! The list of jobs, and the page of one.

use domain::journal::{RowState, Tally};
use domain::plan::Change;
use domain::text::{count, thousands};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::{JobLine, JobView, Redo, ResultLine, Steer, job, jobs};
use crate::features::shared::{ErrorPanel, Failed, busy, live, use_part, use_tenant};
use crate::ui::feedback::{Empty, Note, ProgressBar, Skeleton};
use crate::ui::head::Head;
use crate::ui::pager::Pager;

fn n(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Chips for what became of rows.
#[component]
fn TallyChips(tally: Tally) -> impl IntoView {
    let chip = |n: u64, class: &'static str, word: &str| {
        (n > 0).then(
            || view! { <span class=class>{format!("{} {word}", thousands(i64::try_from(n).unwrap_or(i64::MAX)))}</span> " " },
        )
    };
    view! {
        {chip(tally.done, "chip ok", "done")}
        {chip(tally.already, "chip", "already so")}
        {chip(tally.refused, "chip bad", "refused")}
        {chip(tally.conflict, "chip warn", "in conflict")}
        {chip(tally.unknown, "chip warn", "unknown")}
        {chip(tally.planned + tally.sent, "chip", "to go")}
    }
}

/// Jobs as a table.
#[component]
pub fn JobTable(
    /// The jobs.
    lines: Vec<JobLine>,
) -> impl IntoView {
    let tenant = use_tenant();
    let rows = lines
        .into_iter()
        .map(|line| {
            let id = line.id.clone();
            view! {
                <tr>
                    <td class="num-left">{line.at}</td>
                    <td class="hide-narrow">{line.author}</td>
                    <td><a href=move || format!("/t/{}/jobs/{id}", tenant.get())>{line.title}</a></td>
                    <td class="num">{thousands(n(line.tally.total()))}</td>
                    <td><TallyChips tally=line.tally/></td>
                    <td class="muted">{line.state}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="table" tabindex="0" role="region" aria-label="Jobs">
            <table>
                <thead><tr><th>"When"</th><th class="hide-narrow">"Who"</th><th>"What"</th><th class="num">"Rows"</th><th>"Result"</th><th>"State"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

/// The tenant's jobs.
#[component]
pub fn JobsPage() -> impl IntoView {
    let tenant = use_tenant();
    let data = Resource::new(move || live(tenant), jobs);
    view! {
        <Head title="Jobs"/>
        <Transition fallback=|| view! { <Skeleton lines=6/> }>
            {move || data.get().map(|got| {
                match got {
                    Ok(lines) if lines.is_empty() => view! {
                        <Empty title="No job has run yet">
                            "A job begins when a plan is applied. "<a href=move || format!("/t/{}/assignments", tenant.get())>"Select rows to plan a change"</a>"."
                        </Empty>
                    }.into_any(),
                    Ok(lines) => view! { <JobTable lines/> }.into_any(),
                    Err(error) => view! { <ErrorPanel error/> }.into_any(),
                }
            })}
        </Transition>
    }
}

/// One job.
#[component]
pub fn JobPage() -> impl IntoView {
    let (tenant, id) = (use_tenant(), use_part("id"));
    let query = use_query_map();
    let page = Memo::new(move |_| {
        query.try_with(|query| query.get("page")).flatten().and_then(|page| page.parse::<u32>().ok()).unwrap_or(1)
    });
    let steer = ServerAction::<Steer>::new();
    let steered = steer.version();
    let redo = ServerAction::<Redo>::new();
    let data = Resource::new(
        move || (live(tenant), live(id), live(page), steered.try_get().unwrap_or_default()),
        |(tenant, id, page, _)| job(tenant, id, page),
    );
    view! {
        <Failed of=steer.value()/>
        <Failed of=redo.value()/>
        <Transition fallback=|| view! { <Head title="Job" waiting=true/><Skeleton lines=8/> }>
            {move || data.get().map(|got| {
                match got {
                    Ok(view) => view! { <Body view steer redo again=Callback::new(move |()| data.refetch())/> }.into_any(),
                    Err(error) => view! { <Head title="Job"/><ErrorPanel error/> }.into_any(),
                }
            })}
        </Transition>
    }
}

#[component]
fn Body(view: JobView, steer: ServerAction<Steer>, redo: ServerAction<Redo>, again: Callback<()>) -> impl IntoView {
    let (tenant, id) = (use_tenant(), use_part("id"));
    let JobView { line, plan, reason, finished, undo_of, rows, page, pages, budget } = view;
    let tally = line.tally;
    let live = !line.over && line.state != "paused";
    #[cfg(feature = "hydrate")]
    if live {
        let handle = set_timeout_with_handle(move || again.run(()), std::time::Duration::from_millis(700));
        on_cleanup(move || {
            if let Ok(handle) = handle {
                handle.clear();
            }
        });
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = again;
    let wish = move |to: &'static str, text: &'static str, class: &'static str| {
        view! {
            <ActionForm action=steer>
                <input type="hidden" name="tenant" value=move || tenant.get()/>
                <input type="hidden" name="id" value=move || id.get()/>
                <button class=class type="submit" name="to" value=to>{text}</button>
            </ActionForm>
        }
    };
    let again_with = move |what: &'static str, text: String, class: &'static str| {
        view! {
            <ActionForm action=redo>
                <input type="hidden" name="tenant" value=move || tenant.get()/>
                <input type="hidden" name="id" value=move || id.get()/>
                <button class=class type="submit" name="what" value=what disabled=busy(redo)>{text}</button>
            </ActionForm>
        }
    };
    let said = format!(
        "{} of {}: {} done, {} already so, {} refused{}",
        thousands(n(tally.settled())),
        thousands(n(tally.total())),
        thousands(n(tally.done)),
        thousands(n(tally.already)),
        thousands(n(tally.refused)),
        if tally.conflict > 0 { format!(", {} in conflict", thousands(n(tally.conflict))) } else { String::new() }
    );
    let retry = tally.failed() + if line.over { tally.planned } else { 0 };
    let state = match line.state.as_str() {
        "finished" => "finished",
        "cancelled" => "cancelled, the rest was not sent",
        "paused" => "paused",
        "cancelling" => "stopping once what is sent is settled",
        "queued" => "waiting for its turn",
        _ => "running",
    };
    let title = format!("Job {}: {}", short(&line.id), line.title);
    let href = Callback::new(move |to: u32| format!("/t/{}/jobs/{}?page={to}", tenant.get_untracked(), id.get_untracked()));
    view! {
        <Head title><span>{if live { "live".to_owned() } else { finished.map(|at| format!("ended {at}")).unwrap_or_default() }}</span></Head>
        {(!reason.is_empty()).then(|| view! { <Note tone="warn" title="Paused.">{reason}</Note> })}
        <div class="grid">
            <div class="job">
                <ProgressBar label="Rows settled" now=tally.settled() bad=tally.failed() max=tally.total()/>
                <dl class="facts">
                    <dt>"State"</dt><dd><span role="status">{state}</span></dd>
                    <dt>"Settled"</dt><dd>{said}</dd>
                    <dt>"Asked for"</dt><dd>{format!("{} by {}", line.at, line.author)}</dd>
                    <dt>"Plan"</dt><dd><a href=move || format!("/t/{}/plans/{plan}", tenant.get())>{format!("{}, as it was read", line.title)}</a></dd>
                    {undo_of.map(|undone| {
                        let text = format!("job {}", short(&undone));
                        view! { <dt>"From"</dt><dd><a href=move || format!("/t/{}/jobs/{undone}", tenant.get())>{text}</a></dd> }
                    })}
                    {live.then(|| view! { <dt>"Budget"</dt><dd>{budget}</dd> })}
                </dl>
            </div>
            <div class="foot">
                <span class="grow"></span>
                {(tally.failed() > 0).then(|| view! {
                    <a class="button" href=move || format!("/export/{}/failures.csv?id={}", tenant.get(), id.get()) rel="external" download="">"Export failures"</a>
                })}
                {matches!(line.state.as_str(), "running" | "queued").then(|| wish("pause", "Pause", "button"))}
                {(line.state == "paused").then(|| wish("resume", "Resume", "button primary"))}
                {matches!(line.state.as_str(), "running" | "queued" | "paused").then(|| wish("cancel", "Cancel the rest", "button danger"))}
                {(line.over && retry > 0).then(|| again_with("retry", format!("Retry {}", thousands(n(retry))), "button"))}
                {(line.over && tally.done > 0).then(|| again_with("undo", format!("Undo {}", count(n(tally.done), "change", "changes")), "button"))}
            </div>
            <Results rows/>
            <Pager page pages href/>
        </div>
    }
}

/// The first letters of an id: enough to tell jobs apart aloud.
pub(crate) fn short(id: &str) -> String {
    id.chars().take(4).collect::<String>().to_uppercase()
}

/// A change from one thing to another, in words.
pub(crate) fn from_to(change: &Change) -> (String, String) {
    let none = || "none".to_owned();
    match change {
        Change::Assign { allotment, .. } => (none(), allotment.label()),
        Change::Remove { allotment, .. } => (allotment.label(), none()),
        Change::ChangeType { from, to, .. } => (from.label(), to.label()),
        Change::Rename { from, to, .. } => (from.to_string(), to.to_string()),
        Change::GroupRoles { before, after, .. } => {
            let diff = domain::roles::RoleDiff::between(before, after);
            (
                count(n(before.len() as u64), "role", "roles"),
                format!("{} added, {} removed", diff.added.len(), diff.removed.len()),
            )
        }
        Change::AutoAssign { before, after } => {
            let words = |settings: &domain::inventory::AutoAssign| {
                let word = |on: Option<bool>| if on == Some(true) { "on" } else { "off" };
                format!("Professional {}, Analyzer {}", word(settings.professional), word(settings.analyzer))
            };
            (words(before), words(after))
        }
        Change::GroupSettings { before, after } => {
            let words = |settings: &domain::inventory::GroupSettings| {
                let word = |on: bool| if on { "on" } else { "off" };
                format!(
                    "create at sign-in {}, sync {}",
                    word(settings.auto_create_groups),
                    word(settings.sync_idp_groups == Some(true))
                )
            };
            (words(before), words(after))
        }
    }
}

#[component]
fn Results(rows: Vec<ResultLine>) -> impl IntoView {
    let lines = rows
        .into_iter()
        .map(|row| {
            let (from, to) = from_to(&row.change);
            let (class, word) = match row.state {
                RowState::Done => ("chip ok", "done"),
                RowState::Already => ("chip", "already so"),
                RowState::Refused => ("chip bad", "refused"),
                RowState::Conflict => ("chip warn", "conflict"),
                RowState::Unknown => ("chip warn", "unknown"),
                RowState::Sent => ("chip", "sent"),
                RowState::Planned => ("chip", "to go"),
            };
            let target = row.change.target();
            let name = if row.name == target { String::new() } else { row.name };
            view! {
                <tr role="row">
                    <td role="cell"><span class=class>{word}</span></td>
                    <td role="cell">{(!name.is_empty()).then(|| view! { <span>{name}</span> })}<span class="sub">{target}</span></td>
                    <td role="cell">{from}" → "{to}</td>
                    <td role="cell">{(!row.code.is_empty()).then(|| view! { <span class="chip bad">{row.code}</span>" " })}{row.title}
                        {(!row.trace.is_empty()).then(|| view! { <code class="sub">{row.trace}</code> })}</td>
                    <td role="cell" class="muted">{row.remedy}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="panel" aria-labelledby="results">
            <header><h2 id="results">"Results, row by row"</h2><span class="muted small">"failures first"</span></header>
            <div class="table" tabindex="0" role="region" aria-label="Results">
                // The roles are spelt out because narrow screens show the rows as blocks, which takes them from the elements.
                <table class="results" role="table">
                    <thead role="rowgroup"><tr role="row">
                        <th role="columnheader">"Result"</th><th role="columnheader">"Person or group"</th><th role="columnheader">"Change"</th>
                        <th role="columnheader">"Qlik says"</th><th role="columnheader">"What to do"</th>
                    </tr></thead>
                    <tbody role="rowgroup">{lines}</tbody>
                </table>
            </div>
        </section>
    }
}

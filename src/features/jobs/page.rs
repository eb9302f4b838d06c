//! The list of jobs, and the page of one.

use domain::change::{Names, Told};
use domain::journal::{RowState, Tally};
use domain::text::{count, thousands, whole};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::{HandOver, Redo, Steer, job, jobs};
use super::view::{JobLine, JobView, PAUSING, Pulse, ResultGroup, ResultLine, Tallies};
use crate::features::condition::{Failed, LoadsItself, NotShown, failed};
use crate::features::me::{lacks, may_not_change};
use crate::features::shared::{live, shut, use_part, use_tenant};
use crate::rank::Rank;
use crate::ui::copy::CopyId;
use crate::ui::feedback::{Empty, Note, ProgressBar, Skeleton};
use crate::ui::head::Head;
use crate::ui::load::load;
use crate::ui::pager::Pager;
use crate::ui::post::{Post, field};

/// Chips for what became of rows.
#[component]
pub fn TallyChips(
    /// How many rows came to what.
    tally: Tally,
) -> impl IntoView {
    let chip = |n: u64, state: RowState| {
        let (class, word) = worded(state);
        (n > 0).then(
            || view! { <span class=class>{format!("{} {word}", thousands(i64::try_from(n).unwrap_or(i64::MAX)))}</span> " " },
        )
    };
    view! {
        {chip(tally.done, RowState::Done)}
        {chip(tally.already, RowState::Already)}
        {chip(tally.refused, RowState::Refused)}
        {chip(tally.conflict, RowState::Conflict)}
        {chip(tally.unknown, RowState::Unknown)}
        {chip(tally.planned + tally.sent, RowState::Planned)}
    }
}

/// Jobs as a table.
#[component]
pub fn JobTable(
    /// The jobs.
    lines: Vec<JobLine>,
) -> impl IntoView {
    let tenant = use_tenant();
    let redo = ServerAction::<Redo>::new();
    let pending = shut(redo, false);
    let rows = lines
        .into_iter()
        .map(|line| {
            let id = line.id.clone();
            let again = |what: &'static str, rows: u64, verb: &str| {
                let spoken = format!("{verb} {} of job {}", count(whole(rows), "change", "changes"), short(&line.id));
                let (id, verb) = (line.id.clone(), verb.to_owned());
                (rows > 0).then(|| view! {
                    <Post action=redo class="inline" input=|of| Redo { tenant: field(of, "tenant"), id: field(of, "id"), what: field(of, "what") }>
                        <input type="hidden" name="tenant" value=move || tenant.get()/>
                        <input type="hidden" name="id" value=id/>
                        <input type="hidden" name="what" value=what/>
                        <button class="link" type="submit" aria-label=spoken disabled=pending title=may_not_change() data-careful="">{verb}</button>
                    </Post>
                })
            };
            let (retry, undo) = (again("retry", line.retry, "Retry"), again("undo", line.undo, "Undo"));
            view! {
                <tr role="row">
                    <td role="cell" class="num-left">{line.at}</td>
                    <td role="cell" class="hide-narrow">{line.author}</td>
                    <td role="cell" class="title wide"><a href=move || format!("/t/{}/jobs/{id}", tenant.get()) title=line.title.clone()>{line.title.clone()}</a></td>
                    <td role="cell" class="num" data-after=" rows">{thousands(whole(line.tally.total()))}</td>
                    <td role="cell"><TallyChips tally=line.tally/></td>
                    // What is finished says so by its result.
                    <td role="cell" class="muted">{if line.state == "finished" { String::new() } else { line.state }}</td>
                    <td role="cell" class="acts">{retry}{undo}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Failed of=redo.value()/>
        <div class="table" tabindex="0" role="region" aria-label="Jobs">
            // The roles are spelt out because narrow screens show the rows as blocks, which takes them from the elements.
            <table class="stacks" role="table">
                <thead role="rowgroup"><tr role="row">
                    <th role="columnheader">"When"</th><th role="columnheader" class="hide-narrow">"Who"</th><th role="columnheader">"Change"</th>
                    <th role="columnheader" class="num">"Rows"</th><th role="columnheader">"Result"</th><th role="columnheader">"State"</th>
                    <th role="columnheader"><span class="sr">"Actions"</span></th>
                </tr></thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
        </div>
    }
}

/// The tenant's jobs.
#[component]
pub fn JobsPage() -> impl IntoView {
    let tenant = use_tenant();
    let data = load(move || live(tenant), jobs);
    // While a job is under way, the list follows it.
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        let moves = matches!(data.get(), Some(Ok(lines)) if lines.iter().any(|line| !line.over && line.state != "paused"));
        if moves {
            crate::ui::scope::Scope::here().later(std::time::Duration::from_secs(2), move || data.refetch());
        }
    });
    view! {
        <Head title="Jobs"/>
        <Transition fallback=|| view! { <Skeleton lines=6/> }>
            {move || data.get().map(|got| {
                match got {
                    Ok(lines) if lines.is_empty() => view! {
                        <Empty title="No jobs yet">
                            "Jobs start when you apply a plan. "<a href=move || format!("/t/{}/assignments", tenant.get())>"Select people to plan a change"</a>"."
                        </Empty>
                    }.into_any(),
                    Ok(lines) => view! { <JobTable lines/> }.into_any(),
                    Err(error) => view! { <NotShown error again=move || data.refetch()/> }.into_any(),
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
    let hand_over = ServerAction::<HandOver>::new();
    let (steered, handed_over) = (steer.version(), hand_over.version());
    let redo = ServerAction::<Redo>::new();
    let data = load(
        move || {
            (
                live(tenant),
                live(id),
                live(page),
                steered.try_get().unwrap_or_default() + handed_over.try_get().unwrap_or_default(),
            )
        },
        |(tenant, id, page, _)| job(tenant, id, page),
    );
    // What the stream says is newer than the page.
    let told = RwSignal::new(None::<Pulse>);
    let lost = RwSignal::new("");
    #[cfg(feature = "hydrate")]
    {
        watch::follow(tenant, id, data, told, lost);
        // What was selected has become a job, and is not to be found selected again.
        Effect::new(move |_| {
            if let Ok(Some(storage)) = window().session_storage() {
                use crate::features::table::Kind as _;
                for room in [domain::assignments::Table::ROOM, domain::groups::Table::ROOM] {
                    let _ = storage.remove_item(&crate::features::table::selection_key(room, &tenant.get()));
                }
            }
        });
    }
    view! {
        <Failed of=steer.value()/>
        <Failed of=hand_over.value()/>
        <Failed of=redo.value()/>
        <Transition fallback=|| view! { <Head title="Job" waiting=true/><Skeleton lines=8/> }>
            {move || data.get().map(|got| {
                match got {
                    Ok(view) => {
                        let page = view.pulse.clone();
                        let pulse = Signal::derive(move || told.get().unwrap_or_else(|| page.clone()));
                        view! { <Body view pulse lost steer redo hand_over/> }.into_any()
                    }
                    Err(error) => failed("Job", error, move || data.refetch()),
                }
            })}
        </Transition>
    }
}

/// Follows a job by its stream.
#[cfg(feature = "hydrate")]
mod watch {
    use leptos::prelude::*;
    use leptos::wasm_bindgen::JsCast;
    use leptos::wasm_bindgen::closure::Closure;
    use leptos::web_sys::{EventSource, MessageEvent};

    use super::super::view::{JobView, Pulse};
    use crate::error::AppError;
    use crate::ui::load::Loads;
    use crate::ui::query::escape;

    /// Results are read again at most this often while the job runs, in milliseconds.
    const ROWS_MS: f64 = 1_500.0;

    /// A stream for as long as it is kept.
    struct Stream {
        source: EventSource,
        _heard: [Closure<dyn FnMut(MessageEvent)>; 4],
    }

    impl Drop for Stream {
        fn drop(&mut self) {
            self.source.close();
        }
    }

    /// Listens to the job of the page; the browser takes a broken stream up again by itself.
    pub(super) fn follow(
        tenant: Memo<String>,
        id: Memo<String>,
        data: Loads<Result<JobView, AppError>>,
        told: RwSignal<Option<Pulse>>,
        lost: RwSignal<&'static str>,
    ) {
        let stream = StoredValue::new_local(None::<Stream>);
        // A job that is over moves no more; one that is resumed is listened to again.
        let moves = Memo::new(move |_| data.get().and_then(Result::ok).map(|view| view.pulse.is_live()));
        Effect::new(move |_| {
            let address = format!("/events/{}/jobs/{}", escape(&tenant.get()), escape(&id.get()));
            stream.set_value(None);
            told.set(None);
            if moves.get() == Some(true) {
                stream.set_value(open(&address, data, told, lost));
            }
        });
    }

    fn open(
        address: &str,
        data: Loads<Result<JobView, AppError>>,
        told: RwSignal<Option<Pulse>>,
        lost: RwSignal<&'static str>,
    ) -> Option<Stream> {
        let source = EventSource::new(address).ok()?;
        let read_at = StoredValue::new(0.0_f64);
        let pulse = {
            let source = source.clone();
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                let text = event.data().as_string().unwrap_or_default();
                let Ok(pulse) = serde_json::from_str::<Pulse>(&text) else { return };
                let _ = lost.try_set("");
                let over = !pulse.is_live();
                let _ = told.try_set(Some(pulse));
                let now = window().performance().map_or(0.0, |clock| clock.now());
                if over {
                    source.close();
                }
                if over || now - read_at.try_get_value().unwrap_or(now) > ROWS_MS {
                    let _ = read_at.try_set_value(now);
                    data.refetch();
                }
            })
        };
        let going = Closure::<dyn FnMut(MessageEvent)>::new(move |_: MessageEvent| {
            let _ = lost.try_set("The server is restarting; the job and this page will continue.");
        });
        let broken = Closure::<dyn FnMut(MessageEvent)>::new(move |_: MessageEvent| {
            if lost.try_get_untracked() == Some("") {
                let _ = lost.try_set("Reconnecting. The job is still running.");
            }
        });
        let opened = Closure::<dyn FnMut(MessageEvent)>::new(move |_: MessageEvent| {
            let _ = lost.try_set("");
        });
        let _ = source.add_event_listener_with_callback("pulse", pulse.as_ref().unchecked_ref());
        let _ = source.add_event_listener_with_callback("going-away", going.as_ref().unchecked_ref());
        source.set_onerror(Some(broken.as_ref().unchecked_ref()));
        source.set_onopen(Some(opened.as_ref().unchecked_ref()));
        Some(Stream { source, _heard: [pulse, going, broken, opened] })
    }
}

/// What became of the rows, in a sentence.
fn said(tally: &Tallies) -> String {
    let parts = [
        Some(format!("{} done", thousands(whole(tally.done)))),
        (tally.already > 0).then(|| format!("{} need no change", thousands(whole(tally.already)))),
        (tally.refused > 0).then(|| format!("{} rejected", thousands(whole(tally.refused)))),
        (tally.conflict > 0).then(|| count(whole(tally.conflict), "conflict", "conflicts")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("{} (of {})", parts.join(", "), thousands(whole(tally.total())))
}

fn state_words(state: &str) -> &'static str {
    match state {
        "finished" => "finished",
        "cancelled" => "cancelled (remaining rows not sent)",
        "paused" => "paused",
        PAUSING => "pausing after the current batch",
        "cancelling" => "stopping after the current batch",
        "queued" => "queued",
        "preparing" => "being saved",
        _ => "running",
    }
}

#[component]
fn Body(
    view: JobView,
    pulse: Signal<Pulse>,
    lost: RwSignal<&'static str>,
    steer: ServerAction<Steer>,
    redo: ServerAction<Redo>,
    hand_over: ServerAction<HandOver>,
) -> impl IntoView {
    let (tenant, id) = (use_tenant(), use_part("id"));
    let may_hand_over = view.hand_over;
    let JobView {
        line, own, plan, undo_of, acts_by, keep_running, groups, rows, rows_gone, rows_unreadable, page, pages, ..
    } = view;
    // Whoever may change something steers their own jobs; an admin steers all.
    let not_mine = if own { may_not_change() } else { lacks(Rank::Admin) };
    let wish = move |to: &'static str, text: &'static str, class: &'static str| {
        view! {
            <ActionForm action=steer>
                <input type="hidden" name="tenant" value=move || tenant.get()/>
                <input type="hidden" name="id" value=move || id.get()/>
                <button class=class type="submit" name="to" value=to disabled=not_mine.is_some() title=not_mine>{text}</button>
            </ActionForm>
        }
    };
    let again_with = move |what: &'static str, text: String, class: &'static str| {
        view! {
            <ActionForm action=redo>
                <input type="hidden" name="tenant" value=move || tenant.get()/>
                <input type="hidden" name="id" value=move || id.get()/>
                <button class=class type="submit" name="what" value=what disabled=shut(redo, false) title=may_not_change()>{text}</button>
            </ActionForm>
        }
    };
    // Memos, so that buttons stay the same ones while figures change beside them.
    let state = Memo::new(move |_| pulse.with(|pulse| pulse.state.clone()));
    let reason = Memo::new(move |_| pulse.with(|pulse| pulse.reason.clone()));
    let over = Memo::new(move |_| pulse.with(|pulse| pulse.over));
    let moves = Memo::new(move |_| pulse.with(Pulse::is_live));
    let wrong = Memo::new(move |_| pulse.with(|pulse| pulse.tally.failed()));
    let retry = Memo::new(move |_| pulse.with(|pulse| pulse.tally.failed() + pulse.tally.planned + pulse.tally.unknown));
    let done = Memo::new(move |_| pulse.with(|pulse| pulse.tally.done));
    let can = move |states: &'static [&'static str]| state.with(|state| states.contains(&state.as_str()));
    let title = format!("Job {}: {}", short(&line.id), line.title);
    let href = Callback::new(move |to: u32| format!("/t/{}/jobs/{}?page={to}", tenant.get_untracked(), id.get_untracked()));
    let ended = move || {
        pulse.with(|pulse| match &pulse.finished {
            Some(at) => format!("finished {at}"),
            None if pulse.is_live() => "live".to_owned(),
            None => String::new(),
        })
    };
    let pace = move || {
        pulse.with(|pulse| match (pulse.rate, pulse.left.is_empty()) {
            (_, true) => "estimating…".to_owned(),
            (0, false) => format!("{} left, waiting for Qlik's rate limit", pulse.left),
            (rate, false) => format!("{} left, {}/min", pulse.left, count(rate, "row", "rows")),
        })
    };
    view! {
        <Head title><span>{ended}</span></Head>
        {moves.get_untracked().then(|| view! { <LoadsItself/> })}
        {move || (!lost.get().is_empty()).then(|| view! { <Note tone="warn" title="Live updates paused.">{lost.get()}</Note> })}
        {move || (!reason.get().is_empty()).then(|| {
            let title = if can(&["paused", PAUSING]) { "Paused." } else { "Waiting." };
            view! { <Note tone="warn" title>{reason.get()}</Note> }
        })}
        <div class="grid">
            <div class="job">
                <ProgressBar label="Progress"
                    now=Signal::derive(move || pulse.with(|pulse| pulse.tally.settled()))
                    bad=Signal::derive(move || wrong.get())
                    max=Signal::derive(move || pulse.with(|pulse| pulse.tally.total()))/>
                <dl class="facts">
                    <dt>"State"</dt><dd><span role="status">{move || state.with(|state| state_words(state))}</span></dd>
                    <dt>"Result"</dt><dd>{move || pulse.with(|pulse| said(&pulse.tally))}</dd>
                    {move || moves.get().then(|| view! { <dt>"Time"</dt><dd>{pace}</dd> })}
                    <dt>"Started"</dt><dd>{format!("{} by {}", line.at, line.author)}</dd>
                    <dt>"Plan"</dt><dd><a href=move || format!("/t/{}/plans/{plan}", tenant.get())>{line.title.clone()}</a></dd>
                    {(!acts_by.is_empty()).then(|| view! {
                        <dt>"Acts by"</dt>
                        <dd>{acts_by}{(!keep_running.is_empty()).then(|| view! { ". "<a href=keep_running rel="external">"Keep it running without me"</a> })}</dd>
                    })}
                    {undo_of.map(|undone| {
                        let text = format!("job {}", short(&undone));
                        view! { <dt>"Based on"</dt><dd><a href=move || format!("/t/{}/jobs/{undone}", tenant.get())>{text}</a></dd> }
                    })}
                    {move || moves.get().then(|| view! { <dt>"API budget"</dt><dd>{move || pulse.with(|pulse| pulse.budget.clone())}</dd> })}
                </dl>
            </div>
            <div class="foot">
                <span class="grow"></span>
                {(!rows_gone && !rows_unreadable).then(|| view! {
                    <a class="button plain" href=move || format!("/export/{}/results.csv?id={}", tenant.get(), id.get()) rel="external" download="">"Export all rows"</a>
                })}
                {move || (wrong.get() > 0).then(|| view! {
                    <a class="button" href=move || format!("/export/{}/failures.csv?id={}", tenant.get(), id.get()) rel="external" download="">"Export failed rows"</a>
                })}
                {may_hand_over.then(|| view! {
                    <ActionForm action=hand_over>
                        <input type="hidden" name="tenant" value=move || tenant.get()/>
                        <input type="hidden" name="id" value=move || id.get()/>
                        <button class="button plain" type="submit" disabled=shut(hand_over, lacks(Rank::Admin).is_some())
                            title=lacks(Rank::Admin).unwrap_or("The job continues as Quartermaster's own Qlik client, even if its author signs out.")>"Hand over to the unattended credential"</button>
                    </ActionForm>
                })}
                {move || can(&["running", "queued"]).then(|| wish("pause", "Pause", "button"))}
                {move || can(&["paused"]).then(|| wish("resume", "Resume", "button primary"))}
                {move || can(&["running", "queued", "paused", PAUSING]).then(|| wish("cancel", "Cancel remaining", "button danger"))}
                {move || (over.get() && !rows_gone && retry.get() > 0).then(|| again_with("retry", format!("Retry {} failed", thousands(whole(retry.get()))), "button"))}
                {move || (over.get() && !rows_gone && done.get() > 0).then(|| again_with("undo", format!("Undo {}…", count(whole(done.get()), "change", "changes")), "button"))}
            </div>
            {if rows_gone {
                view! { <Note tone="ok" title="The rows of this job are no longer stored.">"The totals remain; the audit names each row."</Note> }.into_any()
            } else if rows_unreadable {
                view! {
                    <Note tone="warn" title="Rows of this job cannot be read by this version of Quartermaster.">
                        "A later version wrote them. Run that version to see or continue them; what was not sent can be cancelled here."
                    </Note>
                }.into_any()
            } else {
                view! { <Results rows groups/><Pager page pages href/> }.into_any()
            }}
        </div>
    }
}

/// The first letters of an id: enough to tell jobs apart aloud.
pub(crate) fn short(id: &str) -> String {
    id.chars().take(4).collect::<String>().to_uppercase()
}

/// A row's state: the class of its chip, and its words.
fn worded(state: RowState) -> (&'static str, &'static str) {
    match state {
        RowState::Done => ("chip ok", "done"),
        RowState::Already => ("chip", "no change needed"),
        RowState::Refused => ("chip bad", "rejected"),
        RowState::Conflict => ("chip warn", "conflict"),
        RowState::Unknown => ("chip warn", "unknown"),
        RowState::Sent => ("chip", "sent"),
        RowState::Planned => ("chip", "pending"),
    }
}

/// What an event of the audit trail came to: the class of its chip, and its words.
pub(crate) fn outcome(word: &str) -> (&'static str, String) {
    match (RowState::parse(word), word) {
        (Some(state), _) => {
            let (class, words) = worded(state);
            (class, words.to_owned())
        }
        (None, "intent") => ("chip", "started".to_owned()),
        (None, other) => ("chip", other.to_owned()),
    }
}

/// What a group of rows came to, in words.
fn headed(group: &ResultGroup) -> String {
    let (rows, (_, what)) = (thousands(whole(group.rows)), worded(group.state));
    let why =
        [group.code.as_str(), group.title.as_str()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    if why.is_empty() { format!("{rows} {what}") } else { format!("{rows} {what}: {why}") }
}

/// What to do about a group of rows, where it is the same for all of them on this page.
fn advice<'a>(rows: &'a [ResultLine], group: &(RowState, String)) -> Option<&'a str> {
    let mut of = rows.iter().filter(|row| row.state == group.0 && (!row.state.is_trouble() || row.code == group.1));
    let first = of.next().map(|row| row.remedy.as_str()).filter(|remedy| !remedy.is_empty())?;
    of.all(|row| row.remedy == first).then_some(first)
}

#[component]
fn Results(rows: Vec<ResultLine>, groups: Vec<ResultGroup>) -> impl IntoView {
    let key = |row: &ResultLine| (row.state, if row.state.is_trouble() { row.code.clone() } else { String::new() });
    let of = |group: &(RowState, String)| groups.iter().find(|of| of.state == group.0 && of.code == group.1);
    // What the heading says already is not said again.
    let said = |row: &ResultLine| of(&key(row)).is_some_and(|of| of.title == row.title);
    let advised = |row: &ResultLine| row.remedy.is_empty() || (of(&key(row)).is_some() && advice(&rows, &key(row)).is_some());
    // A column that nothing would stand in is not drawn.
    let responses = rows
        .iter()
        .any(|row| !row.code.is_empty() || !row.trace.is_empty() || (!row.title.is_empty() && !said(row)) || !advised(row));
    let columns = if responses { "4" } else { "3" };
    let mut last = None;
    let mut lines = Vec::with_capacity(rows.len());
    for row in &rows {
        // A heading over the first row of each group on this page.
        let group = key(row);
        let heading = (last.as_ref() != Some(&group)).then(|| {
            of(&group).map(|of| {
                let advice = advice(&rows, &group).map(|advice| view! { <span class="advice">{advice.to_owned()}</span> });
                view! { <tr role="row" class="group"><th role="rowheader" scope="rowgroup" colspan=columns>{headed(of)}{advice}</th></tr> }
            })
        });
        last = Some(group);
        let title = if said(row) { String::new() } else { row.title.clone() };
        let remedy = (!advised(row)).then(|| view! { <span class="muted">" "{row.remedy.clone()}</span> });
        let Told { before, after, .. } = row.change.told(&Names::default());
        let (class, word) = worded(row.state);
        let target = row.change.target();
        let name = if row.name == target { String::new() } else { row.name.clone() };
        let response = responses.then(|| {
            let (code, trace) = (row.code.clone(), row.trace.clone());
            view! {
                <td role="cell">{(!code.is_empty()).then(|| view! { <span class="chip bad">{code}</span>" " })}{title}
                    {(!trace.is_empty()).then(|| view! { <CopyId text=trace/> })}{remedy}</td>
            }
        });
        lines.push(view! {
            {heading}
            <tr role="row">
                <td role="cell"><span class=class>{word}</span></td>
                <td role="cell">{(!name.is_empty()).then(|| view! { <span>{name}</span> })}<span class="sub">{target}</span></td>
                <td role="cell">{before}" → "{after}</td>
                {response}
            </tr>
        });
    }
    view! {
        <section class="panel" aria-labelledby="results">
            <header><h2 id="results">"Results"</h2><span class="muted small">"errors first"</span></header>
            <div class="table" tabindex="0" role="region" aria-label="Result rows">
                // The roles are spelt out because narrow screens show the rows as blocks, which takes them from the elements.
                <table class="results" role="table">
                    <thead role="rowgroup"><tr role="row">
                        <th role="columnheader">"Result"</th><th role="columnheader">"Person or group"</th><th role="columnheader">"Change"</th>
                        {responses.then(|| view! { <th role="columnheader">"Qlik response"</th> })}
                    </tr></thead>
                    <tbody role="rowgroup">{lines}</tbody>
                </table>
            </div>
        </section>
    }
}

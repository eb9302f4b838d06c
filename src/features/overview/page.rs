//! The overview's page.

use domain::gauge::{Gauge, Tone};
use domain::text::{count, thousands};
use leptos::prelude::*;

use super::api::read_overview;
use super::view::{Course, Idle, LicenseFacts, Overview, Right, Since};
use crate::features::condition::show;
use crate::features::jobs::JobTable;
use crate::features::shared::{Refreshing, live, use_tenant};
use crate::ui::feedback::{Empty, Note, Skeleton};
use crate::ui::head::Head;
use crate::ui::load::load;
use crate::ui::meter::{Bar, Meter, MeterFacts};

/// How much is used, what needs attention, what changed lately.
#[component]
pub fn OverviewPage() -> impl IntoView {
    let tenant = use_tenant();
    let refreshing = expect_context::<Refreshing>();
    let data = load(move || (live(tenant), refreshing.version()), |(tenant, _)| read_overview(tenant));
    view! {
        <Transition fallback=|| view! { <Head title="Overview" waiting=true/><Skeleton lines=8/> }>
            {move || data.get().map(|got| {
                show(got, move || data.refetch(), |_| "Overview".to_owned(), move |data, _| view! { <Body data/> })
            })}
        </Transition>
    }
}

fn tone_word(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "",
        Tone::Warn => "warn",
        Tone::Bad => "bad",
    }
}

/// A gauge in the meter's terms: colour follows the tone, over-allocation and unbounded overage have their own look.
pub(super) fn meter(gauge: Gauge, course: Course) -> MeterFacts {
    // A full one is no calmer than one that is nearly full.
    let fill = match (gauge.tone, &gauge.over) {
        (Tone::Warn, None) => "g-warn",
        (Tone::Bad, None) => "g-bad",
        _ => "g-fill",
    };
    let mut bars = vec![Bar { from: gauge.fill.from, width: gauge.fill.width, class: fill }];
    if let Some(over) = gauge.over {
        bars.push(Bar { from: over.from, width: over.width, class: if gauge.unbounded { "g-more" } else { "g-bad" } });
    }
    MeterFacts {
        label: gauge.label,
        class: gauge.class,
        now: gauge.used,
        max: gauge.max,
        spoken: gauge.spoken,
        shown: thousands(gauge.used),
        of: gauge.of,
        rest: gauge.free,
        tone: tone_word(gauge.tone),
        bars,
        ticks: gauge.ticks,
        mark: gauge.mark.map(|mark| (mark.at, mark.text)),
        end: gauge.end,
        outlook: course
            .full_in
            .map(|days| (if course.soon { "warn" } else { "" }, format!("full in about {}", count(days, "day", "days")))),
        course: course.trend.points.into_iter().map(|point| (point.ago, point.used)).collect(),
    }
}

#[component]
fn Body(data: Overview) -> impl IntoView {
    let tenant = use_tenant();
    let courses = data.gauges.iter().any(|(_, course)| course.trend.points.len() > 1);
    let gauges = data.gauges.into_iter().map(|(gauge, course)| view! { <Meter facts=meter(gauge, course)/> }).collect_view();
    let attention = data
        .attention
        .into_iter()
        .map(|item| {
            let dot = format!("dot {}", tone_word(item.tone));
            let tone = match item.tone {
                Tone::Bad => "Problem: ",
                Tone::Warn => "Warning: ",
                Tone::Plain => "",
            };
            let link = (!item.path.is_empty()).then(|| {
                let (path, label) = (item.path.clone(), format!("{}: {}", item.go, item.text));
                view! { <a class="go" aria-label=label href=move || format!("/t/{}/{path}", tenant.get())>{item.go}</a> }
            });
            view! { <li><span class=dot aria-hidden="true"></span><span><span class="sr">{tone}</span>{item.text}</span>{link}</li> }
        })
        .collect_view();
    let calm = attention.is_empty();
    let no_jobs = data.recent.is_empty();
    view! {
        {data.alarm.map(|alarm| view! { <Note tone="bad" title=alarm/> })}
        {data.since.map(|since| view! { <SinceLine since/> })}
        <div class="grid">
            <div class="grid cols">
                <section class="panel" aria-labelledby="allotments">
                    <header><h2 id="allotments">"License usage"</h2><span class="muted small">"seats used of seats purchased, across all tenants of this subscription"</span></header>
                    {gauges.is_empty().then(|| view! { <Empty title="No license types">"The subscription lists none."</Empty> })}
                    <div class="gauges" class:courses=courses>{gauges}</div>
                </section>
                <div class="grid">
                    <section class="panel" aria-labelledby="attention">
                        <header><h2 id="attention">"Needs attention"</h2></header>
                        {calm.then(|| view! { <p class="muted">"Nothing needs attention."</p> })}
                        <ul class="attention">{attention}</ul>
                    </section>
                    {data.idle.filter(|idle| !idle.is_empty()).map(|idle| view! { <IdleSeats idle/> })}
                    <License facts=data.license rights=data.rights/>
                </div>
            </div>
            <section class="panel" aria-labelledby="recent">
                <header><h2 id="recent">"Recent changes"</h2><a class="muted small" href=move || format!("/t/{}/jobs", tenant.get())>"All jobs"</a></header>
                {no_jobs.then(|| view! {
                    <Empty title="No changes yet">
                        "Select people in "<a href=move || format!("/t/{}/assignments", tenant.get())>"Assignments"</a>" to plan your first change."
                    </Empty>
                })}
                {(!no_jobs).then(|| view! { <JobTable lines=data.recent/> })}
            </section>
        </div>
    }
}

/// What happened since the last visit, in a line; each figure opens what it counts.
#[component]
fn SinceLine(since: Since) -> impl IntoView {
    let tenant = use_tenant();
    let Since { ago, lines } = since;
    let nothing = lines.is_empty().then_some("nothing changed.");
    let lines = lines
        .into_iter()
        .map(|(text, path)| view! { <li><a href=move || format!("/t/{}/{path}", tenant.get())>{text}</a></li> })
        .collect_view();
    view! {
        <div class="since">
            <span class="muted">{format!("Since your last visit {ago} ago: ")}{nothing}</span>
            <ul>{lines}</ul>
        </div>
    }
}

/// Seats that nobody uses, with what they cost.
#[component]
fn IdleSeats(idle: Vec<Idle>) -> impl IntoView {
    let tenant = use_tenant();
    let lines = idle
        .into_iter()
        .map(|Idle { text, cost, path }| {
            let label = format!("Review: {text}");
            view! {
                <li>
                    <span class="dot" aria-hidden="true"></span>
                    <span>{text}{(!cost.is_empty()).then(|| view! { <span class="muted num-left">{format!(", {cost}")}</span> })}</span>
                    <a class="go" aria-label=label href=move || format!("/t/{}/{path}", tenant.get())>"Review"</a>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="panel" aria-labelledby="idle">
            <header><h2 id="idle">"Idle seats"</h2></header>
            <ul class="attention">{lines}</ul>
        </section>
    }
}

/// What the key of this session can and cannot do: a line where it can do everything.
#[component]
fn Rights(rights: Vec<Right>) -> impl IntoView {
    let all = rights.iter().all(|right| right.can == Some(true));
    let lines = rights
        .into_iter()
        .map(|Right { what, can, why }| {
            let (class, mark) = match can {
                Some(true) => ("ok", "can"),
                Some(false) => ("bad", "cannot"),
                None => ("muted", "unknown"),
            };
            let why = (!why.is_empty()).then(|| format!(": {why}"));
            view! { <li><span class=class>{mark}</span><span>{what}<span class="muted">{why}</span></span></li> }
        })
        .collect_view();
    let summary = if all { "This key can do everything here" } else { "This key: some permissions are missing or unknown" };
    view! { <details class="more" open=!all><summary>{summary}</summary><ul class="rights">{lines}</ul></details> }
}

#[component]
fn License(facts: LicenseFacts, rights: Vec<Right>) -> impl IntoView {
    let chip = if facts.tone == Tone::Plain { "chip ok" } else { "chip bad" };
    let ends = facts.days_left.map(|days| {
        let (class, text) = match days {
            ..0 => ("chip bad", format!("expired {} ago", count(-days, "day", "days"))),
            0.. if facts.soon => ("chip warn", format!("expires in {}", count(days, "day", "days"))),
            _ => ("chip", format!("expires in {}", count(days, "day", "days"))),
        };
        view! { <span class=class>{text}</span> }
    });
    let rows = facts
        .facts
        .into_iter()
        .map(|(name, value)| {
            let mono = matches!(name.as_str(), "Number" | "Key");
            view! { <dt>{name}</dt><dd class:mono=mono>{value}</dd> }
        })
        .collect_view();
    let parameters = (!facts.parameters.is_empty()).then(|| {
        let list = facts.parameters.into_iter().map(|parameter| view! { <li>{parameter}</li> }).collect_view();
        view! { <dt>"Entitlements"</dt><dd><ul>{list}</ul></dd> }
    });
    view! {
        <section class="panel" aria-labelledby="license">
            <header><h2 id="license">"License"</h2><span class="chips"><span class=chip>{facts.status}</span>{ends}</span></header>
            <details class="more"><summary>"Details"</summary><dl class="facts">{rows}{parameters}</dl></details>
            <Rights rights/>
        </section>
    }
}

//! The overview's page.

use domain::gauge::{Gauge, Tone};
use domain::text::thousands;
use leptos::prelude::*;

use super::api::read_overview;

use super::view::{LicenseFacts, Overview};
use crate::features::jobs::JobTable;
use crate::features::shared::{FreshLine, Refreshing, live, show, use_tenant};
use crate::ui::feedback::{Empty, Note, Skeleton};
use crate::ui::head::Head;
use crate::ui::meter::{Bar, Meter, MeterFacts};

/// How much is used, what needs attention, what changed lately.
#[component]
pub fn OverviewPage() -> impl IntoView {
    let tenant = use_tenant();
    let refreshing = expect_context::<Refreshing>();
    let data = Resource::new(move || (live(tenant), refreshing.version()), |(tenant, _)| read_overview(tenant));
    view! {
        <Transition fallback=|| view! { <Head title="Overview" waiting=true/><Skeleton lines=8/> }>
            {move || data.get().map(|got| {
                show(got, move || data.refetch(), move |data, fresh| view! {
                    <Head title="Overview"><FreshLine fresh/></Head>
                    <Body data/>
                })
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
pub(super) fn meter(gauge: Gauge) -> MeterFacts {
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
    }
}

#[component]
fn Body(data: Overview) -> impl IntoView {
    let tenant = use_tenant();
    let gauges = data.gauges.into_iter().map(|gauge| view! { <Meter facts=meter(gauge)/> }).collect_view();
    let attention = data
        .attention
        .into_iter()
        .map(|item| {
            let dot = format!("dot {}", tone_word(item.tone));
            let tone = match item.tone {
                Tone::Bad => "Problem: ",
                Tone::Warn => "Soon: ",
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
        <div class="grid">
            <div class="grid cols">
                <section class="panel" aria-labelledby="allotments">
                    <header><h2 id="allotments">"Allotments"</h2><span class="muted small">"used of licensed, this tenant and its siblings"</span></header>
                    {gauges.is_empty().then(|| view! { <Empty title="No allotments">"The license names none."</Empty> })}
                    <div class="gauges">{gauges}</div>
                </section>
                <div class="grid">
                    <section class="panel" aria-labelledby="attention">
                        <header><h2 id="attention">"Needs attention"</h2></header>
                        {calm.then(|| view! { <p class="muted">"Nothing: no excess, no orphans, seats to spare."</p> })}
                        <ul class="attention">{attention}</ul>
                    </section>
                    <License facts=data.license/>
                </div>
            </div>
            <section class="panel" aria-labelledby="recent">
                <header><h2 id="recent">"Recent changes"</h2><a class="muted small" href=move || format!("/t/{}/jobs", tenant.get())>"All jobs"</a></header>
                {no_jobs.then(|| view! {
                    <Empty title="Nothing was changed through Quartermaster yet">
                        "Select rows in "<a href=move || format!("/t/{}/assignments", tenant.get())>"Assignments"</a>" to plan a first change."
                    </Empty>
                })}
                {(!no_jobs).then(|| view! { <JobTable lines=data.recent/> })}
            </section>
        </div>
    }
}

#[component]
fn License(facts: LicenseFacts) -> impl IntoView {
    let chip = if facts.tone == Tone::Plain { "chip ok" } else { "chip bad" };
    let days = facts.days_left.map(|days| {
        let (class, text) = match days {
            ..0 => ("chip bad", format!("over for {}", domain::text::count(-days, "day", "days"))),
            0..=60 => ("chip warn", format!("{} left", domain::text::count(days, "day", "days"))),
            _ => ("chip", format!("{} left", domain::text::count(days, "day", "days"))),
        };
        view! { " "<span class=class>{text}</span> }
    });
    let mut days = Some(days);
    let rows = facts
        .facts
        .into_iter()
        .map(|(name, value)| {
            let mono = matches!(name.as_str(), "Number" | "Key");
            let extra = if name == "Valid" { days.take() } else { None };
            view! { <dt>{name}</dt><dd class:mono=mono>{value}{extra}</dd> }
        })
        .collect_view();
    let parameters = (!facts.parameters.is_empty()).then(|| {
        let list = facts.parameters.into_iter().map(|parameter| view! { <li>{parameter}</li> }).collect_view();
        view! { <dt>"Parameters"</dt><dd><ul>{list}</ul></dd> }
    });
    view! {
        <section class="panel" aria-labelledby="license">
            <header><h2 id="license">"License"</h2><span class=chip>{facts.status}</span></header>
            <dl class="facts">{rows}{parameters}</dl>
        </section>
    }
}

//! A gauge as a ledger line: name, bar with scale, and what is free, spoken as one sentence.

use leptos::either::Either;
use leptos::prelude::*;

/// A stretch of the bar, in percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// Where it starts.
    pub from: f64,
    /// How wide it is.
    pub width: f64,
    /// Its look: `g-fill`, `g-warn`, `g-bad`, `g-more`.
    pub class: &'static str,
}

/// What a meter shows.
#[derive(Debug, Clone, PartialEq)]
pub struct MeterFacts {
    /// The name.
    pub label: String,
    /// The smaller line under it.
    pub class: String,
    /// The value.
    pub now: i64,
    /// The end of the scale.
    pub max: i64,
    /// The spoken value.
    pub spoken: String,
    /// The value as shown.
    pub shown: String,
    /// What it is of, as shown.
    pub of: String,
    /// What is left, as a sentence.
    pub rest: String,
    /// `""`, `warn` or `bad`.
    pub tone: &'static str,
    /// The stretches.
    pub bars: Vec<Bar>,
    /// Quarter marks, in percent.
    pub ticks: Vec<f64>,
    /// A labelled mark, in percent.
    pub mark: Option<(f64, String)>,
    /// The text at the right end.
    pub end: String,
}

fn percent(value: f64) -> String {
    format!("{value:.2}%")
}

/// The meter. Positions are SVG attributes: the policy allows no inline style.
#[component]
pub fn Meter(
    /// What it shows.
    facts: MeterFacts,
) -> impl IntoView {
    let bars = facts
        .bars
        .into_iter()
        .map(|bar| view! { <rect class=bar.class x=percent(bar.from) y="8" width=percent(bar.width) height="10" rx="1.5"/> })
        .collect_view();
    let ticks = facts
        .ticks
        .into_iter()
        .map(|at| view! { <line class="g-tick" x1=percent(at) x2=percent(at) y1="18" y2="22"/> })
        .collect_view();
    let near_end = facts.mark.as_ref().is_some_and(|(at, _)| *at > 78.0);
    let near_start = facts.mark.as_ref().is_some_and(|(at, _)| *at < 12.0);
    let mark = facts.mark.map(|(at, text)| {
        let anchor = if near_end { "end" } else { "middle" };
        view! {
            <line class="g-mark" x1=percent(at) x2=percent(at) y1="4" y2="22"/>
            <text class="g-text" x=percent(at) y="32" text-anchor=anchor>{text}</text>
        }
    });
    let start = if near_start { Either::Left(()) } else { Either::Right(view! { <text class="g-text" x="0" y="32">"0"</text> }) };
    let end = if near_end {
        Either::Left(())
    } else {
        Either::Right(view! { <text class="g-text" x="100%" y="32" text-anchor="end">{facts.end}</text> })
    };
    let tone = if facts.tone.is_empty() {
        "free"
    } else if facts.tone == "warn" {
        "free warn"
    } else {
        "free bad"
    };
    view! {
        <div class="gauge" role="meter" aria-label=facts.label.clone() aria-valuemin="0" aria-valuemax=facts.max.max(facts.now) aria-valuenow=facts.now aria-valuetext=facts.spoken>
            <div><div class="name">{facts.label.clone()}</div><div class="class">{facts.class}</div></div>
            <svg height="34" aria-hidden="true" focusable="false">
                <rect class="g-well" x="0" y="8" width="100%" height="10" rx="1.5"/>
                {bars}{ticks}{start}{end}{mark}
            </svg>
            <div class="read"><b>{facts.shown}</b>" "<span class="muted">{facts.of}</span><span class=tone>{facts.rest}</span></div>
        </div>
    }
}

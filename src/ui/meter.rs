//! A gauge as a ledger line: name, bar with scale, and what is free, spoken as one sentence.

use leptos::either::Either;
use leptos::prelude::*;

/// A stretch of the bar, in hundredths of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// Where it starts.
    pub from: u32,
    /// How wide it is.
    pub width: u32,
    /// Its look: `g-fill`, `g-warn`, `g-bad`, `g-more`.
    pub class: &'static str,
}

/// What a meter shows.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Quarter marks, in hundredths of a percent.
    pub ticks: Vec<u32>,
    /// A labelled mark, in hundredths of a percent.
    pub mark: Option<(u32, String)>,
    /// The text at the right end.
    pub end: String,
    /// How the value went: for each known day how many days ago it is, and the value, the oldest first.
    pub course: Vec<(i64, i64)>,
    /// Where that leads: `""` or `warn`, and a sentence.
    pub outlook: Option<(&'static str, String)>,
}

/// Days that the small line shows.
const SPARK_DAYS: i64 = 90;
/// A gap of more days than this is left open.
const SPARK_GAP: i64 = 7;

/// The small line of how a value went, as an SVG path on a field of 90 by 20: from its lowest to its highest value. Nothing where
/// fewer than two days are known.
fn spark(course: &[(i64, i64)]) -> String {
    let (Some(low), Some(high)) = (course.iter().map(|(_, value)| *value).min(), course.iter().map(|(_, value)| *value).max())
    else {
        return String::new();
    };
    if course.len() < 2 {
        return String::new();
    }
    // In tenths. No figure here is a fraction: what formats those is large, and every first visit would load it.
    let y = |value: i64| if high == low { 100 } else { 180 - (value - low) * 160 / (high - low) };
    let before = std::iter::once(None).chain(course.iter().map(|(ago, _)| Some(*ago)));
    let point = |((ago, value), before): (&(i64, i64), Option<i64>)| {
        let step = if before.is_some_and(|before| before - ago <= SPARK_GAP) { 'L' } else { 'M' };
        let y = y(*value);
        format!("{step}{} {}.{}", SPARK_DAYS - 1 - ago, y / 10, y % 10)
    };
    course.iter().zip(before).map(point).collect()
}

/// Hundredths of a percent as an attribute: `12.34%`.
pub fn percent(hundredths: u32) -> String {
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
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
    let near_end = facts.mark.as_ref().is_some_and(|(at, _)| *at > 7_800);
    let near_start = facts.mark.as_ref().is_some_and(|(at, _)| *at < 1_200);
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
    let line = spark(&facts.course);
    let line = (!line.is_empty()).then(|| {
        let last = line.rsplit(['L', 'M']).next().unwrap_or_default().to_owned();
        view! { <path class="g-spark" d=line/><path class="g-spark now" d=format!("M{last}h0")/> }
    });
    let spoken = match &facts.outlook {
        Some((_, outlook)) => format!("{}, {outlook}", facts.spoken),
        None => facts.spoken,
    };
    let outlook = facts.outlook.map(|(tone, text)| view! { <span class=format!("free {tone}")>{text}</span> });
    let tone = if facts.tone.is_empty() {
        "free"
    } else if facts.tone == "warn" {
        "free warn"
    } else {
        "free bad"
    };
    view! {
        <div class="gauge" role="meter" aria-label=facts.label.clone() aria-valuemin="0" aria-valuemax=facts.max.max(facts.now) aria-valuenow=facts.now aria-valuetext=spoken>
            <div><div class="name">{facts.label.clone()}</div><div class="class">{facts.class}</div></div>
            <svg height="34" aria-hidden="true" focusable="false">
                <rect class="g-well" x="0" y="8" width="100%" height="10" rx="1.5"/>
                {bars}{ticks}{start}{end}{mark}
            </svg>
            <svg class="course" viewBox="0 0 90 20" preserveAspectRatio="none" aria-hidden="true" focusable="false">{line}</svg>
            <div class="read"><b>{facts.shown}</b>" "<span class="muted">{facts.of}</span><span class=tone>{facts.rest}</span>{outlook}</div>
        </div>
    }
}

/// How much of a limit is reached, on one small line.
#[component]
pub fn Limit(
    /// Its name.
    label: &'static str,
    /// The value.
    now: i64,
    /// The limit.
    max: i64,
    /// Both in words.
    words: String,
) -> impl IntoView {
    let share = now.clamp(0, max).saturating_mul(10_000).checked_div(max).unwrap_or_default();
    let share = u32::try_from(share).unwrap_or(10_000);
    let class = if share >= 9_800 {
        "g-bad"
    } else if share >= 9_000 {
        "g-warn"
    } else {
        "g-fill"
    };
    view! {
        <span class="limit" role="meter" aria-label=label aria-valuemin="0" aria-valuemax=max.max(now) aria-valuenow=now aria-valuetext=words.clone()>
            <span class="muted num">{words.clone()}</span>
            <svg width="96" height="6" aria-hidden="true" focusable="false">
                <rect class="g-well" width="100%" height="6" rx="1.5"/><rect class=class width=percent(share) height="6" rx="1.5"/>
            </svg>
        </span>
    }
}

#[cfg(test)]
mod tests {
    use super::spark;

    #[test]
    fn the_small_line_goes_from_low_to_high_and_leaves_gaps_open() {
        assert_eq!(spark(&[]), "");
        assert_eq!(spark(&[(0, 5)]), "");
        assert_eq!(spark(&[(89, 10), (88, 20), (0, 15)]), "M0 18.0L1 2.0M89 10.0");
        assert_eq!(spark(&[(1, 7), (0, 7)]), "M88 10.0L89 10.0");
    }
}

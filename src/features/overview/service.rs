//! Reads the overview out of a snapshot.

use domain::allotment::Seats;
use domain::gauge::{self, Tone};
use domain::text::{count, thousands, whole};
use engine::clock::{days_left, month};
use engine::readings::Snapshot;

use super::view::{Attention, LicenseFacts, Overview};
use crate::error::AppError;
use crate::features::assignments::view_of;
use crate::features::jobs::recent;
use crate::features::shared::{Loaded, look};
use crate::server::access::{Access, Viewer};

/// A license that ends within so many days needs attention.
const SOON_DAYS: i64 = 60;

pub async fn overview(access: &Access<Viewer>) -> Result<Loaded<Overview>, AppError> {
    let recent = recent(access, 3).await?;
    let now = access.now();
    look(access, |snapshot| Overview {
        alarm: alarm(snapshot),
        gauges: snapshot.inventory.allotments.iter().map(|allotment| gauge::read(allotment, month(now))).collect(),
        attention: attention(snapshot, now),
        license: license(snapshot, now),
        recent,
    })
    .await
}

/// What makes the tenant unusable, in a sentence.
fn alarm(snapshot: &Snapshot) -> Option<String> {
    let license = &snapshot.license;
    if license.status.as_ref().is_some_and(|status| status.deactivated) {
        return Some(
            "This tenant is deactivated. Nobody can use it, and licenses cannot be changed until Qlik activates it again."
                .to_owned(),
        );
    }
    match license.word() {
        "Missing" => {
            Some("This tenant has no license. Apply one in Qlik's own console; until then nothing can be assigned.".to_owned())
        }
        "Expired" => {
            Some("The license has expired. People lose access; renew it with Qlik before changing assignments.".to_owned())
        }
        "Blacklisted" => {
            Some("Qlik has blacklisted this license. Talk to Qlik; until then nobody gets access through it.".to_owned())
        }
        _ if license.overview.is_none() => Some(
            "Qlik finds no license for this tenant. Apply one in Qlik's own console; until then nothing can be assigned."
                .to_owned(),
        ),
        _ => None,
    }
}

fn attention(snapshot: &Snapshot, now: i64) -> Vec<Attention> {
    let inventory = &snapshot.inventory;
    let item = |tone, text: String, path: &str, go: &str| Attention { tone, text, path: path.to_owned(), go: go.to_owned() };
    let mut list = Vec::new();
    // What was not read cannot be said to need nothing.
    for sentence in inventory.coverage.sentences() {
        list.push(item(Tone::Warn, sentence.trim_end_matches('.').to_owned(), "", ""));
    }
    for allotment in &inventory.allotments {
        let label = allotment.name.label();
        let path = format!("assignments?allotment={}&flag=excess", crate::ui::query::escape(allotment.name.as_str()));
        let excess = snapshot.table.rows().filter(|row| row.excess() && row.allotment() == Some(&allotment.name)).count();
        if excess > 0 {
            let verb = if excess == 1 { "exceeds" } else { "exceed" };
            list.push(item(
                Tone::Bad,
                format!("{} {verb} what {label} allots", count(whole(excess), "assignment", "assignments")),
                &path,
                "Review",
            ));
        }
        if gauge::nearly_full(allotment) {
            let free = allotment.seats().free(allotment.used).unwrap_or(0);
            let here = format!("assignments?allotment={}", crate::ui::query::escape(allotment.name.as_str()));
            let text =
                if free > 0 { format!("{label} is nearly full: {} free", thousands(free)) } else { format!("{label} is full") };
            list.push(item(Tone::Warn, text, &here, "Who has it"));
        }
    }
    if let Some(days) = snapshot.license.ends().and_then(|end| days_left(now, end)) {
        if days < 0 {
            list.push(item(Tone::Bad, format!("The license ended {} ago", count(-days, "day", "days")), "", ""));
        } else if days <= SOON_DAYS {
            list.push(item(Tone::Warn, format!("The license ends in {}", count(days, "day", "days")), "", ""));
        }
    }
    let orphans = snapshot.table.rows().filter(|row| row.orphan()).count();
    if orphans > 0 {
        let text = format!("{} held by nobody of this tenant", count(whole(orphans), "license is", "licenses are"));
        list.push(item(Tone::Warn, text, "assignments?flag=orphan", "Review"));
    }
    // What is counted is what the link shows: the same filter, of the same table.
    let shut_out = "license=any&status=disabled,deleted";
    let held = snapshot.table.matching(&view_of(shut_out).filter).len();
    if held > 0 {
        let text = format!("{} held by people who are disabled or deleted", count(whole(held), "license is", "licenses are"));
        list.push(item(Tone::Plain, text, &format!("assignments?{shut_out}"), "Review"));
    }
    for allotment in inventory.allotments.iter().filter(|allotment| allotment.takes_assignments() && allotment.in_overage() > 0) {
        let label = allotment.name.label();
        let limit = match allotment.seats() {
            Seats::Unbounded => "no limit".to_owned(),
            Seats::Bounded(_) => format!("limit {}", thousands(allotment.overage.max(0))),
        };
        let text = format!(
            "{label}: {} in overage ({limit}), which may be billed",
            count(allotment.in_overage(), "seat is", "seats are")
        );
        let here = format!("assignments?allotment={}", crate::ui::query::escape(allotment.name.as_str()));
        list.push(item(Tone::Warn, text, &here, "Who has it"));
    }
    list.sort_by_key(|item| match item.tone {
        Tone::Bad => 0,
        Tone::Warn => 1,
        Tone::Plain => 2,
    });
    list
}

fn grouped(number: &str) -> String {
    let chars: Vec<char> = number.chars().collect();
    chars.chunks(4).map(|chunk| chunk.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

fn license(snapshot: &Snapshot, now: i64) -> LicenseFacts {
    let (overview, status) = (snapshot.license.overview.as_ref(), snapshot.license.status.as_ref());
    let word = snapshot.license.word().to_owned();
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: String| {
        if !value.is_empty() {
            facts.push((name.to_owned(), value));
        }
    };
    let product = overview.map(|overview| overview.product.clone()).or(status.map(|status| status.product.clone()));
    fact("Product", product.unwrap_or_default());
    fact("Valid", snapshot.license.valid().replace('/', " to "));
    if let Some(status) = status {
        fact("Type", format!("{}, {}", status.kind, if status.trial { "a trial" } else { "not a trial" }));
    }
    if let Some(overview) = overview {
        fact("Number", grouped(&overview.number));
        fact("Key", format!("{} shown masked", overview.masked_key));
        fact("Changed", overview.updated.get(..10).unwrap_or_default().to_owned());
    }
    let word_of = |on: Option<bool>| match on {
        Some(true) => "on",
        Some(false) => "off",
        None => "not stated",
    };
    let auto = snapshot.inventory.auto_assign;
    fact("Auto-assign", format!("Professional {}, Analyzer {}", word_of(auto.professional), word_of(auto.analyzer)));
    let parameters = overview.map(|overview| {
        overview
            .parameters
            .iter()
            .map(|(name, valid)| {
                let valid = if valid == "./." {
                    "without end".to_owned()
                } else {
                    valid.replace("./", "until ").replace("/.", " on").replace('/', " to ")
                };
                format!("{name}, {valid}")
            })
            .collect()
    });
    LicenseFacts {
        tone: if word == "Ok" { Tone::Plain } else { Tone::Bad },
        status: word,
        facts,
        days_left: snapshot.license.ends().and_then(|end| days_left(now, end)),
        parameters: parameters.unwrap_or_default(),
    }
}

//! Finds what the palette is asked for among people, groups, roles, jobs and plans.

use domain::assignments::{Filter, Row};
use domain::table::Rows as _;
use domain::text::folded;
use engine::readings::{Latest, Snapshot};

use super::view::{Found, FoundKind};
use crate::error::AppError;
use crate::features::jobs::short;
use crate::server::access::{Access, Viewer};
use crate::ui::query::escape;

/// So many of each kind.
const MOST: usize = 5;
/// Jobs and plans that are looked through.
const RECENT: i64 = 200;

/// How well a name fits what is looked for: 0 where it is that, 1 where it begins with it, 2 where a word of it does, 3 where it
/// holds it.
fn rank(name: &str, needle: &str) -> Option<u8> {
    let name = folded(name);
    if name.starts_with(needle) {
        return Some(u8::from(name != needle));
    }
    let begins = |word: &str| name.split(|c: char| !c.is_alphanumeric()).any(|of| of.starts_with(word));
    if needle.split_whitespace().all(begins) {
        return Some(2);
    }
    name.contains(needle).then_some(3)
}

/// The best of many, the best first; what is equally good in its own order.
fn best<T>(of: impl Iterator<Item = T>, name: impl Fn(&T) -> Option<u8>) -> Vec<T> {
    let mut ranked: Vec<(u8, T)> = of.filter_map(|one| Some((name(&one)?, one))).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().take(MOST).map(|(_, one)| one).collect()
}

fn people(snapshot: &Snapshot, text: &str) -> Vec<Found> {
    let filter = Filter { text: text.to_owned(), ..Filter::default() };
    let mut seen = std::collections::HashSet::new();
    let needle = folded(text);
    let rows = snapshot.table.matching(&filter).into_iter().filter_map(|at| snapshot.table.row(at));
    // Somebody with two licenses has two rows.
    let rows = rows.filter(|row| seen.insert(domain::text::same(row.subject())));
    best(rows, |row: &Row<'_>| rank(row.name(), &needle).or(Some(4)))
        .into_iter()
        .map(|row| Found {
            kind: FoundKind::Person,
            label: if row.name().is_empty() { row.subject().to_owned() } else { row.name().to_owned() },
            detail: row.subject().to_owned(),
            path: format!("assignments?q={}&person={}", escape(row.subject()), escape(row.subject())),
        })
        .collect()
}

fn groups(snapshot: &Snapshot, needle: &str) -> Vec<Found> {
    best(snapshot.inventory.groups.iter(), |group| rank(&group.name, needle))
        .into_iter()
        .map(|group| Found {
            kind: FoundKind::Group,
            label: group.name.clone(),
            detail: String::new(),
            path: format!("groups/{}", escape(group.id.as_str())),
        })
        .collect()
}

fn roles(snapshot: &Snapshot, needle: &str) -> Vec<Found> {
    best(snapshot.inventory.roles.iter(), |role| rank(&role.name, needle))
        .into_iter()
        .map(|role| Found {
            kind: FoundKind::Role,
            label: role.name.clone(),
            detail: "who gives it, who has it".to_owned(),
            path: format!("roles/{}", escape(role.id.as_str())),
        })
        .collect()
}

/// What fits `text`, by kind. While the tenant is still being read, jobs and plans alone.
pub async fn find(access: &Access<Viewer>, text: &str) -> Result<Vec<Found>, AppError> {
    let needle = folded(text.trim());
    if needle.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    if let Latest::Ready(snapshot, _) = access.latest(std::time::Duration::ZERO).await {
        let (text, needle) = (text.trim().to_owned(), needle.clone());
        let searched = move || {
            let mut found = people(&snapshot, &text);
            found.extend(groups(&snapshot, &needle));
            found.extend(roles(&snapshot, &needle));
            found
        };
        found = tokio::task::spawn_blocking(searched).await.unwrap_or_default();
    }
    let store = &access.state.engine.store;
    // A job is called by the first letters of its id as well.
    let of = |id: &str, title: &str| rank(title, &needle).or_else(|| folded(id).starts_with(&needle).then_some(0));
    let jobs = store.jobs(&access.tenant.id, RECENT).await?;
    found.extend(best(jobs.into_iter(), |job| of(&job.id, &job.title)).into_iter().map(|job| Found {
        kind: FoundKind::Job,
        label: format!("{}: {}", short(&job.id), job.title),
        detail: access.zone.date_time(job.created_at),
        path: format!("jobs/{}", job.id),
    }));
    let plans = store.plans(&access.tenant.id, RECENT).await?;
    let drafts = plans.into_iter().filter(|plan| plan.job.is_empty());
    found.extend(best(drafts, |plan| of(&plan.id, &plan.title)).into_iter().map(|plan| Found {
        kind: FoundKind::Plan,
        label: format!("{}: {}", short(&plan.id), plan.title),
        detail: access.zone.date_time(plan.created_at),
        path: format!("plans/{}", plan.id),
    }));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_with_it_comes_first() {
        let names = ["Audit Production", "Prod", "Production Izmir", "Reproduction", "Nothing"];
        let found = best(names.into_iter(), |name| rank(name, "prod"));
        assert_eq!(found, ["Prod", "Production Izmir", "Audit Production", "Reproduction"]);
        assert_eq!(rank("Müller, Jörg", &folded("JORG muller")), Some(2));
    }
}

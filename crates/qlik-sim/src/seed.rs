//! Seeds: a company of the asked size, the same for the same seed and day.

mod cast;
mod words;

use std::sync::Arc;

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::options::Options;
use crate::tenant::{APP_CREATED, APP_PUBLISHED, Allotment, App, Group, Key, License, Role, Tenant, User};
use crate::usage::{Persona, Placed, Usage};
use cast::Cast;
use words::{APPS, DEFAULT_ROLES, DEPARTMENTS, FIRST, LAST, SITES};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const STATUSES: &[(&str, u32)] = &[("active", 92), ("invited", 3), ("disabled", 3), ("provisioned", 1), ("deleted", 1)];

/// Builds the tenant as it is at the start, on the day of `now`.
pub(crate) fn tenant(options: &Options, now: i64) -> Tenant {
    let today = now - now.rem_euclid(DAY);
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let tenant_id: String = (0..32)
        .map(|_| char::from(*b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789".choose(&mut rng).unwrap_or(&b'x')))
        .collect();
    let year = jiff::Timestamp::from_millisecond(today).map_or(2026, |at| at.to_zoned(jiff::tz::TimeZone::UTC).year());
    let license = License {
        present: true,
        status: "Ok".to_owned(),
        deactivated: false,
        trial: false,
        valid: format!("{year}-01-01/{year}-12-31"),
        updated: today - 41 * DAY,
    };
    let usage = Usage::new(options.seed, now, i64::from(options.usage_days), APPS.len());
    let mut tenant = Tenant::new(&tenant_id, license, today - 900 * DAY, usage);
    tenant.settings.insert("autoAssignAnalyzer".to_owned(), json!(false));
    tenant.settings.insert("autoAssignProfessional".to_owned(), json!(false));
    roles(&mut tenant, options.custom_roles, today);
    let group_ids = groups(&mut tenant, options.groups, today, &mut rng);
    let people = users(&mut tenant, options, &group_ids, today, &mut rng);
    let cast = Cast::choose(&mut tenant, options, &people, today);
    assignments(&mut tenant, options.assignments, &people, &cast, today, &mut rng);
    consumption(&mut tenant, &cast, today, &mut rng);
    tenant
}

fn roles(tenant: &mut Tenant, custom: usize, today: i64) {
    let permissions = |n: usize| (0..n).map(|at| format!("permission-{at}")).collect();
    for (at, (name, description, admin, full_user)) in DEFAULT_ROLES.iter().enumerate() {
        let id = tenant.fresh_id();
        tenant.put_role(Role {
            id,
            name: (*name).to_owned(),
            description: (*description).to_owned(),
            custom: false,
            admin: *admin,
            full_user: *full_user,
            permissions: permissions(2 + at % 5),
            created: today - 900 * DAY,
            updated: today - 300 * DAY,
        });
    }
    for at in 0..custom {
        let id = tenant.fresh_id();
        let department = nth(DEPARTMENTS, at);
        let what = nth(&["reporting", "analysts", "builders"], at / DEPARTMENTS.len());
        let n = 1 + at % 6;
        // Names are unique: where there are more roles than words, they are numbered.
        let round = match at / (3 * DEPARTMENTS.len()) {
            0 => String::new(),
            round => format!(" {}", round + 1),
        };
        tenant.put_role(Role {
            id,
            name: format!("{department} {what}{round}"),
            description: format!("Custom role, {n} permission{}", if n == 1 { "" } else { "s" }),
            custom: true,
            admin: at % 11 == 10,
            full_user: what == "builders",
            permissions: permissions(n),
            created: today - i64::try_from(at).unwrap_or(0) * 7 * DAY - 60 * DAY,
            updated: today - i64::try_from(at).unwrap_or(0) * 5 * DAY - 20 * DAY,
        });
    }
    let everyone: Vec<String> =
        ["CollaborationPlatformUser"].iter().filter_map(|name| tenant.role_named(name)).map(|role| role.id.clone()).collect();
    tenant.everyone.roles = everyone;
}

fn groups(tenant: &mut Tenant, count: usize, today: i64, rng: &mut ChaCha8Rng) -> Vec<String> {
    let user_roles: Vec<String> = tenant.roles.items.values().filter(|role| !role.admin).map(|role| role.id.clone()).collect();
    let admin_roles: Vec<String> = tenant.roles.items.values().filter(|role| role.admin).map(|role| role.id.clone()).collect();
    let mut ids = Vec::with_capacity(count);
    for at in 0..count {
        let (department, rest) = (nth(DEPARTMENTS, at), at / DEPARTMENTS.len());
        let site = nth(SITES, rest);
        let round = rest / SITES.len();
        let custom = at % 5 == 4;
        let name = match (custom, round) {
            (false, 0) => format!("{department} {site}"),
            (true, 0) => format!("{department} {site} project"),
            (_, round) => format!("{department} {site} {}", round + 1),
        };
        let mut roles: Vec<String> = user_roles.choose_multiple(rng, at % 5).cloned().collect();
        if at % 17 == 3 {
            roles.extend(admin_roles.choose(rng).cloned());
        }
        let id = tenant.fresh_id();
        let created = today - rng.random_range(30..900) * DAY;
        tenant.put_group(Group {
            id: id.clone(),
            name,
            description: custom.then(|| format!("Members chosen in Qlik for {department} at {site}")),
            active: at % 29 != 28,
            custom,
            roles,
            created,
            updated: created + rng.random_range(0..25) * DAY,
            created_by: String::new(),
            updated_by: String::new(),
        });
        ids.push(id);
    }
    ids
}

/// What later steps need of a user.
struct Someone {
    id: Arc<str>,
    subject: String,
    human: bool,
}

fn ascii(name: &str) -> String {
    let plain = |c: char| match c {
        'é' | 'ë' | 'è' => 'e',
        'ö' | 'ó' | 'ø' => 'o',
        'ä' | 'å' | 'á' => 'a',
        'ü' => 'u',
        'ń' => 'n',
        'ı' => 'i',
        c => c,
    };
    name.to_lowercase().chars().map(plain).filter(char::is_ascii_alphanumeric).collect()
}

fn users(tenant: &mut Tenant, options: &Options, groups: &[String], today: i64, rng: &mut ChaCha8Rng) -> Vec<Someone> {
    let admin_role: Vec<String> = tenant.role_named("TenantAdmin").map(|role| role.id.clone()).into_iter().collect();
    let some_roles: Vec<String> = tenant.roles.items.values().filter(|role| !role.admin).map(|role| role.id.clone()).collect();
    let mut people = Vec::with_capacity(options.users);
    let keys: Vec<(String, bool)> =
        options.api_keys.iter().map(|key| (key.clone(), true)).chain([(options.reader_key.clone(), false)]).collect();
    for at in 0..options.users.max(keys.len()) {
        let id = tenant.fresh_id();
        let key = keys.get(at);
        let bot = key.is_none() && at % 400 == 399;
        let first = FIRST.choose(rng).copied().unwrap_or("Kim");
        let last = LAST.choose(rng).copied().unwrap_or("Lee");
        let short: String = ascii(first).chars().take(1).chain(ascii(last).chars().take(7)).collect();
        let (subject, name, email, client_id) = match key {
            Some((_, true)) => {
                let n = if at == 0 { String::new() } else { format!("{}", at + 1) };
                (
                    format!("MERIDIAN\\license.admin{n}"),
                    format!("License admin{}{n}", if at == 0 { "" } else { " " }),
                    Some(format!("license.admin{n}@meridian.example")),
                    None,
                )
            }
            Some((_, false)) => {
                ("MERIDIAN\\reader".to_owned(), "Reader".to_owned(), Some("reader@meridian.example".to_owned()), None)
            }
            None if bot => {
                let client = format!("{:032x}", rng.random::<u128>());
                (format!("qlikbot\\{client}"), "automation client".to_owned(), None, Some(client))
            }
            None => {
                // One in ten subjects is spelled in lower case by the directory, as happens after a migration.
                let domain = if rng.random_ratio(1, 10) { "meridian" } else { "MERIDIAN" };
                let name = if at % 97 == 41 { String::new() } else { format!("{last}, {first}") };
                let email = (at % 89 != 17).then(|| format!("{}.{}{at}@meridian.example", ascii(first), ascii(last)));
                (format!("{domain}\\{short}{at}"), name, email, None)
            }
        };
        let status = if key.is_some() || bot { "active" } else { weighted(STATUSES, rng) };
        let mut member: Vec<String> = groups.choose_multiple(rng, if bot { 0 } else { rng_small(at) }).cloned().collect();
        member.sort();
        let mut roles = match key {
            Some((_, true)) => admin_role.clone(),
            _ => Vec::new(),
        };
        if key.is_none() && at % 20 == 7 {
            roles.extend(some_roles.choose(rng).cloned());
        }
        let created = today - rng.random_range(20..1_400) * DAY + rng.random_range(0..DAY);
        if let Some((key, admin)) = key {
            tenant.keys.insert(key.clone(), Key { user: id.clone(), admin: *admin });
        }
        people.push(Someone { id: Arc::from(id.as_str()), subject: subject.clone(), human: !bot && key.is_none() });
        let tenant_id = tenant.id.clone();
        tenant.put_user(User {
            id,
            tenant: tenant_id,
            subject,
            name,
            email,
            status,
            client_id,
            roles,
            groups: member,
            created,
            updated: created + DAY,
            invite_expiry: (status == "invited").then(|| (today + 14 * DAY) / 1_000),
        });
    }
    people
}

/// The entry that `at` falls on, going round and round.
fn nth<T: Copy + Default>(list: &[T], at: usize) -> T {
    list.get(at % list.len().max(1)).copied().unwrap_or_default()
}

/// How many groups somebody is in: mostly a few.
fn rng_small(at: usize) -> usize {
    nth(&[2, 3, 1, 4, 2, 6, 3, 0, 5, 2, 9], at)
}

fn weighted(choices: &[(&'static str, u32)], rng: &mut ChaCha8Rng) -> &'static str {
    let total = choices.iter().map(|(_, weight)| weight).sum();
    let mut at = rng.random_range(0..total);
    for (name, weight) in choices {
        if at < *weight {
            return name;
        }
        at -= weight;
    }
    choices.first().map_or("", |(name, _)| name)
}

fn assignments(tenant: &mut Tenant, count: usize, people: &[Someone], cast: &Cast, today: i64, rng: &mut ChaCha8Rng) {
    // Decided first, put in afterwards: what is excess depends on the units, and those on how many there are.
    const SHARES: &[(&str, u32)] =
        &[("analyzer", 700), ("professional", 180), ("fullUser", 60), ("basicUser", 40), ("insightViewer", 20)];
    let orphans = count / 200;
    let mut rows: Vec<(String, &'static str, Option<i64>)> = Vec::with_capacity(count);
    let mut taken = std::collections::HashSet::new();
    for (subject, allotment, days) in cast.licenses() {
        taken.insert((subject.to_lowercase(), allotment));
        rows.push((subject, allotment, Some(today - days * DAY + 10 * HOUR)));
    }
    let others = people.iter().enumerate().filter(|(place, _)| !cast.has(*place)).map(|(_, person)| person);
    let licensable: Vec<&Someone> = others.filter(|person| person.human || rng.random_ratio(1, 2)).collect();
    let mut order: Vec<&Someone> = licensable.clone();
    for at in (1..order.len()).rev() {
        order.swap(at, rng.random_range(0..=at));
    }
    for (round, person) in order.iter().cycle().take(licensable.len() * SHARES.len()).enumerate() {
        if rows.len() + orphans >= count {
            break;
        }
        // Three in four get a license in the first round, one in a hundred of those a second one at once.
        let first_round = round < licensable.len();
        if first_round && rng.random_ratio(1, 4) && licensable.len() * 3 / 4 >= count {
            continue;
        }
        let mut wanted = 1 + usize::from(rng.random_ratio(1, 100));
        while wanted > 0 && rows.len() + orphans < count {
            wanted -= 1;
            let allotment = weighted(SHARES, rng);
            if taken.insert((person.subject.to_lowercase(), allotment)) {
                let subject = if rng.random_ratio(1, 12) { person.subject.to_lowercase() } else { person.subject.clone() };
                rows.push((subject, allotment, None));
            }
        }
    }
    let mut at = 0;
    while rows.len() < count {
        let last = LAST.choose(rng).copied().unwrap_or("Hale");
        let (subject, share) = (format!("FORMER\\{}{at}", ascii(last)), weighted(SHARES, rng));
        if at < cast.of_each() {
            tenant.usage.placed.push(Placed { persona: Persona::Orphan, id: String::new(), subject: subject.clone() });
            rows.push((subject, "analyzer", Some(today - 400 * DAY)));
        } else {
            rows.push((subject, share, None));
        }
        at += 1;
    }
    let held = |name: &str| i64::try_from(rows.iter().filter(|(_, allotment, _)| *allotment == name).count()).unwrap_or(0);
    let allotment =
        |name: &str, units: i64, overage: Option<i64>| Allotment { name: name.to_owned(), timed: false, units, overage };
    let (professional, analyzer, full, basic, viewer) =
        (held("professional"), held("analyzer"), held("fullUser"), held("basicUser"), held("insightViewer"));
    tenant.allotments = vec![
        allotment("professional", professional + (professional * 3 / 100).max(2), None),
        allotment("analyzer", (analyzer * 7 / 5 / 100 + 1) * 100, Some(0)),
        // Units are set once consumption is known.
        Allotment { name: "analyzer_time".to_owned(), timed: true, units: 0, overage: Some(100) },
        allotment("fullUser", full - (full * 7 / 100).max(i64::from(full > 0)), Some((full / 4).max(3))),
        allotment("basicUser", basic * 3 / 4, Some(-1)),
        allotment("insightViewer", viewer + 50, None),
    ];
    let mut stamps: Vec<i64> =
        (0..rows.len()).map(|_| today - rng.random_range(1..1_300) * DAY + rng.random_range(0..DAY)).collect();
    stamps.sort_unstable();
    let mut stamped: Vec<(i64, String, &'static str)> =
        rows.into_iter().zip(stamps).map(|((subject, allotment, at), stamp)| (at.unwrap_or(stamp), subject, allotment)).collect();
    stamped.sort_by_key(|(created, ..)| *created);
    for (created, subject, allotment) in stamped {
        tenant.put(subject, allotment.to_owned(), created, created);
    }
}

/// The apps, who owns them, and a capacity that fits how people use them.
fn consumption(tenant: &mut Tenant, cast: &Cast, today: i64, rng: &mut ChaCha8Rng) {
    let mut authors = cast.ids(Persona::Author);
    tenant.apps = APPS
        .iter()
        .map(|name| App {
            id: format!(
                "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
                rng.random::<u32>(),
                rng.random::<u16>(),
                rng.random_range(0..0x1000),
                rng.random_range(0..0x1000),
                rng.random_range(0..0x1000_0000_0000_u64)
            ),
            name: (*name).to_owned(),
            owner: authors.next().unwrap_or_default(),
        })
        .collect();
    for app in tenant.apps.clone().iter().filter(|app| !app.owner.is_empty()) {
        tenant.note_app(APP_CREATED, app, today - 50 * DAY + 11 * HOUR);
        tenant.note_app(APP_PUBLISHED, app, today - 20 * DAY + 15 * HOUR);
    }
    tenant.usage.draw_habits();
    // The pool is sized so that it lasts for a month as they are, and not for much more; sold in packs of 1,000 minutes.
    let month = tenant.usage.monthly_minutes();
    if let Some(pool) = tenant.allotments.iter_mut().find(|allotment| allotment.timed) {
        pool.units = (month * 112 / 100 / 1_000 + 1) * 1_000;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::iso;

    const NOW: i64 = 1_795_305_600_000; // 2026-11-22

    fn build(seed: u64) -> Tenant {
        tenant(&Options { users: 3_000, assignments: 2_200, groups: 120, seed, ..Options::default() }, NOW)
    }

    #[test]
    fn the_same_seed_is_the_same_tenant() {
        let text = |mut tenant: Tenant| {
            format!(
                "{:?}{:?}{:?}{:?}",
                tenant.assignments.items,
                tenant.users.items,
                tenant.groups.items,
                tenant.usage.day(NOW / DAY - 3)
            )
        };
        assert_eq!(text(build(1)), text(build(1)));
        assert_ne!(text(build(1)), text(build(2)));
    }

    #[test]
    fn it_looks_like_a_company() {
        let mut tenant = build(1);
        tenant.settle(NOW);
        assert!(iso(NOW).starts_with("2026-11-22"));
        assert_eq!(
            (tenant.users.items.len(), tenant.assignments.items.len(), tenant.groups.items.len(), tenant.roles.items.len()),
            (3_000, 2_200, 120, 60)
        );
        let orphans = tenant.assignments.items.values().filter(|a| tenant.is_orphan(a)).count();
        assert_eq!(orphans, 11);
        assert!(tenant.assignments.items.values().any(|a| a.excess && a.allotment == "fullUser"));
        assert!(
            tenant.users.items.values().any(|user| user.name.is_empty())
                && tenant.users.items.values().any(|user| user.email.is_none())
        );
        for status in STATUSES {
            assert!(tenant.users.items.values().any(|user| user.status == status.0), "{}", status.0);
        }
        let allotment = |name: &str| tenant.allotments.iter().find(|a| a.name == name).unwrap();
        let professional = allotment("professional");
        let used = tenant.used(professional, NOW);
        assert!(used < professional.units && used * 100 > professional.units * 95);
        assert!(tenant.used(allotment("fullUser"), NOW) > allotment("fullUser").units);
        assert!(tenant.used(allotment("analyzer_time"), NOW) > 0 && allotment("analyzer_time").units > 0);
        assert_eq!(allotment("basicUser").overage, Some(-1));
        let mut per_person = std::collections::HashMap::<String, u32>::new();
        for assignment in tenant.assignments.items.values() {
            *per_person.entry(assignment.subject.to_lowercase()).or_default() += 1;
        }
        assert!(per_person.values().any(|n| *n == 2));
    }

    #[test]
    fn tiny_and_lopsided_tenants_are_possible() {
        for (users, assignments, groups) in [(0, 0, 0), (3, 40, 1), (50, 10, 5)] {
            let tenant = tenant(&Options { users, assignments, groups, ..Options::default() }, NOW);
            assert_eq!(tenant.assignments.items.len(), assignments);
        }
    }
}

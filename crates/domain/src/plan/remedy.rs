//! What can be done about rows of a plan that have no seat: another license, somebody else's seat, or neither.

use std::collections::{HashMap, HashSet};

use super::seats::SeatChange;
use super::{Plan, Reason, Unchanged, WhyNot};
use crate::allotment::AllotmentName;
use crate::assignments::{Row, Table, Used};
use crate::change::{Change, Remove};
use crate::inventory::Inventory;
use crate::subject::Subject;
use crate::table::Day;
use crate::text::{self, whole};

/// Whoever used Qlik within so many days keeps their license. One of the spans by which Qlik's own Entitlement Analyzer
/// counts consumers (7, 30, 60 and 90 days).
const IDLE_DAYS: u16 = 30;

/// One way out of a shortage. It concerns only the rows without a seat, which [`Order`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// They get this license instead.
    Another(AllotmentName),
    /// They are left out.
    LeaveOut,
    /// These people, who hardly need theirs, give it back first; the longest without use first.
    RemoveFirst(Vec<Spare>),
}

/// Who goes without where a plan wants more seats than there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Those who used Qlik longest ago, or never.
    Active,
    /// The last of the plan.
    Listed,
}

impl Order {
    /// All of them, the usual one first.
    pub const ALL: [Self; 2] = [Self::Active, Self::Listed];

    /// Names it in a form.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Listed => "listed",
        }
    }

    /// Reads what [`Self::word`] says.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|order| order.word() == word)
    }
}

/// A license that hardly anybody misses, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spare {
    /// Who holds it.
    pub subject: Subject,
    /// The user is disabled.
    pub disabled: bool,
    /// When they used Qlik last.
    pub used: Used,
}

impl Spare {
    /// Why it is this one, with the days without use that decided it.
    fn reason(&self) -> Option<Reason> {
        match (self.disabled, self.used.ago()) {
            (true, _) => Reason::plain("disabled, still has a license"),
            (false, Some(days)) => {
                let ago = text::count(i64::from(days), "day", "days");
                Some(Reason::measured(format!("used Qlik last {ago} ago"), i64::from(days), i64::from(IDLE_DAYS)))
            }
            (false, None) => Reason::plain("no recorded use"),
        }
    }
}

impl Remedy {
    /// Says of those whom it brings into a plan why they are there.
    pub fn explain(&self, plan: &mut Plan) {
        let Self::RemoveFirst(spares) = self else { return };
        let reasons: HashMap<String, Reason> =
            spares.iter().filter_map(|spare| Some((spare.subject.key(), spare.reason()?))).collect();
        plan.explain(|change| reasons.get(&change.takes()?.0.key()).cloned());
    }
}

/// Too few seats of one allotment, and the ways out there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    /// Of what.
    pub allotment: AllotmentName,
    /// Seats missing.
    pub short: i64,
    /// The ways out. Never empty: rows can always be left out.
    pub remedies: Vec<Remedy>,
}

impl Remedy {
    /// Names the remedy in a form.
    pub fn key(&self) -> String {
        match self {
            Self::Another(name) => format!("another:{name}"),
            Self::LeaveOut => "leave-out".to_owned(),
            Self::RemoveFirst(_) => "remove-first".to_owned(),
        }
    }

    /// What the button says, for `short` rows without a seat of `allotment`.
    pub fn label(&self, short: i64, allotment: &AllotmentName) -> String {
        let those = text::count(short, "person", "people");
        match self {
            Self::Another(name) => format!("Assign {} to {those} instead", name.label()),
            Self::LeaveOut => format!("Skip {those}"),
            Self::RemoveFirst(spares) => {
                format!("Remove {} first", text::count(len(spares), &allotment.label(), &allotment.label()))
            }
        }
    }

    /// Which rule it follows, on which figures.
    pub fn explained(&self, inventory: &Inventory) -> String {
        match self {
            Self::Another(name) => {
                let Some(other) = inventory.allotment(name) else { return String::new() };
                let paid = (other.units - other.used).max(0);
                match other.seats().free(other.used) {
                    None => {
                        format!("{} has {} paid seats free; beyond them it may be billed.", name.label(), text::thousands(paid))
                    }
                    Some(free) if free > paid => format!(
                        "{} has {} free now, {} of them in overage that may be billed.",
                        name.label(),
                        text::thousands(free),
                        text::thousands(free - paid)
                    ),
                    Some(free) => format!("{} has {} free now.", name.label(), text::thousands(free)),
                }
            }
            Self::LeaveOut => "They keep what they have.".to_owned(),
            Self::RemoveFirst(spares) => {
                let disabled = spares.iter().filter(|spare| spare.disabled).count();
                let never = spares.iter().filter(|spare| !spare.disabled && spare.used == Used::NEVER).count();
                let idle: Vec<u16> = spares.iter().filter(|spare| !spare.disabled).filter_map(|spare| spare.used.ago()).collect();
                let mut parts = Vec::new();
                if disabled > 0 {
                    parts.push(format!("{} from disabled users", text::thousands(whole(disabled))));
                }
                if never > 0 {
                    parts.push(format!("{} from people with no recorded use", text::thousands(whole(never))));
                }
                if let (Some(least), Some(most)) = (idle.iter().min(), idle.iter().max()) {
                    let span = if least == most { format!("{least} days") } else { format!("{least} to {most} days") };
                    parts.push(format!("{} from people last active {span} ago", text::thousands(len(&idle))));
                }
                format!(
                    "{}. Longest idle first. Excludes anyone who can sign in and used Qlik, or was assigned theirs, in the last {IDLE_DAYS} days.",
                    text::and_list(&parts)
                )
            }
        }
    }
}

/// The shortages of `plan` as `inventory` stands, each with the ways out. `table` knows who used Qlik when, as far as anybody does.
pub fn shortages(plan: &Plan, inventory: &Inventory, table: &Table, today: Day) -> Vec<Shortage> {
    let after: HashMap<&AllotmentName, &SeatChange> = plan.seats.iter().map(|seat| (&seat.allotment.name, seat)).collect();
    let short = plan.seats.iter().filter(|seat| seat.short() > 0);
    short
        .map(|seat| {
            let (allotment, short) = (&seat.allotment.name, seat.short());
            let (mut remedies, mut billed) = (Vec::new(), Vec::new());
            // A license that nobody without a seat could be given is no way out.
            let helps = |name: &AllotmentName| {
                let takers = plan.changes.iter().filter(|planned| planned.change.seats().takes == Some(allotment));
                takers.into_iter().any(|planned| planned.change.giving(name).is_some())
            };
            for name in others(inventory, &after, allotment, short).filter(helps) {
                let paid = inventory.allotment(&name).is_some_and(|other| {
                    let used = after.get(&name).map_or(other.used, |seat| seat.after);
                    used + short <= other.units
                });
                if paid { &mut remedies } else { &mut billed }.push(Remedy::Another(name));
            }
            let spares = spares(plan, table, allotment, today, seat.to_free());
            // An allotment that is over its seats has to come back to them first: fewer would help nobody.
            if len(&spares) > seat.to_free() - short {
                remedies.push(Remedy::RemoveFirst(spares));
            }
            remedies.push(Remedy::LeaveOut);
            // What has to be paid for besides comes last.
            remedies.extend(billed);
            Shortage { allotment: allotment.clone(), short, remedies }
        })
        .collect()
}

/// Other allotments that have at least `short` seats free once the plan is done.
fn others<'a>(
    inventory: &'a Inventory,
    after: &'a HashMap<&AllotmentName, &SeatChange>,
    allotment: &'a AllotmentName,
    short: i64,
) -> impl Iterator<Item = AllotmentName> {
    let others = inventory.allotments.iter().filter(move |other| other.name != *allotment && other.takes_assignments());
    let free = move |other: &&crate::allotment::Allotment| {
        let free = after.get(&other.name).map_or_else(|| other.seats().free(other.used), |seat| seat.free_after());
        free.is_none_or(|free| free >= short)
    };
    others.filter(free).map(|other| other.name.clone())
}

/// Up to `most` holders who hardly need the license, and whom the plan does not speak of: whoever is named in it and has what
/// is wanted is meant to keep it.
fn spares(plan: &Plan, table: &Table, allotment: &AllotmentName, today: Day, most: i64) -> Vec<Spare> {
    let changed = plan.changes.iter().map(|planned| text::same(&planned.change.target()));
    let named: HashSet<String> = changed.chain(plan.unchanged.iter().map(|row| text::same(&row.target))).collect();
    let mut rows: Vec<Row<'_>> = table
        .rows()
        .filter(|row| row.allotment() == Some(allotment))
        // An orphan may be a real person of a sibling tenant, and a bot's use is not consumption.
        .filter(|row| !row.orphan() && !row.bot())
        .filter(|row| is_disabled(*row) || is_idle(*row, today))
        .filter(|row| !named.contains(&text::same(row.subject())))
        .collect();
    // Days ago, never above all of them; the table's order where that is equal.
    rows.sort_by_key(|row| (!is_disabled(*row), std::cmp::Reverse(row.used())));
    rows.truncate(usize::try_from(most).unwrap_or(0));
    rows.into_iter()
        .map(|row| Spare { subject: Subject::new(row.subject()), disabled: is_disabled(row), used: row.used() })
        .collect()
}

fn is_disabled(row: Row<'_>) -> bool {
    row.status() == Some("disabled")
}

fn is_idle(row: Row<'_>, today: Day) -> bool {
    let long = |days: i64| days >= i64::from(IDLE_DAYS);
    let unused = row.used() == Used::NEVER || row.used().ago().is_some_and(|days| long(days.into()));
    unused && row.since().is_none_or(|since| long(today.since(since)))
}

impl Plan {
    /// The changes of this plan with a remedy for rows without a seat of `allotment`, and those it leaves out. They are
    /// compared with the tenant again before they become a plan.
    pub fn remedied(&self, allotment: &AllotmentName, remedy: &Remedy, without: &[usize]) -> (Vec<Change>, Vec<Unchanged>) {
        let without: HashSet<usize> = without.iter().copied().collect();
        let (mut changes, mut left_out) = (Vec::with_capacity(self.changes.len()), Vec::new());
        if let Remedy::RemoveFirst(spares) = remedy {
            let back = |spare: &Spare| Remove { subject: spare.subject.clone(), allotment: allotment.clone() }.into();
            changes.extend(spares.iter().map(back));
        }
        for (at, planned) in self.changes.iter().enumerate() {
            let change = &planned.change;
            let mut leave = |why| left_out.push(Unchanged { target: change.target(), why });
            match remedy {
                Remedy::LeaveOut if without.contains(&at) => leave(WhyNot::LeftOut),
                Remedy::Another(to) if without.contains(&at) => match change.giving(to) {
                    Some(another) => changes.push(another),
                    // What they would get instead is what they have.
                    None => leave(WhyNot::AsWanted),
                },
                _ => changes.push(change.clone()),
            }
        }
        (changes, left_out)
    }

    /// The places of the rows that have no seat of `allotment`: the one that misses its seat by the least first. Nothing where
    /// the order rests on something that nobody knows.
    pub fn without_seat(&self, allotment: &AllotmentName, order: Order, table: &Table) -> Option<Vec<usize>> {
        let short = self.seats.iter().find(|seat| seat.allotment.name == *allotment).map_or(0, SeatChange::short);
        let takes = |change: &Change| change.seats().takes == Some(allotment);
        let mut places: Vec<usize> =
            self.changes.iter().enumerate().filter(|(_, planned)| takes(&planned.change)).map(|(at, _)| at).collect();
        if order == Order::Active {
            let used = used_by_subject(table);
            let of = |at: usize| -> Used {
                let subject = self.changes.get(at).and_then(|planned| planned.change.subject());
                subject.and_then(|subject| used.get(&subject.key()).copied()).unwrap_or(Used::UNKNOWN)
            };
            if places.iter().all(|at| of(*at) == Used::UNKNOWN) {
                return None;
            }
            // Of whom nothing is known comes before those who are known not to use it.
            places.sort_by_key(|at| match of(*at) {
                Used::UNKNOWN => u32::MAX - 1,
                used => used.ago().map_or(u32::MAX, u32::from),
            });
        }
        let kept = places.len().saturating_sub(usize::try_from(short).unwrap_or(0));
        Some(places.split_off(kept))
    }
}

/// When each subject used Qlik last, without case.
pub(super) fn used_by_subject(table: &Table) -> HashMap<String, Used> {
    table.rows().map(|row| (text::same(row.subject()), row.used())).collect()
}

fn len<T>(list: &[T]) -> i64 {
    whole(list.len())
}

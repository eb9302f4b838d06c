//! Consumption: who used which app when, computed a day at a time and never held as a whole, with what was added from outside.
//!
//! The rows of a day depend on seed, person and day alone. Under which license a row runs depends on who was assigned when
//! it ended; whether it was refused, on whether the month's capacity was spent by then. What is over stays as it was: changes
//! count from the moment at which they are made.

mod oracle;
mod personas;
mod rows;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::clock::{iso, month_start, next_month, parse_iso};
use crate::scim::Record;
use crate::tenant::{REJECTED, Tenant};

pub(crate) use oracle::{Asked, By};
pub(crate) use personas::Persona;
pub(crate) use rows::{DAY, Habit, Row};

/// The place of whoever uses the capacity without a name.
pub(crate) const ANYBODY: u32 = u32::MAX;
/// Marks the place of rows that were put in as sessions: no person's.
const ACTED: u64 = 1 << 47;
/// Days whose rows are kept, the newest used; a day of 100,000 people takes some four megabytes.
const DAYS_HELD: usize = 8;

/// Somebody whose use is computed.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) id: Arc<str>,
    pub(crate) habit: Habit,
    pub(crate) persona: Option<Persona>,
    /// When they held any license: from, and until. Two at a time may overlap.
    held: Vec<(Box<str>, i64, i64)>,
    /// When they could not come.
    away: Vec<(i64, i64)>,
}

/// What `PUT /_sim/options` sets of it.
#[derive(Debug, Clone)]
pub(crate) struct Knobs {
    pub(crate) late: bool,
    pub(crate) growth_percent: i64,
    pub(crate) anonymous_per_day: u64,
    pub(crate) quiet: BTreeSet<i64>,
    pub(crate) keep_days: Option<i64>,
    /// Only `endTime ge` is understood.
    pub(crate) ge_only: bool,
    pub(crate) sort: bool,
    pub(crate) repeat: usize,
    pub(crate) capacity_word: String,
    /// A session of somebody without a license takes a seat, where the settings say so.
    pub(crate) auto_assign: bool,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            late: true,
            growth_percent: 0,
            anonymous_per_day: 12,
            quiet: BTreeSet::new(),
            keep_days: None,
            ge_only: false,
            sort: true,
            repeat: 0,
            capacity_word: "ANALYZER_CAPACITY".to_owned(),
            auto_assign: false,
        }
    }
}

/// A row that was put in word for word.
#[derive(Debug, Clone)]
struct Given {
    json: Value,
    /// When it ended; nothing where that cannot be read.
    end: Option<i64>,
    order: u64,
}

/// A session that was put in; its rows run under what their person holds.
#[derive(Debug, Clone, Copy)]
struct Acted {
    row: Row,
    /// It is in the sum of its month.
    counted: bool,
}

/// A persona as it was made.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub(crate) persona: Persona,
    /// The user's id; empty for an orphan.
    pub(crate) id: String,
    pub(crate) subject: String,
}

/// How far the month's capacity is accounted for.
#[derive(Debug, Clone, Default)]
struct Account {
    /// Every row that ended by then is in it.
    upto: i64,
    /// Minutes of the month that `upto` lies in.
    used: i64,
    /// When the capacity was spent: from, and until.
    spent: Vec<(i64, i64)>,
}

impl Account {
    /// Goes on to a time; with each month the capacity is whole again.
    fn advance(&mut self, to: i64) {
        if month_start(to) > month_start(self.upto) {
            self.used = 0;
        }
        self.upto = self.upto.max(to);
    }
}

/// The consumption of a tenant.
#[derive(Debug, Clone)]
pub(crate) struct Usage {
    seed: u64,
    first_day: i64,
    start_day: i64,
    people: Vec<Person>,
    subjects: HashMap<String, u32>,
    ids: HashMap<Arc<str>, u32>,
    apps: u32,
    pub(crate) knobs: Knobs,
    pub(crate) placed: Vec<Placed>,
    held_days: VecDeque<(i64, Arc<Vec<Row>>)>,
    given: Vec<Given>,
    acted: Vec<Acted>,
    account: Account,
}

/// A row as it can be listed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Listed<'a> {
    Own { row: Row, named: bool, usage: &'a Usage },
    Given(&'a Value),
}

impl Record for Listed<'_> {
    fn values(&self, attribute: &'static str) -> Vec<String> {
        let text = |value: &Value| value.as_str().map(str::to_owned).into_iter().collect();
        match (self, attribute) {
            (Self::Own { row, .. }, "endTime") => vec![iso(row.end)],
            (Self::Given(json), name) => json.get(name).map(text).unwrap_or_default(),
            _ => vec![],
        }
    }
}

impl Listed<'_> {
    /// As Qlik answers it.
    pub(crate) fn json(&self, apps: &[crate::tenant::App]) -> Value {
        let (row, named, usage) = match self {
            Self::Given(json) => return (*json).clone(),
            Self::Own { row, named, usage } => (row, *named, usage),
        };
        let mut json = json!({
            "id": format!("{:08x}{:04x}{:012x}", usage.seed & 0xffff_ffff, (row.end / DAY) & 0xffff, row.order & 0xffff_ffff_ffff),
            "appId": apps.get(row.app as usize).map(|app| &app.id),
            "sessionId": format!("{:016x}", row.session),
            "endTime": iso(row.end),
            "duration": row.ms.to_string(),
            "minutesUsed": if named { 0 } else { row.units * 6 },
            "capacityUsed": if named { 0 } else { row.units },
            "licenseUsage": if named { "ASSIGNED_LICENSE" } else { usage.knobs.capacity_word.as_str() },
        });
        if let (Some(json), Some(person)) = (json.as_object_mut(), usage.person(row.person)) {
            json.insert("userId".to_owned(), json!(&*person.id));
        }
        json
    }
}

/// Where a list goes on: when the row beside it ended, and its place among those of that time.
pub(crate) type Edge = (i64, u64);

impl Usage {
    /// Nobody's yet. `days` are kept before the day of `now`.
    pub(crate) fn new(seed: u64, now: i64, days: i64, apps: usize) -> Self {
        let start_day = now.div_euclid(DAY);
        Self {
            seed,
            first_day: start_day - days,
            start_day,
            people: Vec::new(),
            subjects: HashMap::new(),
            ids: HashMap::new(),
            apps: u32::try_from(apps).unwrap_or(1),
            knobs: Knobs::default(),
            placed: Vec::new(),
            held_days: VecDeque::new(),
            given: Vec::new(),
            acted: Vec::new(),
            account: Account { upto: month_start(now) - 1, ..Account::default() },
        }
    }

    /// Adds somebody. `away`: from when on they do not come.
    pub(crate) fn add_person(&mut self, id: &str, subject: &str, persona: Option<Persona>, away: Option<i64>) {
        let place = u32::try_from(self.people.len()).unwrap_or(ANYBODY - 1);
        let id: Arc<str> = Arc::from(id);
        self.ids.insert(id.clone(), place);
        self.subjects.insert(subject.to_lowercase(), place);
        let away = away.map(|from| (from, i64::MAX)).into_iter().collect();
        self.people.push(Person { id, habit: Habit::default(), persona, held: Vec::new(), away });
    }

    /// Draws how each person uses Qlik, once it is known who holds a license.
    pub(crate) fn draw_habits(&mut self) {
        for (place, person) in (0..).zip(&mut self.people) {
            person.habit = Habit::draw(self.seed, place, !person.held.is_empty());
            // Who was given a license came with it: before, nobody of that habit was there.
            if let (None, Some(since)) = (person.persona, person.held.iter().map(|(_, from, _)| *from).min()) {
                person.away.push((i64::MIN, since));
            }
        }
    }

    /// Minutes that the capacity loses in a month as it was at the start, about: what a pack is sized by.
    pub(crate) fn monthly_minutes(&self) -> i64 {
        let day = month_start(self.start_day * DAY - 32 * DAY) / DAY;
        let mut rows = Vec::new();
        // Two weeks of a complete month stand for it.
        for day in day..day + 14 {
            rows.extend(self.compute(day).into_iter().filter(|row| self.became(row) == Became::Capacity));
        }
        rows.iter().map(|row| row.units * 6).sum::<i64>() * 31 / 14
    }

    fn person(&self, place: u32) -> Option<&Person> {
        self.people.get(place as usize)
    }

    fn place(&self, id: &str) -> Option<u32> {
        self.ids.get(id).copied()
    }

    /// How much more is used on a day than at the start, in hundredths.
    fn growth(&self, day: i64) -> u64 {
        let months = (day - self.start_day).max(0) / 30;
        let grown =
            (0..months.min(240)).fold(100_i64, |grown, _| (grown * (100 + self.knobs.growth_percent) / 100).clamp(0, 10_000));
        grown.unsigned_abs()
    }

    // Licenses

    /// Somebody got a license.
    pub(crate) fn given_license(&mut self, subject: &str, allotment: &str, at: i64) {
        if let Some(person) = self.by_subject(subject) {
            person.held.push((allotment.into(), at, i64::MAX));
        }
    }

    /// Somebody lost a license.
    pub(crate) fn lost_license(&mut self, subject: &str, allotment: &str, at: i64) {
        if let Some(person) = self.by_subject(subject)
            && let Some(held) = person.held.iter_mut().find(|held| &*held.0 == allotment && held.2 == i64::MAX)
        {
            held.2 = at;
        }
    }

    fn by_subject(&mut self, subject: &str) -> Option<&mut Person> {
        let place = *self.subjects.get(&subject.to_lowercase())?;
        self.people.get_mut(place as usize)
    }

    /// Somebody comes no more, or comes again.
    pub(crate) fn set_away(&mut self, id: &str, is_away: bool, at: i64) {
        let Some(person) = self.ids.get(id).and_then(|place| self.people.get_mut(*place as usize)) else { return };
        let open = person.away.iter_mut().find(|away| away.1 == i64::MAX);
        match (open, is_away) {
            (Some(away), false) => away.1 = at,
            (None, true) => person.away.push((at, i64::MAX)),
            _ => {}
        }
    }

    fn is_named(&self, row: &Row) -> bool {
        let held = self.person(row.person).map(|person| person.held.as_slice()).unwrap_or_default();
        held.iter().any(|(_, from, until)| (*from..*until).contains(&row.end))
    }

    /// What became of a row that is over.
    fn became(&self, row: &Row) -> Became {
        let away = self.person(row.person).map(|person| person.away.as_slice()).unwrap_or_default();
        if away.iter().any(|(from, until)| (*from..*until).contains(&row.end)) {
            return Became::Nothing;
        }
        if self.is_named(row) {
            return Became::Named;
        }
        let refused = self.account.spent.iter().any(|(from, until)| (*from..*until).contains(&row.end));
        if refused { Became::Refused } else { Became::Capacity }
    }

    // Days

    fn compute(&self, day: i64) -> Vec<Row> {
        let mut rows = Vec::new();
        for (place, person) in (0..).zip(&self.people) {
            self.rows_of(place, person, day, &mut rows);
        }
        self.anonymous(day, &mut rows);
        rows.sort_unstable_by_key(|row| (row.end, row.order));
        rows
    }

    /// The rows of a day that seed and habits make, by their end.
    pub(crate) fn day(&mut self, day: i64) -> Arc<Vec<Row>> {
        if !(self.first_day..=self.start_day + 36_600).contains(&day) {
            return Arc::default();
        }
        if let Some(at) = self.held_days.iter().position(|(held, _)| *held == day)
            && let Some(held) = self.held_days.remove(at)
        {
            let rows = held.1.clone();
            self.held_days.push_back(held);
            return rows;
        }
        let rows = Arc::new(self.compute(day));
        if self.held_days.len() == DAYS_HELD {
            self.held_days.pop_front();
        }
        self.held_days.push_back((day, rows.clone()));
        rows
    }

    /// After a change of what the rows of later days are.
    pub(crate) fn forget_days(&mut self) {
        self.held_days.clear();
    }

    /// Whether a row of a day is listed by now, as far as the day decides.
    fn is_shown(&self, day: i64, now: i64) -> bool {
        let kept = self.knobs.keep_days.is_none_or(|keep| day > now.div_euclid(DAY) - keep);
        kept && !self.knobs.quiet.contains(&day)
    }

    fn has_come(&self, row: &Row, now: i64) -> bool {
        row.end + if self.knobs.late { row.delay } else { 0 } <= now
    }

    /// Walks the rows that are listed, from an edge on, without it, until `visit` says that it is enough. `within` are the
    /// first and the last day that matter.
    pub(crate) fn walk(
        &mut self,
        now: i64,
        edge: Option<Edge>,
        upwards: bool,
        within: (i64, i64),
        mut visit: impl FnMut(Edge, Listed<'_>) -> bool,
    ) {
        let today = now.div_euclid(DAY);
        let mut days: BTreeSet<Option<i64>> = (self.first_day.max(within.0)..=today.min(within.1)).map(Some).collect();
        days.extend(self.given.iter().map(|given| given.end.map(|end| end.div_euclid(DAY))));
        if let Some((end, _)) = edge {
            let at = (end != i64::MIN).then(|| end.div_euclid(DAY));
            days.retain(|day| if upwards { *day >= at } else { *day <= at });
        }
        let mut days: Vec<Option<i64>> = days.into_iter().collect();
        if !upwards {
            days.reverse();
        }
        for day in days {
            let outside = day.is_some_and(|day| !(within.0..=within.1).contains(&day));
            if outside {
                continue;
            }
            let rows = day.map_or_else(Arc::default, |day| self.day(day));
            let shown = day.is_none_or(|day| self.is_shown(day, now));
            let added: Vec<(Edge, Added)> = self.added(day);
            let usage = &*self;
            let mut step = |(at, what): (Edge, Added)| {
                let beyond = edge.is_none_or(|edge| if upwards { at > edge } else { at < edge });
                let listed = match what {
                    Added::Row(row) if shown && row.end <= now && usage.has_come(&row, now) => match usage.became(&row) {
                        Became::Named => Some(Listed::Own { row, named: true, usage }),
                        Became::Capacity => Some(Listed::Own { row, named: false, usage }),
                        Became::Refused | Became::Nothing => None,
                    },
                    Added::Row(_) => None,
                    Added::Given(place) => usage.given.get(place).map(|given| Listed::Given(&given.json)),
                };
                listed.filter(|_| beyond).is_none_or(|listed| visit(at, listed))
            };
            let key = |row: &Row| (row.end, row.order);
            let goes_on = if added.is_empty() {
                // From the edge on: a page of a large day takes no longer for being the last one.
                let own = match edge {
                    None => rows.get(..),
                    Some(edge) if upwards => rows.get(rows.partition_point(|row| key(row) <= edge)..),
                    Some(edge) => rows.get(..rows.partition_point(|row| key(row) < edge)),
                };
                let mut own = own.unwrap_or_default().iter().map(|row| (key(row), Added::Row(*row)));
                if upwards { own.all(&mut step) } else { own.rev().all(&mut step) }
            } else {
                let mut all: Vec<(Edge, Added)> = rows.iter().map(|row| (key(row), Added::Row(*row))).chain(added).collect();
                all.sort_unstable_by_key(|(edge, _)| *edge);
                if upwards { all.into_iter().all(&mut step) } else { all.into_iter().rev().all(&mut step) }
            };
            if !goes_on {
                return;
            }
        }
    }

    /// What was put in for a day from outside.
    fn added(&self, day: Option<i64>) -> Vec<(Edge, Added)> {
        let of = |end: i64| Some(end.div_euclid(DAY));
        let given = self.given.iter().enumerate().filter(|(_, given)| given.end.and_then(of) == day);
        let given = given.map(|(place, given)| ((given.end.unwrap_or(i64::MIN), given.order), Added::Given(place)));
        let acted = self.acted.iter().filter(|acted| of(acted.row.end) == day);
        given.chain(acted.map(|acted| ((acted.row.end, acted.row.order), Added::Row(acted.row)))).collect()
    }

    // From outside

    /// Puts rows in word for word. They are listed at once.
    pub(crate) fn give(&mut self, rows: Vec<Value>) {
        for json in rows {
            let end = json.get("endTime").and_then(Value::as_str).and_then(parse_iso);
            let order = 1 << 62 | self.given.len() as u64;
            self.given.push(Given { json, end, order });
        }
    }

    /// Puts a session in: one row for each app.
    pub(crate) fn act(&mut self, user: &str, minutes: i64, end: i64, apps: &[u32], arrives_ms: i64) -> bool {
        let Some(person) = self.place(user) else { return false };
        let each = (minutes / i64::try_from(apps.len()).unwrap_or(1)).max(1);
        for app in apps {
            let order = ACTED | self.acted.len() as u64;
            let row = Row {
                end,
                order,
                person,
                app: *app,
                session: order,
                ms: each * 60_000,
                units: (each + 5) / 6,
                delay: arrives_ms,
            };
            self.acted.push(Acted { row, counted: false });
        }
        true
    }

    /// Minutes of the running month, as far as it is accounted for.
    pub(crate) fn used(&self, now: i64) -> i64 {
        let start = month_start(now);
        let own = if start == month_start(self.account.upto) { self.account.used } else { 0 };
        let given: i64 = self
            .given
            .iter()
            .filter(|given| given.end.is_some_and(|end| end >= start && end <= now))
            .map(|given| oracle::charged(&given.json))
            .sum();
        own + given
    }
}

/// What became of a session that was wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Became {
    /// A license of their own served.
    Named,
    /// It was taken from the capacity.
    Capacity,
    /// The capacity was spent.
    Refused,
    /// Nobody came.
    Nothing,
}

#[derive(Debug, Clone, Copy)]
enum Added {
    Row(Row),
    Given(usize),
}

impl Tenant {
    /// Accounts for what was used until now: the month's capacity, who was refused when it was spent, who got a license at their
    /// sign-in. What is accounted for stays as it is.
    pub(crate) fn settle(&mut self, now: i64) {
        let days = self.usage.account.upto.div_euclid(DAY).max(self.usage.first_day)..=now.div_euclid(DAY);
        for day in days {
            let rows = self.usage.day(day);
            let from = rows.partition_point(|row| row.end <= self.usage.account.upto);
            for row in rows.iter().skip(from).take_while(|row| row.end <= now) {
                self.count(*row);
            }
            self.usage.account.advance((day * DAY + DAY - 1).min(now));
        }
        for place in 0..self.usage.acted.len() {
            if let Some(acted) = self.usage.acted.get_mut(place)
                && !acted.counted
                && acted.row.end <= now
            {
                acted.counted = true;
                let row = acted.row;
                self.count(row);
            }
        }
    }

    fn count(&mut self, row: Row) {
        self.usage.account.advance(row.end);
        let became = self.usage.became(&row);
        if matches!(became, Became::Named | Became::Nothing) || self.usage.knobs.auto_assign && self.takes_a_seat(row) {
            return;
        }
        let timed = self.allotments.iter().find(|allotment| allotment.timed);
        let Some((name, most)) = timed.map(|timed| (timed.name.clone(), timed.seats())) else { return };
        let is_this_month = month_start(row.end) == month_start(self.usage.account.upto);
        let is_spent = is_this_month && most.is_some_and(|most| self.usage.account.used >= most);
        match became {
            Became::Refused => self.reject(row, &name),
            _ if is_spent => {
                self.usage.account.spent.push((row.end, next_month(row.end)));
                self.reject(row, &name);
            }
            _ if is_this_month => self.usage.account.used += row.units * 6,
            _ => {}
        }
    }

    /// Whether somebody without a license gets one as they come, by the settings and while there are seats.
    fn takes_a_seat(&mut self, row: Row) -> bool {
        let user = self.usage.person(row.person).and_then(|person| self.user(&person.id));
        let Some(subject) = user.map(|user| user.subject.clone()) else { return false };
        [("autoAssignProfessional", "professional"), ("autoAssignAnalyzer", "analyzer")].into_iter().any(
            |(setting, allotment)| {
                let is_on = self.settings.get(setting).and_then(Value::as_bool).unwrap_or(false);
                is_on && self.add(&subject, allotment, row.end).error.is_none()
            },
        )
    }

    fn reject(&mut self, row: Row, allotment: &str) {
        let user = self.usage.person(row.person).map(|person| person.id.clone());
        if let Some(user) = user.and_then(|id| self.user(&id).cloned()) {
            self.note_license(REJECTED, (&user.subject, allotment), &user.id, row.end);
        }
    }

    /// The units of an allotment are others from now on.
    pub(crate) fn set_units(&mut self, name: &str, units: i64, overage: Option<i64>, now: i64) -> bool {
        self.settle(now);
        let Some(allotment) = self.allotments.iter_mut().find(|allotment| allotment.name == name) else { return false };
        allotment.units = units;
        allotment.overage = overage.or(allotment.overage);
        if allotment.timed {
            for (_, until) in &mut self.usage.account.spent {
                *until = (*until).min(now);
            }
        }
        true
    }
}

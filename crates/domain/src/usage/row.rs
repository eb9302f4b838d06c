//! Rows of consumption as Qlik lists them: what is known of each, what is odd about it, and one of those that are given twice.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use super::block::{Amount, Class};

/// Capacity is taken in pieces of six minutes.
pub const UNIT_MS: u64 = 6 * 60_000;
/// A session that lasts longer is taken for an error.
const LONGEST_MS: u64 = 7 * 24 * 60 * 60_000;
/// So is a row that loses more minutes, or pieces.
const MOST: i64 = 100_000;
/// A row that ends later than this after the tenant's time is kept out until then.
const AHEAD_MS: i64 = 5 * 60_000;
/// Longer texts are kept as a hash.
const LONGEST_TEXT: usize = 256;

/// A value of which nobody promises what it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Told<'a> {
    /// It is not there, or null.
    #[default]
    Missing,
    /// A whole number.
    Number(i64),
    /// A text.
    Text(&'a str),
    /// Anything else.
    Other,
}

impl Told<'_> {
    /// The number, also where it is a text of digits; nothing where it is not there or none from 0 to `most`. Whether it is odd.
    fn number(self, most: i64) -> (Option<i64>, bool) {
        let number = match self {
            Self::Missing => return (None, false),
            Self::Number(number) => Some(number),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Other => None,
        };
        let number = number.filter(|number| (0..=most).contains(number));
        (number, number.is_none())
    }
}

/// A row as it came; texts that are not there are empty, and times are read already, by whoever knows their many forms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wire<'a> {
    /// `id`
    pub id: &'a str,
    /// `userId`
    pub user: &'a str,
    /// `appId`
    pub app: &'a str,
    /// `sessionId`
    pub session: &'a str,
    /// `endTime`, in milliseconds since 1970; nothing where it is not there or cannot be read.
    pub end: Option<i64>,
    /// `duration` in milliseconds, likewise.
    pub duration: Option<i64>,
    /// `capacityUsed`
    pub units: Told<'a>,
    /// `minutesUsed`
    pub minutes: Told<'a>,
    /// `licenseUsage`
    pub usage: &'a str,
}

/// What is odd about rows: how many of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Odd {
    /// When it ended cannot be read; it is dropped.
    pub no_time: u64,
    /// It ends in the future; it is kept out until then.
    pub future: u64,
    /// Nobody is told.
    pub no_user: u64,
    /// How long it took is not told, or cannot be.
    pub bad_duration: u64,
    /// What it took from the capacity cannot be read.
    pub bad_minutes: u64,
    /// Its minutes and its pieces are not the same.
    pub disagree: u64,
    /// A license served, and the capacity was to lose something all the same.
    pub named_charged: u64,
    /// It was there already.
    pub duplicate: u64,
    /// It was there already, and said something else.
    pub conflict: u64,
    /// A text of it is too long.
    pub huge_id: u64,
}

impl Odd {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            no_time: self.no_time + other.no_time,
            future: self.future + other.future,
            no_user: self.no_user + other.no_user,
            bad_duration: self.bad_duration + other.bad_duration,
            bad_minutes: self.bad_minutes + other.bad_minutes,
            disagree: self.disagree + other.disagree,
            named_charged: self.named_charged + other.named_charged,
            duplicate: self.duplicate + other.duplicate,
            conflict: self.conflict + other.conflict,
            huge_id: self.huge_id + other.huge_id,
        }
    }
}

/// A row that counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// When it ended, in milliseconds since 1970, UTC: its day and its month are those of this.
    pub end: i64,
    /// How long, how much.
    pub ms: u64,
    /// Pieces of six minutes: what the capacity lost, or, under a license, at most would have lost.
    pub units: u64,
    /// Which license served.
    pub class: Class,
    /// The user's id; empty where nobody is told.
    pub user: String,
    /// The app's id; empty where none is told.
    pub app: String,
}

impl Row {
    /// What it adds to its person, app and class.
    pub fn amount(&self) -> Amount {
        Amount { visits: 1, ms: self.ms, units: self.units }
    }
}

/// The first bytes of a hash over texts, none of which runs into the next one.
fn hash<const N: usize>(texts: &[&str]) -> [u8; N] {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    let whole = hash.finalize();
    let mut first = [0; N];
    for (to, from) in first.iter_mut().zip(whole) {
        *to = from;
    }
    first
}

/// A name of somebody or something, short enough to keep. Qlik's own examples say `string`, which is none.
fn name(text: &str, odd: &mut Odd) -> String {
    use std::fmt::Write as _;
    if text.len() <= LONGEST_TEXT {
        return if text == "string" { String::new() } else { text.to_owned() };
    }
    odd.huge_id = 1;
    hash::<16>(&[text]).iter().fold(String::from("~"), |mut short, byte| {
        let _ = write!(short, "{byte:02x}");
        short
    })
}

impl Wire<'_> {
    /// The row, if it counts `now` by the tenant's clock, and what is odd about it. Rows of one id are the same row.
    pub fn read(&self, now: i64) -> (Option<([u8; 8], Row)>, Odd) {
        let mut odd = Odd::default();
        let Some(end) = self.end else { return (None, Odd { no_time: 1, ..odd }) };
        if end > now + AHEAD_MS {
            return (None, Odd { future: 1, ..odd });
        }
        let (user, app) = (name(self.user, &mut odd), name(self.app, &mut odd));
        odd.no_user = u64::from(user.is_empty());
        let ms = self.duration.and_then(|ms| u64::try_from(ms).ok()).filter(|ms| *ms <= LONGEST_MS);
        odd.bad_duration = u64::from(ms.is_none());
        let ms = ms.unwrap_or(0);
        let ((units, bad_units), (minutes, bad_minutes)) = (self.units.number(MOST), self.minutes.number(MOST));
        odd.bad_minutes = u64::from(bad_units || bad_minutes);
        let of_minutes = minutes.map(|minutes| minutes.div_euclid(6) + i64::from(minutes % 6 > 0));
        let lost = units.unwrap_or(0).max(of_minutes.unwrap_or(0)).unsigned_abs();
        let word = self.usage.to_ascii_uppercase();
        let class = match word.as_str() {
            "ASSIGNED_LICENSE" => Class::Named,
            _ if lost > 0 || word.contains("TIME") || word.contains("CAPACITY") => Class::Capacity,
            _ => Class::Other,
        };
        odd.named_charged = u64::from(class == Class::Named && lost > 0);
        odd.disagree =
            u64::from(class == Class::Capacity && units.zip(of_minutes).is_some_and(|(units, minutes)| units != minutes));
        let units = if class == Class::Named { ms.div_ceil(UNIT_MS) } else { lost };
        odd.huge_id = odd.huge_id.max(u64::from(self.id.len() > LONGEST_TEXT));
        let id = if self.id.is_empty() {
            hash(&[self.user, self.app, self.session, &end.to_string(), &ms.to_string()])
        } else {
            hash(&[self.id])
        };
        (Some((id, Row { end, ms, units, class, user, app })), odd)
    }
}

/// Rows of one reading, each once, whichever order they came in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gathered {
    rows: HashMap<[u8; 8], Row>,
    /// What was odd about them.
    pub odd: Odd,
}

impl Gathered {
    /// Takes a row in. Of those with one id the later one counts, then the longer, then the one that took more.
    pub fn take(&mut self, wire: &Wire<'_>, now: i64) {
        let (read, mut odd) = wire.read(now);
        if let Some((id, row)) = read {
            match self.rows.get_mut(&id) {
                None => {
                    self.rows.insert(id, row);
                }
                Some(known) if *known == row => odd = Odd { duplicate: 1, ..Odd::default() },
                Some(known) => {
                    odd = Odd { conflict: 1, ..Odd::default() };
                    if row > *known {
                        *known = row;
                    }
                }
            }
        }
        self.odd = self.odd.and(odd);
    }

    /// The rows, in no order, by what names them.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = (&[u8; 8], &Row)> {
        self.rows.iter()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_795_348_800_000; // 2026-11-22T12:00:00Z

    fn wire(end: i64) -> Wire<'static> {
        Wire { id: "1", user: "u", app: "a", session: "s", end: Some(end), duration: Some(600_000), ..Wire::default() }
    }

    fn read(wire: Wire<'_>) -> (Row, Odd) {
        let (read, odd) = wire.read(NOW);
        (read.expect("it counts").1, odd)
    }

    #[test]
    fn a_row_counts_once_its_time_has_come() {
        assert_eq!(Wire { end: None, ..wire(NOW) }.read(NOW), (None, Odd { no_time: 1, ..Odd::default() }));
        assert_eq!(wire(NOW + AHEAD_MS + 1).read(NOW), (None, Odd { future: 1, ..Odd::default() }));
        assert!([0, NOW, NOW + AHEAD_MS].into_iter().all(|end| wire(end).read(NOW).0.is_some()));
    }

    #[test]
    fn what_is_charged_and_under_which_class() {
        let at = NOW - 60_000;
        let row = |usage, units, minutes| {
            let (row, odd) = read(Wire { units, minutes, usage, ..wire(at) });
            (row.class, row.units, odd)
        };
        let (fine, number) = (Odd::default(), Told::Number);
        assert_eq!(row("ASSIGNED_LICENSE", number(0), number(0)), (Class::Named, 2, fine), "ten minutes are two pieces");
        assert_eq!(row("assigned_license", number(1), Told::Missing), (Class::Named, 2, Odd { named_charged: 1, ..fine }));
        assert_eq!(row("ANALYZER_CAPACITY", number(2), number(12)), (Class::Capacity, 2, fine));
        assert_eq!(row("", number(2), number(7)), (Class::Capacity, 2, fine), "seven minutes are two pieces");
        assert_eq!(row("TIME_LICENSE", number(1), Told::Text("18")), (Class::Capacity, 3, Odd { disagree: 1, ..fine }));
        assert_eq!(row("time_license", Told::Missing, Told::Missing), (Class::Capacity, 0, fine));
        assert_eq!(row("", Told::Missing, number(0)), (Class::Other, 0, fine));
        for odd in [number(-1), number(100_001), Told::Text("x"), Told::Other] {
            assert_eq!(row("", odd, number(6)), (Class::Capacity, 1, Odd { bad_minutes: 1, ..fine }));
        }
        let long = |duration| {
            let (row, odd) = read(Wire { duration, ..wire(at) });
            (row.ms, odd.bad_duration)
        };
        assert_eq!([long(Some(1_500)), long(Some(0))], [(1_500, 0), (0, 0)]);
        for odd in [None, Some(-5), Some(700_000_000)] {
            assert_eq!(long(odd), (0, 1), "{odd:?}");
        }
    }

    #[test]
    fn nobody_and_names_that_are_too_long() {
        let at = NOW - 60_000;
        for user in ["", "string"] {
            let (row, odd) = read(Wire { user, app: "string", ..wire(at) });
            assert_eq!((row.user.as_str(), row.app.as_str(), odd.no_user), ("", "", 1));
        }
        let long = "x".repeat(10_000);
        let (row, odd) = read(Wire { user: &long, id: &long, ..wire(at) });
        assert_eq!((row.user.len(), row.user.starts_with('~'), odd.huge_id), (33, true, 1));
    }

    fn any_wire() -> impl Strategy<Value = (u8, u8, u8, u8, u8)> {
        (0_u8..9, 0_u8..3, 0_u8..5, 0_u8..3, 0_u8..3)
    }

    proptest! {
        #[test]
        fn the_order_of_rows_shows_nowhere(wires in proptest::collection::vec(any_wire(), 0..60), turn in 0_usize..60) {
            let gathered = |wires: &[(u8, u8, u8, u8, u8)]| {
                let mut gathered = Gathered::default();
                for (id, user, hour, length, units) in wires {
                    let (id, user) = (id.to_string(), user.to_string());
                    let wire = Wire {
                        // One in nine has no id.
                        id: if id == "0" { "" } else { &id },
                        user: &user,
                        end: Some(NOW - i64::from(*hour) * 3_600_000),
                        duration: Some(i64::from(*length) * 60_000),
                        units: Told::Number(i64::from(*units)),
                        ..Wire::default()
                    };
                    gathered.take(&wire, NOW);
                }
                gathered
            };
            let one = gathered(&wires);
            let mut turned = wires.clone();
            turned.rotate_left(turn % wires.len().max(1));
            turned.reverse();
            prop_assert_eq!(&gathered(&turned).rows, &one.rows);
            // Twice the same adds nothing.
            let twice: Vec<_> = wires.iter().chain(&wires).copied().collect();
            prop_assert_eq!(&gathered(&twice).rows, &one.rows);
        }
    }
}

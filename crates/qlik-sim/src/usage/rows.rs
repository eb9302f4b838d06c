//! The rows of a day: a function of seed, person and day, so that none need be kept.

use super::personas::{Persona, Visit};
use super::{ANYBODY, Person, Usage};

pub(crate) const HOUR: i64 = 3_600_000;
pub(crate) const DAY: i64 = 24 * HOUR;
const MINUTE: i64 = 60_000;
/// Capacity is taken in pieces of six minutes.
pub(crate) const UNIT_MS: i64 = 6 * MINUTE;
/// How busy each day of the week is, from Monday on.
const WEEK: [u32; 7] = [100, 110, 115, 105, 85, 8, 3];
/// Their mean, in hundredths.
const MEAN: u32 = 7_514;

/// One app that was opened in one session, before anybody knows under which license.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) end: i64,
    /// Its place among rows that end at the same time; unique within a day.
    pub(crate) order: u64,
    /// A place in the list of people, or [`ANYBODY`].
    pub(crate) person: u32,
    pub(crate) app: u32,
    pub(crate) session: u64,
    pub(crate) ms: i64,
    /// What it takes from the capacity where no license serves, in pieces of six minutes.
    pub(crate) units: i64,
    /// How long after its end it is listed.
    pub(crate) delay: i64,
}

/// The day of the week, from 0 for Monday; 1970-01-01 was a Thursday.
pub(crate) fn weekday(day: i64) -> usize {
    usize::try_from((day + 3).rem_euclid(7)).unwrap_or(0)
}

/// Numbers that look random and depend on nothing but where they start (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Of a person on a day.
    pub(crate) fn of(seed: u64, person: u64, day: i64) -> Self {
        let day = day.cast_unsigned();
        let mut dice = Self(seed ^ person.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ day.wrapping_mul(0xd1b5_4a32_d192_ed03));
        dice.next();
        dice
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to, and without, `below`.
    pub(crate) fn below(&mut self, below: u64) -> u64 {
        // The upper half of the product, which fits.
        u64::try_from((u128::from(self.next()) * u128::from(below)) >> 64).unwrap_or(0)
    }

    fn ms(&mut self, below: i64) -> i64 {
        self.below(below.unsigned_abs()).cast_signed()
    }
}

/// The place of somebody's row among those that end at the same time: each is known by its person and how many of theirs
/// come before it, so that a person can be computed alone.
fn order(person: u32, nth: u64) -> u64 {
    u64::from(person) << 16 | nth & 0xffff
}

/// How late rows come: nine in ten within five minutes, a few within hours, very few within six days.
fn delay(dice: &mut Dice) -> i64 {
    match dice.below(1_000) {
        0 => 48 * HOUR + dice.ms(4 * DAY),
        1..20 => 6 * HOUR + dice.ms(42 * HOUR),
        20..100 => 5 * MINUTE + dice.ms(6 * HOUR - 5 * MINUTE),
        _ => dice.ms(5 * MINUTE),
    }
}

/// A time of the working day with its two humps, seven to nineteen.
fn time_of_day(dice: &mut Dice) -> i64 {
    let hump = if dice.below(100) < 55 { 7 * HOUR } else { 13 * HOUR };
    hump + i64::midpoint(dice.ms(6 * HOUR), dice.ms(6 * HOUR))
}

/// How somebody who is nobody in particular uses Qlik.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Habit {
    /// Days with use of a thousand days.
    pub(crate) days: u32,
    /// Minutes in an app, about.
    pub(crate) minutes: u32,
}

impl Habit {
    /// Drawn for a person: some never come, a few take most of the time.
    pub(crate) fn draw(seed: u64, person: u32, licensed: bool) -> Self {
        let mut dice = Dice::of(seed, u64::from(person), -1);
        let (kind, one, two) = (dice.below(100), dice.below(1_000), dice.below(1_000));
        let squared = u32::try_from(one * two / 1_000).unwrap_or(0);
        let wide = u32::try_from(one).unwrap_or(0);
        match (licensed, kind) {
            (true, 0..8) | (false, 0..30) => Self::default(),
            (true, 8..12) => Self { days: 500 + squared / 3, minutes: 25 + wide / 25 },
            (true, _) => Self { days: 150 + squared * 9 / 10, minutes: 4 + wide / 80 },
            (false, 30..34) => Self { days: 350 + squared / 3, minutes: 15 + wide / 50 },
            (false, _) => Self { days: 10 + squared / 10, minutes: 3 + wide / 200 },
        }
    }
}

impl Usage {
    /// What one person would use on a day, in the order of their visits.
    pub(super) fn rows_of(&self, place: u32, person: &Person, day: i64, into: &mut Vec<Row>) {
        match person.persona {
            Some(persona) => self.visits(place, persona, day, into),
            None => self.ordinary(place, person.habit, day, into),
        }
    }

    fn ordinary(&self, place: u32, habit: Habit, day: i64, into: &mut Vec<Row>) {
        if habit.days == 0 {
            return;
        }
        let weight = WEEK.get(weekday(day)).copied().unwrap_or(0);
        let mut dice = Dice::of(self.seed, u64::from(place), day);
        let chance = u64::from(habit.days) * u64::from(weight) * self.growth(day);
        if dice.below(u64::from(MEAN) * 1_000) >= chance {
            return;
        }
        let session = dice.next();
        let apps = match dice.below(20) {
            0..12 => 1,
            12..17 => 2,
            17..19 => 3,
            _ => 4,
        };
        let end = time_of_day(&mut dice);
        let favourite = u64::from(place) * 7;
        let mut nth = 0;
        for n in 0..apps {
            // Some apps are opened by many, most by few; everybody has a favourite.
            let many = u64::from(self.apps.max(1));
            let skewed = many * dice.below(1_000) / 1_000 * dice.below(1_000) / 1_000;
            let app = if n == 0 { favourite % many } else { skewed };
            let visits = 1 + u64::from(dice.below(100) < 29);
            for again in 0..visits {
                let minutes = 1 + dice.ms(i64::from(habit.minutes.max(1)) * 2);
                let units = (minutes + 5) / 6;
                let idle = if dice.below(3) == 0 { units * UNIT_MS - minutes * MINUTE + dice.ms(40 * MINUTE) } else { 0 };
                let later = i64::try_from(n * 20_000 + again * 3_600_000).unwrap_or(0);
                let order = order(place, nth);
                nth += 1;
                into.push(Row {
                    end: day * DAY + (end + later).min(DAY - 1),
                    order,
                    person: place,
                    app: u32::try_from(app).unwrap_or(0),
                    session: session.wrapping_add(again),
                    ms: minutes * MINUTE - dice.ms(MINUTE) + idle,
                    units,
                    delay: delay(&mut dice),
                });
            }
        }
    }

    fn visits(&self, place: u32, persona: Persona, day: i64, into: &mut Vec<Row>) {
        let mut dice = Dice::of(self.seed, u64::from(place), day);
        for (nth, Visit { at, units, ms, app, late }) in (0..).zip(persona.visits(place, day, self.start_day)) {
            let delayed = delay(&mut dice);
            let order = order(place, nth);
            into.push(Row {
                end: day * DAY + at,
                order,
                person: place,
                app: app % self.apps.max(1),
                session: dice.next(),
                ms,
                units,
                delay: late.unwrap_or(delayed),
            });
        }
    }

    /// What nobody is named for: so many minutes on each workday.
    pub(super) fn anonymous(&self, day: i64, into: &mut Vec<Row>) {
        if weekday(day) > 4 {
            return;
        }
        let mut dice = Dice::of(self.seed, u64::from(ANYBODY), day);
        for n in 0..self.knobs.anonymous_per_day / 6 {
            into.push(Row {
                end: day * DAY + time_of_day(&mut dice),
                order: order(ANYBODY, n),
                person: ANYBODY,
                app: u32::try_from(dice.below(u64::from(self.apps.max(1)))).unwrap_or(0),
                session: dice.next(),
                ms: UNIT_MS - dice.ms(MINUTE),
                units: 1,
                delay: delay(&mut dice),
            });
        }
    }
}

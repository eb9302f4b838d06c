//! The use of a day as bytes to keep: who used which app under which class of license, how often, how long, for how much.
//!
//! Form `QMU1`: the magic, how many entries, then a column each of varints (LEB128) over the entries in the order of person,
//! app and class: person (the difference to the one before), app (likewise, anew for each person), visits and class in one
//! number, milliseconds, pieces of six minutes; after them the peaks, app (the difference) and peak in turn, until the end.

use std::collections::BTreeMap;

/// Which license served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// A license of the person's own.
    Named,
    /// The analyzer capacity.
    Capacity,
    /// Neither is told.
    Other,
}

impl Class {
    const ALL: [Self; 3] = [Self::Named, Self::Capacity, Self::Other];
}

/// Whose use of what. People and apps are known by numbers of the store; 0 is nobody that is named, and no app that is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The person.
    pub person: u32,
    /// The app.
    pub app: u32,
    /// Which license served.
    pub class: Class,
}

/// How much that was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// Apps that were opened; one that was opened in two sessions counts twice.
    pub visits: u64,
    /// How long, in milliseconds, over all of them; idle time is in it.
    pub ms: u64,
    /// Pieces of six minutes: what the capacity lost, or, under a license, at most would have lost.
    pub units: u64,
}

impl Amount {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            visits: self.visits.saturating_add(other.visits),
            ms: self.ms.saturating_add(other.ms),
            units: self.units.saturating_add(other.units),
        }
    }
}

/// The use of a day. In which order it was gathered shows nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Block {
    entries: BTreeMap<Key, Amount>,
    /// Sessions that were open at one minute at most, by app; 0 is the whole tenant.
    peaks: BTreeMap<u32, u32>,
}

/// Bytes that are no block of this form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a day of use cannot be read")]
pub struct Unreadable;

const MAGIC: &[u8; 4] = b"QMU1";
/// Columns of each entry; each takes a byte at least.
const COLUMNS: usize = 5;

impl Block {
    /// Adds to what is there of a key.
    pub fn add(&mut self, key: Key, amount: Amount) {
        let sum = self.entries.entry(key).or_default();
        *sum = sum.and(amount);
    }

    /// Sets the peak of an app.
    pub fn set_peak(&mut self, app: u32, peak: u32) {
        self.peaks.insert(app, peak);
    }

    /// The entries in order.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (Key, Amount)> {
        self.entries.iter().map(|(key, amount)| (*key, *amount))
    }

    /// The peaks by app.
    pub fn peaks(&self) -> impl ExactSizeIterator<Item = (u32, u32)> {
        self.peaks.iter().map(|(app, peak)| (*app, *peak))
    }

    /// As bytes. The same use is the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        put(&mut bytes, self.entries.len() as u64);
        let mut before = 0;
        for key in self.entries.keys() {
            put(&mut bytes, u64::from(key.person - before));
            before = key.person;
        }
        let mut before = (0, 0);
        for key in self.entries.keys() {
            let last = if before.0 == key.person { before.1 } else { 0 };
            put(&mut bytes, u64::from(key.app - last));
            before = (key.person, key.app);
        }
        for (key, amount) in &self.entries {
            // The class takes the two lowest bits; nobody opens so many apps that the others do not suffice.
            put(&mut bytes, amount.visits.min(u64::MAX >> 2) << 2 | key.class as u64);
        }
        for amount in self.entries.values() {
            put(&mut bytes, amount.ms);
        }
        for amount in self.entries.values() {
            put(&mut bytes, amount.units);
        }
        let mut before = 0;
        for (app, peak) in &self.peaks {
            put(&mut bytes, u64::from(app - before));
            put(&mut bytes, u64::from(*peak));
            before = *app;
        }
        bytes
    }

    /// Reads those bytes; any others are unreadable, and nothing worse.
    pub fn of_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut bytes = Varints(bytes.strip_prefix(MAGIC).ok_or(Unreadable)?);
        let count = usize::try_from(bytes.next()?).map_err(|_| Unreadable)?;
        // Nothing is set aside for more than can be there.
        if count > bytes.0.len() / COLUMNS {
            return Err(Unreadable);
        }
        let mut person = 0_u32;
        let mut people = Vec::with_capacity(count);
        for _ in 0..count {
            person = person.checked_add(bytes.number()?).ok_or(Unreadable)?;
            people.push(person);
        }
        let mut before = (0, 0_u32);
        let mut apps = Vec::with_capacity(count);
        for person in &people {
            let last = if before.0 == *person { before.1 } else { 0 };
            let app = last.checked_add(bytes.number()?).ok_or(Unreadable)?;
            before = (*person, app);
            apps.push(app);
        }
        let mut visits = Vec::with_capacity(count);
        for _ in 0..count {
            let number = bytes.next()?;
            let class = usize::try_from(number & 3).ok().and_then(|class| Class::ALL.get(class)).ok_or(Unreadable)?;
            visits.push((*class, number >> 2));
        }
        let ms = (0..count).map(|_| bytes.next()).collect::<Result<Vec<u64>, _>>()?;
        let units = (0..count).map(|_| bytes.next()).collect::<Result<Vec<u64>, _>>()?;
        let mut block = Self::default();
        let mut last = None;
        for (((person, app), (class, visits)), (ms, units)) in
            people.into_iter().zip(apps).zip(visits).zip(ms.into_iter().zip(units))
        {
            let key = Key { person, app, class };
            // In order, and each once: so every block has one form only.
            if last.replace(key).is_some_and(|last| last >= key) {
                return Err(Unreadable);
            }
            block.entries.insert(key, Amount { visits, ms, units });
        }
        let mut app = None::<u32>;
        while !bytes.0.is_empty() {
            let step = bytes.number()?;
            let next = match app {
                None => step,
                Some(_) if step == 0 => return Err(Unreadable),
                Some(before) => before.checked_add(step).ok_or(Unreadable)?,
            };
            block.peaks.insert(next, bytes.number()?);
            app = Some(next);
        }
        Ok(block)
    }
}

/// Writes a varint.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push((number & 0x7f) as u8);
}

/// Varints one after the other.
struct Varints<'a>(&'a [u8]);

impl Varints<'_> {
    /// The next one; only in its shortest form.
    fn next(&mut self) -> Result<u64, Unreadable> {
        let mut number = 0_u64;
        for place in 0..10 {
            let (byte, rest) = self.0.split_first().ok_or(Unreadable)?;
            self.0 = rest;
            let part = u64::from(byte & 0x7f);
            if place == 9 && part > 1 {
                return Err(Unreadable);
            }
            number |= part << (7 * place);
            if byte & 0x80 == 0 {
                return if *byte == 0 && place > 0 { Err(Unreadable) } else { Ok(number) };
            }
        }
        Err(Unreadable)
    }

    fn number(&mut self) -> Result<u32, Unreadable> {
        u32::try_from(self.next()?).map_err(|_| Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Row = (u32, u32, usize, u64, u64);

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let person = prop_oneof![Just(0), 0_u32..40, Just(u32::MAX)];
        let row = (person, prop_oneof![0_u32..9, Just(u32::MAX)], 0_usize..3, 0_u64..700_000_000, 0_u64..3_000);
        proptest::collection::vec(row, 0..120)
    }

    fn block(rows: &[Row], peaks: &BTreeMap<u32, u32>) -> Block {
        let mut block = Block::default();
        for (person, app, class, ms, units) in rows {
            let key = Key { person: *person, app: *app, class: Class::ALL[*class] };
            block.add(key, Amount { visits: 1, ms: *ms, units: *units });
        }
        for (app, peak) in peaks {
            block.set_peak(*app, *peak);
        }
        block
    }

    proptest! {
        #[test]
        fn a_day_comes_back_as_it_was_whatever_the_order(rows in rows(), turn in 0_usize..120, peaks in proptest::collection::btree_map(0_u32..50, any::<u32>(), 0..9)) {
            let one = block(&rows, &peaks);
            let bytes = one.to_bytes();
            prop_assert_eq!(Block::of_bytes(&bytes), Ok(one));
            let mut turned = rows.clone();
            turned.rotate_left(turn % rows.len().max(1));
            turned.reverse();
            prop_assert_eq!(block(&turned, &peaks).to_bytes(), bytes);
        }

        #[test]
        fn any_bytes_are_a_day_or_an_error_and_each_day_has_one_form(tail in proptest::collection::vec(any::<u8>(), 0..60), small in any::<bool>()) {
            let mut bytes = MAGIC.to_vec();
            bytes.extend(tail.iter().map(|byte| if small { byte % 4 } else { *byte }));
            if let Ok(block) = Block::of_bytes(&bytes) {
                prop_assert_eq!(block.to_bytes(), bytes);
            }
        }

        #[test]
        fn a_day_that_was_cut_or_damaged_is_never_taken_for_another_one_of_its_length(rows in rows(), at in 0_usize..2_000) {
            let bytes = block(&rows, &BTreeMap::new()).to_bytes();
            let cut = &bytes[..at % bytes.len()];
            // What was cut off within the entries is missed; there are no peaks that could end early.
            prop_assert!(Block::of_bytes(cut).is_err());
        }
    }

    #[test]
    fn a_large_day_takes_seven_bytes_an_entry() {
        let mut block = Block::default();
        for person in 1..=20_000_u32 {
            for app in [1 + person % 36, 40] {
                let amount = Amount { visits: 1, ms: u64::from(person % 90) * 60_000 + 31_415, units: u64::from(person % 9) };
                block.add(Key { person, app, class: Class::Capacity }, amount);
            }
        }
        let bytes = block.to_bytes();
        assert!(bytes.len() <= 8 * 40_000, "{} bytes", bytes.len());
        assert_eq!(Block::of_bytes(&bytes), Ok(block));
        assert_eq!((Block::of_bytes(b""), Block::of_bytes(b"QMU2\0")), (Err(Unreadable), Err(Unreadable)));
        assert_eq!(Block::of_bytes(b"QMU1\0"), Ok(Block::default()));
    }
}

//! Bounds on what strangers can make the portal do: how many keys they try, and how many lines they write into the trail.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// A minute, in milliseconds.
const MINUTE_MS: i64 = 60 * 1_000;

/// So many keys that Qlik does not accept may one person try at a tenant in a minute.
const WRONG_KEYS: usize = 30;
/// So many refusals a minute are written down.
const LINES: u64 = 60;
/// So many kinds of refusals are counted from one minute to the next.
const KINDS: usize = 1_000;

/// Keys that were not accepted, by tenant and by who typed them: when each was tried. One person keeps nobody else from connecting.
#[derive(Debug, Default)]
pub struct WrongKeys(Mutex<HashMap<(String, String), VecDeque<i64>>>);

impl WrongKeys {
    /// This person (their principal) tries a key: it counts as wrong until [`Self::was_right`] says otherwise, so that many at once are no
    /// way round. The error is how many seconds they have to wait.
    pub fn tries(&self, tenant: &str, person: &str, now: i64) -> Result<(), i64> {
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those of the last minute, as far as there are any.
        tried.retain(|_, times| {
            times.retain(|at| now - at < MINUTE_MS);
            !times.is_empty()
        });
        let times = tried.entry((tenant.to_owned(), person.to_owned())).or_default();
        if times.len() >= WRONG_KEYS {
            return Err(times.front().map_or(1, |at| ((at + MINUTE_MS - now) / 1_000).max(1)));
        }
        times.push_back(now);
        Ok(())
    }

    /// The key that was tried at that time was accepted, or the tenant did not say.
    pub fn was_right(&self, tenant: &str, person: &str, at: i64) {
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(times) = tried.get_mut(&(tenant.to_owned(), person.to_owned()))
            && let Some(place) = times.iter().position(|time| *time == at)
        {
            times.remove(place);
        }
    }
}

/// Refusals of this minute.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    minute: i64,
    /// So many were written down within the minute.
    written: u64,
    /// How often each was refused, by what it was and from where.
    by_kind: HashMap<String, u64>,
    /// How many were not written down since, by the same.
    missed: HashMap<String, u64>,
    /// The same for whatever there was no room to count apart.
    missed_besides: u64,
}

impl Refusals {
    /// Whether a refusal is to be written down: one of each kind a minute, and [`LINES`] in all; and how many like it were not since
    /// the last one that was. `kind` says what was refused, and from where.
    pub fn write_down(&self, now: i64, kind: &str) -> Option<u64> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now / MINUTE_MS;
        if counted.minute != minute {
            let by_kind = std::mem::take(&mut counted.by_kind);
            for (kind, times) in by_kind {
                if times > 1 && counted.missed.len() < KINDS {
                    *counted.missed.entry(kind).or_default() += times - 1;
                }
            }
            (counted.minute, counted.written) = (minute, 0);
        }
        if let Some(times) = counted.by_kind.get_mut(kind) {
            *times += 1;
            return None;
        }
        if counted.written >= LINES {
            counted.missed_besides += 1;
            return None;
        }
        counted.written += 1;
        counted.by_kind.insert(kind.to_owned(), 1);
        let missed = counted.missed.remove(kind).unwrap_or_default();
        Some(missed + std::mem::take(&mut counted.missed_besides))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_is_counted_and_not_written() {
        let refusals = Refusals::default();
        let written = (0..500).filter_map(|n| refusals.write_down(60_000 + n, "csrf 10.0.0.1")).count();
        assert_eq!(written, 1);
        assert_eq!(refusals.write_down(60_000, "csrf 10.0.0.2"), Some(0), "another address is another matter");
        assert_eq!(refusals.write_down(120_000, "csrf 10.0.0.1"), Some(499), "the next minute tells how many there were");
        assert_eq!(refusals.write_down(180_000, "csrf 10.0.0.1"), Some(0));
        // Whoever has many addresses fills neither the trail nor the memory.
        let flood = |minute: i64| (0..5_000).filter_map(|n| refusals.write_down(minute, &format!("csrf {n}"))).count() as u64;
        assert_eq!((flood(240_000), flood(300_000)), (LINES, LINES));
    }

    #[test]
    fn wrong_keys_are_bounded_by_the_minute() {
        let keys = WrongKeys::default();
        for n in 0..30 {
            assert_eq!(keys.tries("t", "ada", n), Ok(()));
        }
        assert_eq!(keys.tries("t", "ada", 10_000), Err(50), "also where none of them is answered yet");
        keys.was_right("t", "ada", 7);
        assert_eq!(keys.tries("t", "ada", 10_000), Ok(()));
        assert_eq!(keys.tries("t", "ada", 10_000), Err(50));
        assert_eq!(keys.tries("other", "ada", 10_000), Ok(()));
        assert_eq!(keys.tries("t", "otto", 10_000), Ok(()), "who is locked out locks nobody else out");
        assert_eq!(keys.tries("t", "ada", 61_000), Ok(()));
        assert_eq!(keys.tries("t", "otto", 190_000), Ok(()));
        assert_eq!(keys.0.lock().unwrap().len(), 1, "what is older than a minute takes no memory");
    }
}

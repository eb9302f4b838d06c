//! `[auth.session]`: how long a session lasts, and when its end is told.

use std::fmt;

use super::super::file::Reader;

/// How long a session lasts, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLengths {
    /// It ends after so long without use.
    pub idle_s: u32,
    /// It ends after so long, whatever happens.
    pub absolute_s: u32,
    /// So long before it ends, whoever is there is told.
    pub warn_s: u32,
    /// So long somebody counts as having confirmed that it is them.
    pub step_up_s: u32,
    /// So many sessions a person has at once; beyond that, the one unused longest ends.
    pub per_person: u32,
}

impl Default for SessionLengths {
    fn default() -> Self {
        Self { idle_s: 2 * 60 * 60, absolute_s: 12 * 60 * 60, warn_s: 120, step_up_s: 300, per_person: 20 }
    }
}

impl SessionLengths {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let usual = Self::default();
        let (absolute, warn) = (reader.place_of("auth.session.absolute_s"), reader.place_of("auth.session.warn_s"));
        let lengths = Self {
            idle_s: reader.number("auth.session.idle_s", usual.idle_s, 5..=86_400),
            absolute_s: reader.number("auth.session.absolute_s", usual.absolute_s, 10..=604_800),
            warn_s: reader.number("auth.session.warn_s", usual.warn_s, 0..=3_600),
            step_up_s: reader.number("auth.session.step_up_s", usual.step_up_s, 1..=3_600),
            per_person: reader.number("auth.session.per_person", usual.per_person, 1..=1_000),
        };
        if lengths.absolute_s < lengths.idle_s {
            reader.fault(&absolute, "`auth.session.absolute_s` must be at least `auth.session.idle_s`".to_owned());
        }
        if lengths.warn_s >= lengths.idle_s {
            reader.fault(&warn, "`auth.session.warn_s` must be less than `auth.session.idle_s`".to_owned());
        }
        lengths
    }
}

impl fmt::Display for SessionLengths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { idle_s, absolute_s, warn_s, step_up_s, per_person } = self;
        writeln!(f, "\n[auth.session]\nidle_s = {idle_s}\nabsolute_s = {absolute_s}\nwarn_s = {warn_s}")?;
        writeln!(f, "step_up_s = {step_up_s}\nper_person = {per_person}")
    }
}

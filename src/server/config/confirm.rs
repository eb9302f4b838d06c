//! `[confirm]`: from which number on something has to be confirmed by typing it.

use domain::plan::Limits;

use super::file::Reader;

pub(super) fn read(reader: &mut Reader<'_>) -> Limits {
    let limits = Limits::default();
    let limit = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    Limits {
        losses: u64::from(reader.number("confirm.losses", limit(limits.losses), 1..=1_000_000)),
        groups: u64::from(reader.number("confirm.groups", limit(limits.groups), 1..=10_000)),
        overage: u64::from(reader.number("confirm.overage", limit(limits.overage), 1..=1_000_000)),
    }
}

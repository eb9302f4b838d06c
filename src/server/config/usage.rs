//! `[usage.price]`: what a seat costs a month, so that what nobody uses has a figure.

use std::fmt;

use domain::allotment::AllotmentName;

use super::file::Reader;

/// What license types cost a month, in whole units of one currency; 0 is not set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prices {
    /// The currency, as it is to be shown, such as `EUR`.
    pub currency: String,
    /// A Professional seat.
    pub professional: u32,
    /// An Analyzer seat.
    pub analyzer: u32,
    /// 1,000 minutes of Analyzer capacity.
    pub capacity_1000: u32,
}

impl Prices {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let mut price = |key: &'static str| reader.number(key, 0, 0..=1_000_000);
        let (professional, analyzer) = (price("usage.price.professional"), price("usage.price.analyzer"));
        let capacity_1000 = price("usage.price.capacity_1000");
        Self {
            currency: reader.text("usage.price.currency").map(|(_, text)| text).unwrap_or_default(),
            professional,
            analyzer,
            capacity_1000,
        }
    }

    /// What a seat of a license type costs a month; nothing where that is not set.
    pub fn of(&self, allotment: &AllotmentName) -> Option<u32> {
        let price = match allotment.as_str() {
            "professional" => self.professional,
            "analyzer" => self.analyzer,
            _ => 0,
        };
        (price > 0).then_some(price)
    }
}

impl fmt::Display for Prices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::default() {
            return Ok(());
        }
        let Self { currency, professional, analyzer, capacity_1000 } = self;
        writeln!(f, "[usage.price]\ncurrency = \"{currency}\"\nprofessional = {professional}\nanalyzer = {analyzer}")?;
        writeln!(f, "capacity_1000 = {capacity_1000}\n")
    }
}

//! The license a tenant has, as its overview says it.

/// The license.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct License {
    /// What the overview says; `None` where the tenant has none.
    pub overview: Option<LicenseOverview>,
    /// What the status says; `None` where the tenant has none.
    pub status: Option<LicenseStatus>,
}

/// What the overview says of a license.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LicenseOverview {
    /// `Ok`, `Expired`, `Blacklisted`, `Missing`, or what Qlik invents next.
    pub status: String,
    /// Its name.
    pub product: String,
    /// Its number.
    pub number: String,
    /// Its key, masked: whoever has the whole key has the license.
    pub masked_key: String,
    /// From when to when, `YYYY-MM-DD/YYYY-MM-DD`.
    pub valid: String,
    /// When it changed, ISO 8601 UTC.
    pub updated: String,
    /// What else it has, by name, and from when to when.
    pub parameters: Vec<(String, String)>,
}

/// What the status says of a license.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LicenseStatus {
    /// As the overview's.
    pub status: String,
    /// Its name.
    pub product: String,
    /// Its type, such as `Signed`.
    pub kind: String,
    /// From when to when, `YYYY-MM-DD/YYYY-MM-DD`.
    pub valid: String,
    /// It is a trial.
    pub trial: bool,
    /// The tenant is deactivated.
    pub deactivated: bool,
}

impl License {
    /// Its status in Qlik's word; `Missing` where there is none.
    pub fn word(&self) -> &str {
        let of_status = || self.status.as_ref().map(|status| status.status.as_str());
        self.overview.as_ref().map(|overview| overview.status.as_str()).or_else(of_status).unwrap_or("Missing")
    }

    /// From when to when it is valid, `YYYY-MM-DD/YYYY-MM-DD`; empty where nobody says.
    pub fn valid(&self) -> &str {
        let of_status = || self.status.as_ref().map(|status| status.valid.as_str());
        self.overview.as_ref().map(|overview| overview.valid.as_str()).or_else(of_status).unwrap_or_default()
    }

    /// Its last day, `YYYY-MM-DD`.
    pub fn ends(&self) -> Option<&str> {
        self.valid().split_once('/').map(|(_, end)| end)
    }
}

//! Everything that can go wrong between here and a tenant, whatever kind of tenant it is, and why, as a person reads it.

use std::time::Duration;

/// Why a tenant did not do, or did not say, what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It has ended the connection that was to be used, by the tenant's name.
    #[error("the connection to {0} has ended")]
    Lost(String),
    /// It refused.
    #[error("the tenant answered {} {} {}", .0.status, .0.code, .0.title)]
    Refused(Refusal),
    /// The limits are used up for longer than the caller would wait. Nothing was sent.
    #[error("the rate limit is used up for {} s", .0.as_secs_f64().ceil())]
    Limited(Duration),
    /// No connection came about. Nothing was sent.
    #[error("the tenant cannot be reached: {0}")]
    Unreachable(String),
    /// No answer in time.
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The connection broke before the answer was whole.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The answer is larger than allowed.
    #[error("{0}")]
    TooLarge(String),
    /// The answer cannot be read; with the status it came with, where there was one.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String, Option<u16>),
    /// The answer makes no sense for a tenant of this kind; what was sent may have been carried out all the same.
    #[error("{0}")]
    Nonsense(String),
    /// The answer leads elsewhere. Nothing was carried out.
    #[error("{0}")]
    Elsewhere(String),
    /// The address, an id or the key cannot be sent at all. Nothing was sent.
    #[error("{0}")]
    Unusable(&'static str),
    /// What was read, or is stored, cannot be worked with: a failure of ours.
    #[error("{0}")]
    Internal(&'static str),
}

/// What a tenant said when it refused, word for word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Such as `LICENSES-011`; may be empty.
    pub code: String,
    /// In the tenant's words.
    pub title: String,
    /// Identifies the request in the tenant's logs; may be empty.
    pub trace: String,
    /// How long it asks to wait.
    pub retry_after: Option<Duration>,
    /// It was turned away before any work was done, with a promise to take it later.
    pub promises_retry: bool,
}

/// Whether a failed write may have had an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It had none.
    None,
    /// Nobody knows: read before sending again.
    Unknown,
}

impl Fault {
    /// Whether a write that failed like this may have had an effect.
    pub fn effect(&self) -> Effect {
        match self {
            Self::Lost(_) | Self::Limited(_) | Self::Unreachable(_) | Self::Unusable(_) | Self::Elsewhere(_) => Effect::None,
            Self::Refused(refusal) if refusal.status < 500 || refusal.promises_retry => Effect::None,
            _ => Effect::Unknown,
        }
    }

    /// The status of the answer, where there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.status),
            Self::Lost(_) => Some(401),
            Self::Unreadable(_, status) => *status,
            _ => None,
        }
    }

    /// Whether so many rows in one request, or one of them, may be the reason.
    pub fn may_be_the_size(&self) -> bool {
        matches!(self, Self::TimedOut(_) | Self::Broken(_) | Self::TooLarge(_))
            || matches!(self.status(), Some(400 | 413 | 500..=599))
    }

    /// Why, and what to do, as sentences.
    pub fn why(&self) -> String {
        match self {
            Self::Lost(_) => "Connect again; nothing is lost.".to_owned(),
            Self::Refused(refusal) => match refusal.status {
                401 => {
                    "Qlik no longer accepts this key. It is wrong, expired or revoked. Connect with a valid key.".to_owned()
                }
                403 => "This key's user lacks permission. Use a tenant admin's key.".to_owned(),
                404 => "It no longer exists in Qlik. Refresh.".to_owned(),
                429 => {
                    let wait = refusal
                        .retry_after
                        .map_or_else(|| "a while".to_owned(), |wait| format!("{} seconds", wait.as_secs_f64().ceil()));
                    format!("Qlik's rate limit is reached. Try again in {wait}. No data was lost.")
                }
                500.. => "Qlik returned an error. Try again shortly.".to_owned(),
                _ => "Qlik rejected the request. Its response is below.".to_owned(),
            },
            Self::Limited(wait) => {
                format!("Qlik's rate limit is used up. Nothing was sent. Try again in {} seconds.", wait.as_secs_f64().ceil())
            }
            Self::Unreachable(_) => "The tenant cannot be reached. Check its address and the network, then try again. If a proxy is needed, set HTTPS_PROXY on the server."
                .to_owned(),
            Self::TimedOut(limit) => {
                format!("No response from the tenant after {} seconds. Try again in a moment.", limit.as_secs())
            }
            Self::Broken(_) => "Lost connection to the tenant. Try again in a moment.".to_owned(),
            Self::Unreadable(..) => {
                "The tenant's response could not be read. Try again; if it persists, contact Qlik support.".to_owned()
            }
            Self::TooLarge(said) | Self::Nonsense(said) | Self::Elsewhere(said) => {
                format!("Unexpected response from the tenant: {said}. Check that the address is that of a Qlik tenant.")
            }
            Self::Unusable(reason) | Self::Internal(reason) => format!("{reason}."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, promises_retry: bool) -> Fault {
        let empty = String::new;
        Fault::Refused(Refusal { status, code: empty(), title: empty(), trace: empty(), retry_after: None, promises_retry })
    }

    #[test]
    fn effects_are_known_only_where_nothing_ran() {
        assert_eq!(refused(403, false).effect(), Effect::None);
        assert_eq!(refused(503, true).effect(), Effect::None);
        assert_eq!(refused(503, false).effect(), Effect::Unknown);
        assert_eq!(Fault::Broken(String::new()).effect(), Effect::Unknown);
        assert_eq!(Fault::Unreachable(String::new()).effect(), Effect::None);
    }

    #[test]
    fn every_fault_says_what_to_do() {
        for status in [400, 401, 403, 404, 429, 500] {
            assert!(refused(status, false).why().ends_with('.'));
        }
    }
}

//! The one error that crosses from server to browser: what failed, why, and what to do about it.

use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};

/// Which kind of failure it is; decides the HTTP status and what the page offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorKind {
    /// Nobody is signed in to the portal.
    SignedOut,
    /// No credential for this tenant in this session.
    NotConnected,
    /// Whoever asks has to confirm first that it is them.
    StepUp,
    /// The credential may not do this.
    Forbidden,
    /// The role in the portal does not allow it.
    Role,
    /// It is not there.
    NotFound,
    /// The input makes no sense.
    Invalid,
    /// Somebody else was faster, or something stands in the way.
    Conflict,
    /// Qlik asks to wait.
    RateLimited,
    /// The tenant does not answer, or not as it should.
    Tenant,
    /// The portal cannot write down what it would do, and so does nothing.
    Unwritable,
    /// The portal itself failed.
    Internal,
}

impl ErrorKind {
    /// The HTTP status of an answer that fails like this.
    pub fn status(self) -> u16 {
        match self {
            Self::SignedOut | Self::NotConnected => 401,
            Self::Forbidden | Self::Role | Self::StepUp => 403,
            Self::NotFound => 404,
            Self::Invalid => 422,
            Self::Conflict => 409,
            Self::RateLimited => 429,
            Self::Tenant => 502,
            Self::Unwritable => 503,
            Self::Internal => 500,
        }
    }
}

/// What Qlik said, word for word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QlikSays {
    /// The HTTP status.
    pub status: u16,
    /// Such as `LICENSES-011`; may be empty.
    pub code: String,
    /// In Qlik's words.
    pub title: String,
    /// Identifies the request in Qlik's logs; may be empty.
    pub trace: String,
}

/// A failure, as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{what}: {why}")]
pub struct AppError {
    /// Which kind.
    pub kind: ErrorKind,
    /// What failed, as a headline.
    pub what: String,
    /// Why, and what to do.
    pub why: String,
    /// What Qlik said, where it did.
    pub qlik: Option<Box<QlikSays>>,
    /// Trying again makes sense after so many seconds; 0 where nobody said.
    pub wait_s: u32,
    /// The address that helps, where one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

impl AppError {
    /// A failure of this kind.
    pub fn new(kind: ErrorKind, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { kind, what: what.into(), why: why.into(), qlik: None, wait_s: 0, to: None }
    }

    /// Input that makes no sense.
    pub fn invalid(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, what, why)
    }

    /// A session that has ended; `why` says what became of what was asked.
    pub fn signed_out(why: impl Into<String>) -> Self {
        Self::new(ErrorKind::SignedOut, "Your session has ended", why)
    }

    /// Something that the portal role does not allow. Another key does not help.
    pub fn role(why: &'static str) -> Self {
        Self::new(ErrorKind::Role, "Your role does not allow this", why)
    }

    /// Nothing there.
    pub fn not_found(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, what, why)
    }
}

impl ErrorKind {
    /// What a person can do about it from the page that shows it.
    pub fn remedy(self) -> Remedy {
        match self {
            Self::SignedOut => Remedy::SignIn,
            Self::StepUp => Remedy::StepUp,
            Self::NotConnected | Self::Forbidden => Remedy::OtherKey,
            Self::RateLimited | Self::Tenant | Self::Unwritable | Self::Internal => Remedy::Again,
            Self::Role | Self::NotFound | Self::Invalid | Self::Conflict => Remedy::None,
        }
    }
}

/// What helps against a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Signing in again.
    SignIn,
    /// Confirming that it is them.
    StepUp,
    /// Connecting with another key.
    OtherKey,
    /// Trying again.
    Again,
    /// Nothing on this page.
    None,
}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) | ServerFnErrorErr::Response(_) => Self::new(
                ErrorKind::Internal,
                "Lost connection to Quartermaster",
                "Your last action may not have gone through. Reload the page to check.",
            ),
            ServerFnErrorErr::Args(reason) | ServerFnErrorErr::MissingArg(reason) | ServerFnErrorErr::Deserialization(reason) => {
                Self::new(
                    ErrorKind::Invalid,
                    "The form could not be submitted",
                    format!("{reason}. Reload the page and try again."),
                )
            }
            other => Self::new(ErrorKind::Internal, "Something went wrong in Quartermaster", other.to_string()),
        }
    }
}

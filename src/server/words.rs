//! What went wrong behind the portal, in words for people.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::fault::{Fault, Refusal};
use engine::jobs::JobError;

use crate::error::{AppError, ErrorKind, QlikSays};

/// A fault in words: what failed (`what`), why, and what to do.
pub fn told(what: &str, fault: &Fault) -> AppError {
    let kind = match fault {
        Fault::Refused(refusal) => match refusal.status {
            401 => ErrorKind::NotConnected,
            403 => ErrorKind::Forbidden,
            404 => ErrorKind::NotFound,
            429 => ErrorKind::RateLimited,
            500.. => ErrorKind::Tenant,
            _ => ErrorKind::Invalid,
        },
        Fault::Lost(_) => ErrorKind::NotConnected,
        Fault::Limited(_) => ErrorKind::RateLimited,
        Fault::Unusable(_) => ErrorKind::Invalid,
        Fault::Internal(_) => ErrorKind::Internal,
        _ => ErrorKind::Tenant,
    };
    let mut told = AppError::new(kind, what, fault.why());
    if let Fault::Lost(tenant) = fault {
        told.what = format!("Your connection to {tenant} has expired or was revoked");
    }
    let wait = match fault {
        Fault::Limited(wait) => Some(*wait),
        Fault::Refused(refusal) => refusal.retry_after,
        _ => None,
    };
    told.wait_s = wait.map_or(0, |wait| u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX));
    if let Fault::Refused(Refusal { status, code, title, trace, .. }) = fault {
        let (code, title, trace) = (code.clone(), title.clone(), trace.clone());
        told.qlik = Some(Box::new(QlikSays { status: *status, code, title, trace }));
    }
    told
}

/// A reading that failed, in words.
pub fn not_read(fault: &Fault) -> AppError {
    told("Could not load the tenant", fault)
}

impl From<JobError> for AppError {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Store(error) => error.into(),
            JobError::NotTaken(verb) => {
                Self::invalid("This tenant does not take this change", format!("It does not take “{verb}”. Nothing was sent."))
            }
            JobError::Seal(error) => {
                tracing::error!(%error, "a grant could not be sealed");
                Self::new(
                    ErrorKind::Internal,
                    "Could not encrypt the job's key",
                    "Nothing was sent. Contact your Quartermaster administrator.",
                )
            }
            JobError::Broken => {
                Self::new(ErrorKind::Internal, "Could not save the job", "Nothing was sent. Apply the plan again.")
            }
        }
    }
}

/// Tells the log that the trail cannot be written: once a minute, however many are refused for it.
fn unwritable(error: &storage::StoreError) {
    static TOLD: Mutex<Option<Instant>> = Mutex::new(None);
    const ONCE_IN: Duration = Duration::from_mins(1);
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    if told.is_none_or(|told| told.elapsed() >= ONCE_IN) {
        *told = Some(Instant::now());
        tracing::error!(target: "quartermaster::security", event = "audit.unwritable", reason = %error);
    }
}

impl From<storage::StoreError> for AppError {
    fn from(error: storage::StoreError) -> Self {
        if error.is_unwritable() {
            unwritable(&error);
            return Self::new(
                ErrorKind::Unwritable,
                "The trail cannot be written, so nothing was sent",
                "Reading goes on. Contact your Quartermaster administrator: the database's disk or its rights need attention.",
            );
        }
        tracing::error!(%error, "the database failed");
        Self::new(
            ErrorKind::Internal,
            "Quartermaster's database failed",
            "Nothing was sent to Qlik. Contact your Quartermaster administrator.",
        )
    }
}

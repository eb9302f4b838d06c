//! What went wrong behind the portal, in words for people.

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
        Fault::Limited(_) => ErrorKind::RateLimited,
        Fault::Unusable(_) => ErrorKind::Invalid,
        Fault::Internal(_) => ErrorKind::Internal,
        _ => ErrorKind::Tenant,
    };
    let mut told = AppError::new(kind, what, fault.why());
    if let Fault::Refused(Refusal { status, code, title, trace, .. }) = fault {
        let (code, title, trace) = (code.clone(), title.clone(), trace.clone());
        told.qlik = Some(Box::new(QlikSays { status: *status, code, title, trace }));
    }
    told
}

/// A reading that failed, in words.
pub fn not_read(fault: &Fault) -> AppError {
    told("Failed to read the tenant", fault)
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
                    "The job's key could not be sealed",
                    "Nothing was sent. Tell whoever runs Quartermaster.",
                )
            }
            JobError::Broken => {
                Self::new(ErrorKind::Internal, "The job could not be written down", "Nothing was sent. Apply the plan again.")
            }
        }
    }
}

impl From<storage::StoreError> for AppError {
    fn from(error: storage::StoreError) -> Self {
        tracing::error!(%error, "the database failed");
        Self::new(
            ErrorKind::Internal,
            "Quartermaster's database failed",
            "Nothing was sent to Qlik. Tell whoever runs Quartermaster; its log says more.",
        )
    }
}

//! Leave to write to a tenant.

use std::sync::{Arc, PoisonError, RwLock};

use storage::Claim;

use crate::backend::Key;

/// Leave to write to a tenant: made from a job's claim and its key by the executor, and by nobody else. A tenant takes no change
/// without one, so nothing changes except by a job that applies a plan.
///
/// ```compile_fail,E0451
/// use engine::backend::Key;
/// use engine::executor::Writer;
/// // Its fields are its own, and no other room has a way to make one.
/// let writer = Writer { key: Default::default() };
/// ```
///
/// ```compile_fail,E0308
/// # use engine::backend::{Backend, Key};
/// # async fn change(tenant: &Backend, key: &Key) {
/// // A key reads. It does not write.
/// let leave = tenant.reserve(key).await;
/// # }
/// ```
#[derive(Debug)]
pub struct Writer {
    key: SharedKey,
}

/// A job's key, which may be renewed while the job runs.
#[derive(Debug, Clone)]
pub(super) struct SharedKey(Arc<RwLock<Key>>);

impl SharedKey {
    pub(super) fn of(key: Key) -> Self {
        Self(Arc::new(RwLock::new(key)))
    }

    pub(super) fn get(&self) -> Key {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn put(&self, key: Key) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = key;
    }
}

impl Writer {
    /// Whoever holds the claim of a job may write as its Qlik user.
    pub(super) fn of(_: &Claim, key: SharedKey) -> Self {
        Self { key }
    }

    /// The key as it is now.
    pub(crate) fn key(&self) -> Key {
        self.key.get()
    }
}

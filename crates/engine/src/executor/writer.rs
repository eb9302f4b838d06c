//! Leave to write to a tenant.

use secrecy::SecretString;
use storage::Claim;

use crate::backend::Key;

/// Leave to write to a tenant: made from a job's claim and its key by the executor, and by nobody else. A tenant takes no change
/// without one, so nothing changes except by a job that applies a plan.
///
/// ```compile_fail,E0451
/// use engine::backend::Key;
/// use engine::executor::Writer;
/// // Its fields are its own, and no other room has a way to make one.
/// let writer = Writer { key: Key::new("key".into(), "user") };
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
    key: Key,
}

impl Writer {
    /// Whoever holds the claim of a job may write as its Qlik user.
    pub(super) fn of(_: &Claim, secret: SecretString, qlik_user: &str) -> Self {
        Self { key: Key::new(secret, qlik_user) }
    }

    /// The key.
    pub(crate) fn key(&self) -> &Key {
        &self.key
    }
}

//! The form in which plans, changes and the rules of lists are stored: JSON, each with the version of the form it has.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::StoreError;

/// The newest form, which is what this version writes. It reads every form before; `domain/tests/stored.rs` shows them.
///
/// 1: the first. 2: roles of a group as a difference (`add`, `remove`, `seen`); why a row is in a plan with its figure (`measured`).
pub(crate) const FORM: i64 = 2;

/// A value as it is stored, in the newest form.
pub(crate) fn write<T: Serialize>(value: &T, what: &'static str) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Unreadable(what))
}

/// A value from how it is stored. What a newer version wrote is not guessed at.
pub(crate) fn read<T: DeserializeOwned>(text: &str, form: i64, what: &'static str) -> Result<T, StoreError> {
    if form > FORM {
        return Err(StoreError::Unreadable(what));
    }
    serde_json::from_str(text).map_err(|_| StoreError::Unreadable(what))
}

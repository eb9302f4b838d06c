//! The items API, as far as names of apps need it.

use serde::{Deserialize, Serialize};

use super::lenient;

/// An item: an app seen from the catalogue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// The item's id.
    #[serde(default, deserialize_with = "lenient::string")]
    pub id: String,
    /// The app's name.
    #[serde(default, deserialize_with = "lenient::string")]
    pub name: String,
    /// The app's id.
    #[serde(default, deserialize_with = "lenient::string")]
    pub resource_id: String,
    /// `app` and others.
    #[serde(default, deserialize_with = "lenient::string")]
    pub resource_type: String,
}

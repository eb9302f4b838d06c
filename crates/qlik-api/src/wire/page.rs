//! A page of a list and its links.

use serde::{Deserialize, Serialize};

use super::lenient;

/// A link. Only the query of its `href` is ever used: Qlik's own examples name internal hosts in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// An address.
    #[serde(default, deserialize_with = "lenient::string")]
    pub href: String,
}

impl Link {
    /// What follows the `?`.
    pub fn query(&self) -> Option<&str> {
        let (_, query) = self.href.split_once('?')?;
        let query = query.split_once('#').map_or(query, |(query, _)| query);
        (!query.is_empty()).then_some(query)
    }
}

/// The links of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    /// The page after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Link>,
    /// The page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Link>,
    /// This page.
    #[serde(default, rename = "self", skip_serializing_if = "Option::is_none")]
    pub this: Option<Link>,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The entries.
    pub data: Vec<T>,
    /// Where the neighbours are.
    #[serde(default)]
    pub links: Links,
    /// Entries in all, where the endpoint counts and was asked to.
    #[serde(default, rename = "totalResults", skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_int")]
    pub total_results: Option<i64>,
}

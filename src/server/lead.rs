//! Where a service leads: the page that shows what came of it. Services say so; the server functions go there.

use axum::http::header::{ACCEPT, REFERER};
use axum::http::request::Parts;
use leptos::prelude::use_context;

use super::access::refused;
use crate::error::AppError;
use crate::ui::query::{escape, place, to_query};

/// The page that shows what came of something.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "the browser is to be sent there"]
pub enum Lead {
    /// A plan, by its id.
    Plan(String),
    /// All plans.
    Plans,
    /// A job, by its id.
    Job(String),
    /// A group's editor, where somebody else wrote meanwhile: with the roles as they were and as they were wanted, by id.
    Group {
        /// The group's id.
        id: String,
        /// Its roles when the editor was opened.
        base: Vec<String>,
        /// Its roles as they were wanted.
        mine: Vec<String>,
    },
    /// The table, by its query.
    Assignments(Vec<(&'static str, String)>),
    /// The sessions, for whoever leaves while jobs hold their key.
    Leaving,
    /// The page where one connects.
    Connect,
    /// This path of the portal.
    Path(String),
}

impl Lead {
    /// Its address.
    pub fn address(&self, tenant: &str) -> String {
        match self {
            Self::Plan(id) => format!("/t/{tenant}/plans/{id}"),
            Self::Plans => format!("/t/{tenant}/plans"),
            Self::Job(id) => format!("/t/{tenant}/jobs/{id}"),
            Self::Group { id, base, mine } => {
                let query = to_query(&[("base", base.join(",")), ("mine", mine.join(","))]);
                format!("/t/{tenant}/groups/{}{query}", escape(id))
            }
            Self::Assignments(query) => format!("/t/{tenant}/assignments{}", to_query(query)),
            Self::Leaving => format!("/t/{tenant}/sessions?leaving=1"),
            Self::Connect => "/connect".to_owned(),
            Self::Path(path) => path.clone(),
        }
    }
}

/// Leads there, or gives the answer the status that its error deserves. Where a program asked, and not a form of a page without
/// one, the address says from which page: whoever has gone elsewhere meanwhile stays there.
pub fn go(tenant: &str, lead: Result<Lead, AppError>) -> Result<(), AppError> {
    let address = lead.map_err(refused)?.address(tenant);
    let parts = use_context::<Parts>();
    let header = |name| parts.as_ref().and_then(|parts| parts.headers.get(name)?.to_str().ok());
    let by_program = !header(ACCEPT).is_some_and(|accepts| accepts.contains("text/html"));
    match header(REFERER).filter(|_| by_program).and_then(|page| page.splitn(4, '/').nth(3)) {
        Some(page) => {
            let (path, query) = page.split_once('?').unwrap_or((page, ""));
            leptos_axum::redirect(&format!("{address}#{}", escape(&place(&format!("/{path}"), query))));
        }
        None => leptos_axum::redirect(&address),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_escaped() {
        let lead = Lead::Group { id: "a/b".into(), base: vec!["1".into(), "2".into()], mine: Vec::new() };
        assert_eq!(lead.address("t"), "/t/t/groups/a%2Fb?base=1%2C2&mine=");
        assert_eq!(Lead::Plan("x1".into()).address("t"), "/t/t/plans/x1");
        assert_eq!(Lead::Connect.address("t"), "/connect");
    }
}

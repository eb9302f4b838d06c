//! What services of tables share: which rows a form means, and views with names.

use std::collections::HashSet;

use domain::table::{RowKey, RowSelection, Rows, Selection, View};
use domain::text::{count, whole};

use super::view::NamedView;
use super::{Kind, view_of};
use crate::error::{AppError, ErrorKind};
use crate::server::access::{Access, Viewer};
use crate::ui::query::to_query;

/// The longest name of a view, in characters, and how many one can keep of a table.
const NAME: usize = 60;
const VIEWS: usize = 50;

/// Which rows somebody looked at when they selected all that match.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counted {
    /// The version of the table.
    pub version: Option<u64>,
    /// The rows that matched.
    pub digest: Option<u64>,
}

impl Counted {
    /// Reads the fields of a form.
    pub fn read(version: &str, digest: &str) -> Self {
        Self { version: version.parse().ok(), digest: digest.parse().ok() }
    }
}

/// The selection of a form: rows by their boxes, and by line those besides (`+`) and exceptions (`-`). `parse` reads a key.
pub fn selection<T: Kind>(
    rows: &[String],
    query: Option<&str>,
    lines: &str,
    parse: impl Fn(&str) -> Option<RowKey>,
) -> Selection<T::Filter> {
    let keys = |sign: char| lines.lines().filter_map(|line| parse(line.strip_prefix(sign)?)).collect::<Vec<_>>();
    let boxes = rows.iter().filter_map(|key| parse(key));
    Selection { query: query.map(|query| view_of::<T>(query).filter), except: keys('-'), rows: boxes.chain(keys('+')).collect() }
}

/// Places of the rows that are meant, and of those that match only since the selection was made. `then` is the table that was
/// looked at. An error where what was counted cannot be told any more, and where none of the rows is left.
pub fn chosen<T: Rows>(
    now: &T,
    selection: &Selection<T::Filter>,
    then: Option<&T>,
    digest: Option<u64>,
) -> Result<(Vec<u32>, Vec<u32>), AppError> {
    let selected: Vec<u32> = RowSelection::of(selection, now).rows().collect();
    let Some(query) = &selection.query else {
        if selected.is_empty() && !selection.rows.is_empty() {
            return Err(AppError::new(
                ErrorKind::Conflict,
                "The selected rows changed",
                format!(
                    "{} changed in the meantime. Review the table and select again.",
                    count(whole(selection.rows.len()), "row was", "rows were")
                ),
            ));
        }
        return Ok((selected, Vec::new()));
    };
    let matching = now.matching(query);
    match (then, digest) {
        // The same rows as were counted.
        (_, Some(digest)) if now.digest(&matching) == digest => Ok((selected, Vec::new())),
        (Some(then), _) => {
            let by_hand: HashSet<&RowKey> = selection.rows.iter().collect();
            let counted: HashSet<RowKey> = then.matching(query).into_iter().filter_map(|at| then.key(at)).collect();
            let was_there = |at: &u32| now.key(*at).is_some_and(|key| counted.contains(&key) || by_hand.contains(&key));
            Ok(selected.into_iter().partition(was_there))
        }
        (None, Some(_)) => Err(AppError::new(
            ErrorKind::Conflict,
            "The matching rows changed after you selected them",
            format!("{} now. Review the table and select again.", count(whole(matching.len()), "row matches", "rows match")),
        )),
        // Nobody said what was counted: a plain form of an earlier page.
        (None, None) => Ok((selected, Vec::new())),
    }
}

/// The query of a view as it is kept: only what a view knows, and not its page.
pub fn first_page<T: Kind>(query: &str) -> String {
    to_query(&View { page: 1, ..view_of::<T>(query) }.to_pairs())
}

pub async fn views(access: &Access<Viewer>, room: &str) -> Result<Vec<NamedView>, AppError> {
    let kept = access.state.engine.store.views(&access.tenant.id, access.principal(), room).await;
    Ok(kept?.into_iter().map(|(name, query)| NamedView { name, query }).collect())
}

pub async fn save_view(access: &Access<Viewer>, room: &str, name: &str, query: &str) -> Result<(), AppError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME || name.chars().any(char::is_control) {
        return Err(AppError::invalid("Enter a view name", "Use 1 to 60 characters."));
    }
    let query = crate::features::view_to_keep(room, query)
        .ok_or_else(|| AppError::invalid("This table has no views", "Reload the page, then try again."))?;
    let now = views(access, room).await?;
    if now.len() >= VIEWS && now.iter().all(|view| view.name != name) {
        return Err(AppError::invalid("You have 50 views (the maximum)", "Delete one first."));
    }
    access.state.engine.store.put_view(&access.tenant.id, access.principal(), room, name, &query).await.map_err(AppError::from)
}

pub async fn drop_view(access: &Access<Viewer>, room: &str, name: &str) -> Result<(), AppError> {
    access.state.engine.store.drop_view(&access.tenant.id, access.principal(), room, name).await.map_err(AppError::from)
}

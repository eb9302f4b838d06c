//! The rooms: one per thing an admin does. A room never reaches into another's insides.

pub mod assignments;
pub mod audit;
pub mod condition;
pub mod connect;
pub mod frame;
pub mod groups;
pub mod history;
pub mod jobs;
pub mod lists;
pub mod me;
pub mod overview;
pub mod plans;
pub mod roles;
pub mod sessions;
pub mod settings;
pub mod shared;
pub mod table;
pub mod ties;

/// The query of a view of a room's table as it is kept; nothing for a room without such a table.
#[cfg(feature = "ssr")]
pub(crate) fn view_to_keep(room: &str, query: &str) -> Option<String> {
    use table::{Kind as _, first_page};
    match room {
        domain::assignments::Table::ROOM => Some(first_page::<domain::assignments::Table>(query)),
        domain::groups::Table::ROOM => Some(first_page::<domain::groups::Table>(query)),
        _ => None,
    }
}

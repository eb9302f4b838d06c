//! Rate-limit tiers, and every operation with its tier, as data.
//!
//! Source: `x-qlik-tier` of Qlik's OpenAPI documents (July 2026); the window is five minutes (Qlik's rate-limit page).

use std::time::Duration;

use http::Method;

/// Qlik counts calls over this long.
pub(crate) const WINDOW: Duration = Duration::from_mins(5);

/// A budget of calls that several operations share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tier {
    /// Reads: 1,000 calls a minute.
    One,
    /// Writes: 100 calls a minute.
    Two,
    /// `actions/filter`: 200 calls a minute.
    Filter,
    /// Audits: 1,000 calls a minute, which count for themselves.
    Audits,
}

impl Tier {
    /// Calls in a window of five minutes.
    pub const fn calls_per_window(self) -> usize {
        match self {
            Self::One | Self::Audits => 5_000,
            Self::Two => 500,
            Self::Filter => 1_000,
        }
    }

    /// The name Qlik gives it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::One => "tier 1",
            Self::Two => "tier 2",
            Self::Filter => "filter",
            Self::Audits => "audits",
        }
    }
}

/// An operation of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// For logs and errors.
    pub name: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path below the base URL; `{}` stands for an id.
    pub path: &'static str,
    /// The budget it draws on.
    pub tier: Tier,
    /// Whether sending it twice does no more than sending it once.
    pub repeatable: bool,
}

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident = $method:ident $path:literal, $tier:ident, $repeatable:literal;)*) => {
        /// Every operation this client knows.
        pub mod operations {
            use super::{Method, Operation, Tier};
            $($(#[$doc])* pub const $name: Operation = Operation {
                name: stringify!($name), method: Method::$method, path: $path, tier: Tier::$tier, repeatable: $repeatable,
            };)*
            /// All of them.
            pub const ALL: &[&Operation] = &[$(&$name),*];
        }
    };
}

operations! {
    /// Lists license assignments.
    LIST_ASSIGNMENTS = GET "/api/v1/licenses/assignments", One, true;
    /// Gives licenses.
    ADD_ASSIGNMENTS = POST "/api/v1/licenses/assignments/actions/add", Two, false;
    /// Takes licenses back.
    DELETE_ASSIGNMENTS = POST "/api/v1/licenses/assignments/actions/delete", Two, false;
    /// Changes the type or the subject of licenses.
    UPDATE_ASSIGNMENTS = POST "/api/v1/licenses/assignments/actions/update", Two, false;
    /// Lists consumption events.
    LIST_CONSUMPTION = GET "/api/v1/licenses/consumption", One, true;
    /// Reads the license overview.
    LICENSE_OVERVIEW = GET "/api/v1/licenses/overview", One, true;
    /// Reads the license status.
    LICENSE_STATUS = GET "/api/v1/licenses/status", One, true;
    /// Reads the auto-assign settings.
    GET_LICENSE_SETTINGS = GET "/api/v1/licenses/settings", One, true;
    /// Sets the auto-assign settings.
    PUT_LICENSE_SETTINGS = PUT "/api/v1/licenses/settings", Two, false;
    /// Lists groups.
    LIST_GROUPS = GET "/api/v1/groups", One, true;
    /// Makes a group.
    CREATE_GROUP = POST "/api/v1/groups", Two, false;
    /// Reads a group.
    GET_GROUP = GET "/api/v1/groups/{}", One, true;
    /// Changes a group.
    PATCH_GROUP = PATCH "/api/v1/groups/{}", Two, false;
    /// Deletes a group.
    DELETE_GROUP = DELETE "/api/v1/groups/{}", Two, false;
    /// Lists groups by a filter in the body.
    FILTER_GROUPS = POST "/api/v1/groups/actions/filter", Filter, true;
    /// Reads the group settings.
    GET_GROUP_SETTINGS = GET "/api/v1/groups/settings", One, true;
    /// Changes the group settings.
    PATCH_GROUP_SETTINGS = PATCH "/api/v1/groups/settings", Two, false;
    /// Lists roles.
    LIST_ROLES = GET "/api/v1/roles", One, true;
    /// Reads a role.
    GET_ROLE = GET "/api/v1/roles/{}", One, true;
    /// Lists users.
    LIST_USERS = GET "/api/v1/users", One, true;
    /// Reads a user.
    GET_USER = GET "/api/v1/users/{}", One, true;
    /// Reads the user whose credential it is; a redirect.
    GET_ME = GET "/api/v1/users/me", One, true;
    /// Counts users.
    COUNT_USERS = GET "/api/v1/users/actions/count", One, true;
    /// Lists users by a filter in the body.
    FILTER_USERS = POST "/api/v1/users/actions/filter", Filter, true;
    /// Lists catalogue items.
    LIST_ITEMS = GET "/api/v1/items", One, true;
    /// Lists what was done in the tenant.
    LIST_AUDITS = GET "/api/v1/audits", Audits, true;
}

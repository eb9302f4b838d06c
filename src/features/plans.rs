//! Plans: what would change, before anything does.

mod api;
#[cfg(feature = "ssr")]
mod checks;
mod page;
#[cfg(feature = "ssr")]
mod remedies;
#[cfg(feature = "ssr")]
mod service;
mod view;
mod ways_out;

pub use api::{Apply, apply, plan, plans};
pub use page::{PlanPage, PlansPage};
#[cfg(feature = "ssr")]
pub use service::{AtOnce, apply_at_once, keep_plan, keep_plan_besides, keep_plan_with_newcomers};
pub use view::{PlanLine, PlanView};

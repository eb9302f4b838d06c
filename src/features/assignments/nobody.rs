//! A table without rows: nobody matches, or nobody is there.

use domain::assignments::Filter;
use domain::text::thousands;
use leptos::ev::MouseEvent;
use leptos::prelude::*;

use super::view::UsesState;
use crate::features::shared::use_tenant;
use crate::ui::feedback::Empty;

/// Why a filter by last use finds nobody although somebody may match.
pub fn by_use(filter: &Filter, uses: UsesState) -> Option<&'static str> {
    filter.idle?;
    uses.trouble().or((uses == UsesState::Reading).then_some("Last use is still loading"))
}

/// Why there is no row, and the next step.
#[component]
pub fn Nobody(
    /// A filter is in the way.
    filtered: bool,
    /// What a filter by last use waits for.
    uses: Option<&'static str>,
    /// More rows may come.
    reading: bool,
    /// So many rows there are without it.
    all: usize,
    /// Takes the filter away where scripts run; without them the address does.
    #[prop(into)]
    clear: Callback<()>,
) -> impl IntoView {
    let tenant = use_tenant();
    if !filtered {
        return view! {
            <Empty title="This tenant has no users and no licenses in use">"People appear here when someone signs in or is assigned a license."</Empty>
        }
        .into_any();
    }
    let clear = move |event: MouseEvent| {
        event.prevent_default();
        clear.run(());
    };
    // What is not known yet is not nothing.
    let title = uses.unwrap_or(if reading { "No matching rows so far" } else { "No matching rows" });
    view! {
        <Empty title>
            <a href=move || format!("/t/{}/assignments", tenant.get()) on:click=clear>"Clear filters"</a>
            {format!(" to see all {}.", thousands(i64::try_from(all).unwrap_or(i64::MAX)))}
        </Empty>
    }
    .into_any()
}

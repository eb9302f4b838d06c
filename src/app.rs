//! The map of the portal: which address leads to which room.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{ParentRoute, Route, Router, Routes};
use leptos_router::{SsrMode, path};

use crate::features::assignments::AssignmentsPage;
use crate::features::audit::AuditPage;
use crate::features::connect::ConnectPage;
use crate::features::frame::Frame;
use crate::features::groups::{GroupPage, GroupsPage};
use crate::features::jobs::{JobPage, JobsPage};
use crate::features::overview::OverviewPage;
use crate::features::plans::{PlanPage, PlansPage};
use crate::features::settings::SettingsPage;

/// The app, the same on both sides.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Title formatter=|title: String| if title.is_empty() { "Quartermaster".to_owned() } else { format!("{title} · Quartermaster") }/>
        <Router>
            <Routes fallback=NotFound>
                <Route path=path!("/") view=Start ssr=SsrMode::Async/>
                <Route path=path!("/connect") view=ConnectPage ssr=SsrMode::Async/>
                <ParentRoute path=path!("/t/:tenant") view=Frame ssr=SsrMode::Async>
                    <Route path=path!("/overview") view=OverviewPage ssr=SsrMode::Async/>
                    <Route path=path!("/assignments") view=AssignmentsPage ssr=SsrMode::Async/>
                    <Route path=path!("/groups") view=GroupsPage ssr=SsrMode::Async/>
                    <Route path=path!("/groups/:id") view=GroupPage ssr=SsrMode::Async/>
                    <Route path=path!("/plans") view=PlansPage ssr=SsrMode::Async/>
                    <Route path=path!("/plans/:id") view=PlanPage ssr=SsrMode::Async/>
                    <Route path=path!("/jobs") view=JobsPage ssr=SsrMode::Async/>
                    <Route path=path!("/jobs/:id") view=JobPage ssr=SsrMode::Async/>
                    <Route path=path!("/audit") view=AuditPage ssr=SsrMode::Async/>
                    <Route path=path!("/settings") view=SettingsPage ssr=SsrMode::Async/>
                </ParentRoute>
                <Route path=path!("/*any") view=NotFound ssr=SsrMode::Async/>
            </Routes>
        </Router>
    }
}

/// The start page is a crossroads: the server leads on from it, and so does this where the browser came here by itself.
#[component]
fn Start() -> impl IntoView {
    view! {
        <Title text=""/>
        <main class="alone"><h1 tabindex="-1">"Quartermaster"</h1><p><a class="button primary" href="/connect">"Connect to a tenant"</a></p></main>
    }
}

/// An address that leads nowhere.
#[component]
fn NotFound() -> impl IntoView {
    #[cfg(feature = "ssr")]
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        response.set_status(axum::http::StatusCode::NOT_FOUND);
    }
    view! {
        <Title text="Nothing here"/>
        <main class="alone">
            <h1 tabindex="-1">"There is nothing at this address"</h1>
            <p class="muted">"It may have been mistyped, or what it led to was discarded."</p>
            <p><a class="button primary" href="/" rel="external">"Go to the overview"</a></p>
        </main>
    }
}

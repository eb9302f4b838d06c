//! The map of the portal: which address leads to which room.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{ParentRoute, Route, Router, Routes};
use leptos_router::{ChooseView, SsrMode, path};

use crate::features::assignments::AssignmentsPage;
use crate::features::audit::{AuditPage, ThenPage};
use crate::features::connect::ConnectPage;
use crate::features::frame::{Frame, LoadParts, Palette, SessionEnd};
use crate::features::groups::{GroupPage, GroupsPage, MatrixPage, NewGroupPage};
use crate::features::history::HistoryPage;
use crate::features::jobs::{JobPage, JobsPage};
use crate::features::lists::{ListPage, ListsPage};
use crate::features::overview::OverviewPage;
use crate::features::plans::{PlanPage, PlansPage};
use crate::features::roles::{RolePage, RolesPage};
use crate::features::sessions::SessionsPage;
use crate::features::settings::SettingsPage;
use crate::features::ties::TiesPage;

/// A first visit loads what it takes to connect and to see the overview; the other rooms come as one further part of the
/// program, when the first of them is opened.
#[derive(Debug, Clone, Copy)]
enum Room {
    Assignments,
    Groups,
    Group,
    NewGroup,
    Matrix,
    History,
    Ties,
    Roles,
    Role,
    Plans,
    Plan,
    Jobs,
    Job,
    Audit,
    Then,
    Settings,
    Sessions,
    Lists,
    List,
    /// No room: what Ctrl K opens in any.
    Palette,
    /// No room: what any says before the session ends, so many seconds before.
    SessionEnd(u32),
}

#[leptos::lazy]
fn open(room: Room) -> AnyView {
    match room {
        Room::Assignments => view! { <AssignmentsPage/> }.into_any(),
        Room::Groups => view! { <GroupsPage/> }.into_any(),
        Room::Group => view! { <GroupPage/> }.into_any(),
        Room::NewGroup => view! { <NewGroupPage/> }.into_any(),
        Room::Matrix => view! { <MatrixPage/> }.into_any(),
        Room::History => view! { <HistoryPage/> }.into_any(),
        Room::Ties => view! { <TiesPage/> }.into_any(),
        Room::Roles => view! { <RolesPage/> }.into_any(),
        Room::Role => view! { <RolePage/> }.into_any(),
        Room::Plans => view! { <PlansPage/> }.into_any(),
        Room::Plan => view! { <PlanPage/> }.into_any(),
        Room::Jobs => view! { <JobsPage/> }.into_any(),
        Room::Job => view! { <JobPage/> }.into_any(),
        Room::Audit => view! { <AuditPage/> }.into_any(),
        Room::Then => view! { <ThenPage/> }.into_any(),
        Room::Settings => view! { <SettingsPage/> }.into_any(),
        Room::Sessions => view! { <SessionsPage/> }.into_any(),
        Room::Lists => view! { <ListsPage/> }.into_any(),
        Room::List => view! { <ListPage/> }.into_any(),
        Room::Palette => view! { <Palette/> }.into_any(),
        Room::SessionEnd(warn_s) => view! { <SessionEnd warn_s/> }.into_any(),
    }
}

impl ChooseView for Room {
    async fn choose(self) -> AnyView {
        reach(self).await.unwrap_or_else(|| view! { <OutOfReach/> }.into_any())
    }

    async fn preload(&self) {
        #[cfg(target_arch = "wasm32")]
        if is_within_reach().await {
            __preload_open().await;
        }
    }
}

/// A room, or nothing where its part of the program cannot be loaded now.
async fn reach(room: Room) -> Option<AnyView> {
    #[cfg(target_arch = "wasm32")]
    {
        if !is_within_reach().await {
            return None;
        }
        let view = open(room).await;
        LOADED.set(true);
        Some(view)
    }
    #[cfg(not(target_arch = "wasm32"))]
    Some(open(room).await)
}

#[cfg(target_arch = "wasm32")]
thread_local! {
    /// The rooms' part of the program is here.
    static LOADED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Whether the rooms' part of the program is here, or can be loaded now. What loads it ends the whole program where it cannot, so
/// something small is asked for first; not while a page is taken over, which has just come from the server.
#[cfg(target_arch = "wasm32")]
async fn is_within_reach() -> bool {
    let ready = document().document_element().is_some_and(|root| root.has_attribute("data-ready"));
    if LOADED.get() || !ready {
        return true;
    }
    // Asked beside: what a route waits for may move between threads, and a request of a browser may not.
    let (told, heard) = futures::channel::oneshot::channel();
    crate::ui::scope::detached(async move {
        let answer = gloo_net::http::Request::get("/favicon.svg").send().await;
        let _ = told.send(answer.is_ok_and(|answer| answer.ok()));
    });
    heard.await.unwrap_or(false)
}

/// What is shown in place of a room that cannot be loaded.
#[component]
fn OutOfReach() -> impl IntoView {
    let error = crate::error::AppError::new(
        crate::error::ErrorKind::Internal,
        "Lost connection to Quartermaster",
        "This page could not be loaded.",
    );
    let again = || {
        let _ = window().location().reload();
    };
    crate::features::condition::failed("Not loaded", error, again)
}

/// The app, the same on both sides.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    crate::failure::provide();
    crate::features::me::provide();
    #[cfg(feature = "hydrate")]
    crate::ui::redirect::only_from_here();
    provide_context(LoadParts {
        palette: || Box::pin(reach(Room::Palette)),
        session_end: |warn_s| Box::pin(reach(Room::SessionEnd(warn_s))),
    });
    view! {
        <Title formatter=|title: String| if title.is_empty() { "Quartermaster".to_owned() } else { format!("{title} · Quartermaster") }/>
        <Router>
            <crate::failure::ForgetFailure/>
            <Routes fallback=NotFound>
                <Route path=path!("/") view=Start ssr=SsrMode::Async/>
                <Route path=path!("/connect") view=ConnectPage ssr=SsrMode::Async/>
                <ParentRoute path=path!("/t/:tenant") view=Frame ssr=SsrMode::Async>
                    <Route path=path!("/overview") view=OverviewPage ssr=SsrMode::Async/>
                    <Route path=path!("/assignments") view=Room::Assignments ssr=SsrMode::Async/>
                    <Route path=path!("/groups") view=Room::Groups ssr=SsrMode::Async/>
                    <Route path=path!("/groups/new") view=Room::NewGroup ssr=SsrMode::Async/>
                    <Route path=path!("/groups/matrix") view=Room::Matrix ssr=SsrMode::Async/>
                    <Route path=path!("/groups/history") view=Room::History ssr=SsrMode::Async/>
                    <Route path=path!("/groups/licenses") view=Room::Ties ssr=SsrMode::Async/>
                    <Route path=path!("/groups/:id") view=Room::Group ssr=SsrMode::Async/>
                    <Route path=path!("/roles") view=Room::Roles ssr=SsrMode::Async/>
                    <Route path=path!("/roles/:id") view=Room::Role ssr=SsrMode::Async/>
                    <Route path=path!("/plans") view=Room::Plans ssr=SsrMode::Async/>
                    <Route path=path!("/plans/:id") view=Room::Plan ssr=SsrMode::Async/>
                    <Route path=path!("/jobs") view=Room::Jobs ssr=SsrMode::Async/>
                    <Route path=path!("/jobs/:id") view=Room::Job ssr=SsrMode::Async/>
                    <Route path=path!("/audit") view=Room::Audit ssr=SsrMode::Async/>
                    <Route path=path!("/audit/then") view=Room::Then ssr=SsrMode::Async/>
                    <Route path=path!("/settings") view=Room::Settings ssr=SsrMode::Async/>
                    <Route path=path!("/lists") view=Room::Lists ssr=SsrMode::Async/>
                    <Route path=path!("/lists/:id") view=Room::List ssr=SsrMode::Async/>
                    <Route path=path!("/sessions") view=Room::Sessions ssr=SsrMode::Async/>
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
        <Title text="Page not found"/>
        <main class="alone">
            <h1 tabindex="-1">"There is nothing at this address"</h1>
            <p class="muted">"The address may be wrong, or the item may have been deleted."</p>
            <p><a class="button primary" href="/" rel="external">"Go to start"</a></p>
        </main>
    }
}

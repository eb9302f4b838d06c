//! The settings page.

use leptos::prelude::*;

use super::api::{DraftAutoAssign, DraftGroupSettings, SetTheme, settings};
use super::view::SettingsView;
use crate::features::condition::{Failed, show};
use crate::features::shared::{Refreshing, live, shut, use_tenant};
use crate::ui::feedback::Skeleton;
use crate::ui::head::Head;
use crate::ui::load::load;

/// Settings of the tenant and of this browser.
#[component]
pub fn SettingsPage() -> impl IntoView {
    let tenant = use_tenant();
    let refreshing = expect_context::<Refreshing>();
    let auto = ServerAction::<DraftAutoAssign>::new();
    let groups = ServerAction::<DraftGroupSettings>::new();
    let data = load(move || (live(tenant), refreshing.version()), |(tenant, _)| settings(tenant));
    view! {
        <Failed of=auto.value()/>
        <Failed of=groups.value()/>
        <Transition fallback=|| view! { <Head title="Settings" waiting=true/><Skeleton lines=8/> }>
            {move || data.get().map(|got| {
                show(got, move || data.refetch(), |_| "Settings".to_owned(), move |view, fresh| {
                    view! { <Body view auto groups off=fresh.trouble.is_some()/> }
                })
            })}
        </Transition>
        <Theme/>
    }
}

#[component]
fn Body(
    view: SettingsView,
    auto: ServerAction<DraftAutoAssign>,
    groups: ServerAction<DraftGroupSettings>,
    off: bool,
) -> impl IntoView {
    let tenant = use_tenant();
    let switch = |name: &'static str, on: Option<bool>, label: &'static str, help: &'static str| {
        let unstated = on.is_none().then_some(" Current value unknown.");
        view! {
            <label class="switch">
                <input type="checkbox" name=name value="on" checked=on == Some(true)/>
                <span><b>{label}</b><span class="muted small">{help}{unstated}</span></span>
            </label>
        }
    };
    let sync = view.group_settings.sync_idp_groups;
    let system = view
        .system
        .into_iter()
        .map(|(id, name, roles)| {
            view! {
                <li><span>{name}</span><span class="muted">{roles.map_or_else(|| "roles not visible with this key".to_owned(), |roles| domain::text::count(i64::from(roles), "role", "roles"))}</span>
                    <a class="go" href=move || format!("/t/{}/groups/{id}", tenant.get())>"Edit roles"</a></li>
            }
        })
        .collect_view();
    view! {
        <div class="grid settings">
            <section class="panel" aria-labelledby="auto">
                <header><h2 id="auto">"Automatic assignment at sign-in"</h2></header>
                <ActionForm action=auto attr:class="stack">
                    <input type="hidden" name="tenant" value=move || tenant.get()/>
                    {switch("professional", view.auto_assign.professional, "Professional", "Tried first, while seats remain.")}
                    {switch("analyzer", view.auto_assign.analyzer, "Analyzer", "Used when no Professional seat is left; then Analyzer capacity.")}
                    <p><button class="button" type="submit" disabled=shut(auto, off)>"Review change…"</button></p>
                </ActionForm>
            </section>
            <section class="panel" aria-labelledby="groups">
                <header><h2 id="groups">"Groups"</h2></header>
                <ActionForm action=groups attr:class="stack">
                    <input type="hidden" name="tenant" value=move || tenant.get()/>
                    {switch("create", view.group_settings.auto_create_groups, "Create groups at sign-in", "IdP groups are created when a member first signs in.")}
                    {sync.map(|sync| switch("sync", Some(sync), "Sync IdP group membership", "Deprecated by Qlik; membership updates at sign-in."))}
                    <p><button class="button" type="submit" disabled=shut(groups, off)>"Review change…"</button></p>
                </ActionForm>
            </section>
            <section class="panel" aria-labelledby="system">
                <header><h2 id="system">"Roles for everyone"</h2></header>
                <ul class="everyone">{system}</ul>
            </section>
        </div>
    }
}

#[component]
fn Theme() -> impl IntoView {
    let tenant = use_tenant();
    let choose = ServerAction::<SetTheme>::new();
    // The cookie serves the next page; this one follows at once.
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        let Some(chosen) = choose.input().with(|input| input.as_ref().map(|input| input.theme.clone())) else { return };
        if let Some(root) = document().document_element() {
            let _ =
                if chosen == "system" { root.remove_attribute("data-theme") } else { root.set_attribute("data-theme", &chosen) };
        }
    });
    let button = move |theme: &'static str, text: &'static str| view! { <button class="button" type="submit" name="theme" value=theme>{text}</button> };
    view! {
        <section class="panel settings" aria-labelledby="theme">
            <header><h2 id="theme">"Theme"</h2><span class="muted small">"this browser"</span></header>
            <ActionForm action=choose attr:class="inline">
                <input type="hidden" name="tenant" value=move || tenant.get()/>
                {button("system", "Match system")}{button("light", "Light")}{button("dark", "Dark")}
            </ActionForm>
        </section>
    }
}

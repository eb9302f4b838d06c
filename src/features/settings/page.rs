//! The settings page.

use domain::text::{and_list, count, whole};
use leptos::prelude::*;

use super::api::{DraftAutoAssign, DraftGroupSettings, SetTheme, SetZone, browser, settings};
use super::view::{BrowserView, SettingsView, SystemLine};
use crate::features::condition::{Failed, NotShown, show};
use crate::features::me::lacks;
use crate::features::shared::{Refreshing, live, shut, use_tenant};
use crate::rank::Rank;
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
    // What nobody changed cannot be planned; without scripts nobody knows. They outlive the forms, which are drawn again.
    let (auto_changed, groups_changed) = (RwSignal::new(true), RwSignal::new(true));
    view! {
        <Failed of=auto.value()/>
        <Failed of=groups.value()/>
        <Transition fallback=|| view! { <Head title="Settings" waiting=true/><Skeleton lines=8/> }>
            {move || data.get().map(|got| {
                show(got, move || data.refetch(), |_| "Settings".to_owned(), move |view, fresh| {
                    view! { <Body view auto groups auto_changed groups_changed off=fresh.trouble.is_some()/> }
                })
            })}
        </Transition>
        <Browser/>
    }
}

#[component]
fn Body(
    view: SettingsView,
    auto: ServerAction<DraftAutoAssign>,
    groups: ServerAction<DraftGroupSettings>,
    /// Whether a form is not as the server drew it.
    auto_changed: RwSignal<bool>,
    groups_changed: RwSignal<bool>,
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
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        // What was ticked before the program took the page over counts.
        let changed = |id: &str| document().get_element_by_id(id).is_some_and(|form| is_changed(&form));
        auto_changed.set(changed("auto-assign"));
        groups_changed.set(changed("group-settings"));
    });
    let role = lacks(Rank::Admin);
    let off = off || role.is_some();
    let (auto_shut, groups_shut) = (shut(auto, off), shut(groups, off));
    let sync = view.group_settings.sync_idp_groups;
    let system = view
        .system
        .into_iter()
        .map(|SystemLine { id, name, roles, admin, people }| {
            let roles = roles
                .map_or_else(|| "roles not visible with this key".to_owned(), |roles| count(i64::from(roles), "role", "roles"));
            let warning = (!admin.is_empty()).then(|| {
                let who = people.map_or_else(|| "everyone".to_owned(), |people| count(whole(people), "person", "people"));
                view! { <span class="chip warn">{format!("{} to {who}", and_list(&admin))}</span> }
            });
            view! {
                <li><span>{name}</span><span class="muted">{roles}</span>{warning}
                    <a class="go" href=move || format!("/t/{}/groups/{id}", tenant.get())>"Edit roles"</a></li>
            }
        })
        .collect_view();
    let thresholds = view.thresholds.into_iter().map(|(what, figure)| view! { <dt>{what}</dt><dd>{figure}</dd> }).collect_view();
    view! {
        <div class="grid settings">
            <section class="panel" aria-labelledby="auto">
                <header><h2 id="auto">"Automatic assignment at sign-in"</h2></header>
                <ActionForm action=auto attr:class="stack" attr:id="auto-assign" on:change=move |event| auto_changed.set(form_changed(&event))>
                    <input type="hidden" name="tenant" value=move || tenant.get()/>
                    {switch("professional", view.auto_assign.professional, "Professional", "Tried first, while seats remain.")}
                    {switch("analyzer", view.auto_assign.analyzer, "Analyzer", "Used when no Professional seat is left; then Analyzer capacity.")}
                    <p><button class="button" type="submit" disabled=move || auto_shut() || !auto_changed.get() title=role>"Review change…"</button></p>
                </ActionForm>
            </section>
            <section class="panel" aria-labelledby="groups">
                <header><h2 id="groups">"Groups"</h2></header>
                <ActionForm action=groups attr:class="stack" attr:id="group-settings" on:change=move |event| groups_changed.set(form_changed(&event))>
                    <input type="hidden" name="tenant" value=move || tenant.get()/>
                    {switch("create", view.group_settings.auto_create_groups, "Create groups at sign-in", "Groups of the identity provider are created when a member signs in, and deleted ones come back. When off, no group is created; those that exist stay.")}
                    {sync.map(|sync| switch("sync", Some(sync), "Sync IdP group membership", "Deprecated by Qlik, which documents it in the same words as the switch above."))}
                    <p><button class="button" type="submit" disabled=move || groups_shut() || !groups_changed.get() title=role>"Review change…"</button></p>
                </ActionForm>
            </section>
            <section class="panel" aria-labelledby="system">
                <header><h2 id="system">"Roles for everyone"</h2><span class="muted small">"each user has them, whatever groups they are in"</span></header>
                <ul class="everyone">{system}</ul>
            </section>
            <section class="panel" aria-labelledby="thresholds">
                <header><h2 id="thresholds">"Thresholds"</h2><span class="muted small">"set in the server's configuration: "<code>"[thresholds]"</code>", "<code>"[confirm]"</code>", "<code>"[usage.price]"</code></span></header>
                <dl class="facts pairs">{thresholds}</dl>
            </section>
        </div>
    }
}

/// Whether any box of the form in which something was changed is not as the server drew it.
fn form_changed(event: &leptos::ev::Event) -> bool {
    #[cfg(feature = "hydrate")]
    {
        use leptos::wasm_bindgen::JsCast;
        use leptos::web_sys::Element;
        let form = event.target().and_then(|target| target.dyn_into::<Element>().ok()?.closest("form").ok().flatten());
        form.is_none_or(|form| is_changed(&form))
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = event;
        true
    }
}

#[cfg(feature = "hydrate")]
fn is_changed(form: &leptos::web_sys::Element) -> bool {
    use leptos::wasm_bindgen::JsCast;
    use leptos::web_sys::HtmlInputElement;
    let Ok(boxes) = form.query_selector_all("input[type=checkbox]") else { return true };
    let mut boxes = (0..boxes.length()).filter_map(|at| boxes.item(at)?.dyn_into::<HtmlInputElement>().ok());
    boxes.any(|field| field.checked() != field.default_checked())
}

/// Shows a theme at once; the cookie serves the next page.
pub fn show_theme(chosen: &str) {
    #[cfg(feature = "hydrate")]
    if let Some(root) = document().document_element() {
        let _ = if chosen == "system" { root.remove_attribute("data-theme") } else { root.set_attribute("data-theme", chosen) };
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = chosen;
}

/// What is chosen for this browser alone.
#[component]
fn Browser() -> impl IntoView {
    let tenant = use_tenant();
    let (theme, zone) = (ServerAction::<SetTheme>::new(), ServerAction::<SetZone>::new());
    let (themed, zoned) = (theme.version(), zone.version());
    let data = load(
        move || (live(tenant), themed.try_get().unwrap_or_default(), zoned.try_get().unwrap_or_default()),
        |(tenant, _, _)| browser(tenant),
    );
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        let chosen = theme.input().with(|input| input.as_ref().map(|input| input.theme.clone()));
        if let Some(chosen) = chosen {
            show_theme(&chosen);
        }
    });
    view! {
        <Failed of=theme.value()/>
        <Failed of=zone.value()/>
        <section class="panel settings" aria-labelledby="browser">
            <header><h2 id="browser">"This browser"</h2></header>
            <Transition>
                {move || data.get().map(|got| match got {
                    Ok(BrowserView { theme: now, zone: here, zones }) => {
                        let button = move |word: &'static str, text: &'static str| {
                            let pressed = if now == word { "true" } else { "false" };
                            view! { <button class="button" type="submit" name="theme" value=word aria-pressed=pressed>{text}</button> }
                        };
                        let zones = zones.into_iter().map(|name| view! { <option value=name></option> }).collect_view();
                        view! {
                            <div class="setting"><span id="theme">"Theme"</span>
                                <ActionForm action=theme>
                                    <input type="hidden" name="tenant" value=move || tenant.get()/>
                                    <div class="segments" role="group" aria-labelledby="theme">
                                        {button("system", "Match system")}{button("light", "Light")}{button("dark", "Dark")}
                                    </div>
                                </ActionForm></div>
                            <div class="setting"><label for="zone">"Time zone"<span class="muted small">"Times in exported files and days of usage stay in UTC."</span></label>
                                <ActionForm action=zone attr:class="inline">
                                    <input type="hidden" name="tenant" value=move || tenant.get()/>
                                    <input class="input zone" id="zone" name="zone" list="zones" autocomplete="off" value=here/>
                                    <datalist id="zones">{zones}</datalist>
                                    <button class="button" type="submit">"Save"</button>
                                </ActionForm></div>
                        }.into_any()
                    }
                    Err(error) => view! { <NotShown error again=move || data.refetch()/> }.into_any(),
                })}
            </Transition>
        </section>
    }
}

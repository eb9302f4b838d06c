//! The page where a session gets its key.

use leptos::prelude::*;
use leptos::web_sys::FormData;
use leptos_router::hooks::use_query_map;

use super::api::{Connect, tenants_to_connect};
use super::view::TenantChoice;
use crate::features::condition::{Failed, NotShown};
use crate::features::shared::busy;
use crate::ui::head::Head;
use crate::ui::load::load;
use crate::ui::post::{Post, field};
use crate::ui::query::escape;

/// Choose a tenant, paste a key.
#[component]
pub fn ConnectPage() -> impl IntoView {
    let facts = load(|| (), |()| tenants_to_connect());
    view! {
        <main class="alone">
            <p class="brand big"><Mark/><span>"Quartermaster"</span></p>
            <Head title="Connect to a tenant"/>
            <p>
                <b>"Quartermaster"</b>" plans, applies and undoes license and role changes in Qlik Cloud. "
                <b>"Connecting only reads."</b>" Nothing is changed until you apply a plan."
            </p>
            <Suspense fallback=|| ()>
                {move || facts.get().map(|got| {
                    match got {
                        Ok(facts) if facts.tenants.is_empty() => view! { <NoTenant/> }.into_any(),
                        Ok(facts) => view! { <Choices tenants=facts.tenants demo=facts.demo_key/> }.into_any(),
                        Err(error) => view! { <NotShown error again=move || facts.refetch()/> }.into_any(),
                    }
                })}
            </Suspense>
        </main>
    }
}

/// The product's mark.
#[component]
pub fn Mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 18 18" aria-hidden="true" focusable="false">
            <path d="M2 3h14M2 9h9M2 15h5" stroke="currentColor" stroke-width="2.4" fill="none"/>
            <circle cx="15" cy="13.5" r="2.5" fill="currentColor"/>
        </svg>
    }
}

#[component]
fn NoTenant() -> impl IntoView {
    view! {
        <p>"No tenants configured. Add one to "<code>"Leptos.toml"</code>" and restart Quartermaster:"</p>
        <pre>"[tenants.example]\nname = \"Example\"\nurl = \"https://example.eu.qlikcloud.com\""</pre>
    }
}

/// Where a tenant can be opened, or one signs in there; nothing where only a key opens it.
fn way_in(tenant: &TenantChoice, back: &str) -> Option<AnyView> {
    let TenantChoice { id, name, connected, lost, signs_in, .. } = tenant;
    let sign_in = |words: &'static str, class: &'static str| {
        let to = format!("/auth/qlik/{id}/connect?back={}", escape(back));
        let label = format!("{words}: {name}");
        view! { <a class=class href=to rel="external" aria-label=label>{words}</a> }.into_any()
    };
    match (connected, lost, signs_in) {
        (true, false, _) => Some(view! { <a class="go" href=format!("/t/{id}/overview")>"Open (connected)"</a> }.into_any()),
        (true, true, true) => Some(sign_in("Connect again", "button primary")),
        (_, _, true) => Some(sign_in("Sign in at Qlik", "button primary")),
        _ => None,
    }
}

/// The tenants: to open, to sign in at, or to connect to with a key.
#[component]
fn Choices(tenants: Vec<TenantChoice>, demo: String) -> impl IntoView {
    let query = use_query_map();
    let back = query.with_untracked(|query| query.get("back")).unwrap_or_default();
    if tenants.iter().any(|tenant| tenant.api_keys) {
        return view! { <KeyForm tenants demo/> }.into_any();
    }
    let choices = tenants
        .iter()
        .map(|tenant| {
            view! {
                <li class="choice"><span></span>
                    <span><b>{tenant.name.clone()}</b><span class="muted small">{tenant.host.clone()}</span></span>
                    {way_in(tenant, &back)}
                </li>
            }
        })
        .collect_view();
    view! {
        <ul class="plain ways" aria-label="Tenants">{choices}</ul>
        <p class="muted small">"Quartermaster can do only what you may do in Qlik. The connection is stored encrypted for this session, and ends when you sign out."</p>
    }
    .into_any()
}

#[component]
fn KeyForm(tenants: Vec<TenantChoice>, demo: String) -> impl IntoView {
    let connect = ServerAction::<Connect>::new();
    let pending = busy(connect);
    let query = use_query_map();
    let asked = query.with_untracked(|query| query.get("tenant")).unwrap_or_default();
    let back = query.with_untracked(|query| query.get("back")).unwrap_or_default();
    let with_keys = || tenants.iter().filter(|tenant| tenant.api_keys);
    let chosen =
        with_keys().find(|tenant| tenant.id == asked).or(with_keys().next()).map(|tenant| tenant.id.clone()).unwrap_or_default();
    let one_signs_in = tenants.iter().any(|tenant| tenant.signs_in);
    let choices = tenants
        .into_iter()
        .map(|tenant| {
            let checked = tenant.id == chosen;
            let id = format!("tenant-{}", tenant.id);
            let way = way_in(&tenant, &back);
            let radio = if tenant.api_keys {
                view! { <input type="radio" name="tenant" id=id value=tenant.id.clone() checked=checked/> }.into_any()
            } else {
                view! { <span></span> }.into_any()
            };
            view! {
                <label class="choice" for=format!("tenant-{}", tenant.id)>
                    {radio}
                    <span><b>{tenant.name}</b><span class="muted small">{tenant.host}</span></span>
                    {way}
                </label>
            }
        })
        .collect_view();
    let entered = |of: &FormData| Connect { tenant: field(of, "tenant"), key: field(of, "key"), back: field(of, "back") };
    // A form of its own: it works without scripts.
    let offered = (!demo.is_empty()).then({
        let back = back.clone();
        move || {
            view! {
                <Post action=connect input=entered class="note ok">
                    <span class="dot ok" aria-hidden="true"></span>
                    <div>
                        <b>"This is a demo tenant."</b>" Its key: "<code>{demo.clone()}</code>" "
                        <input type="hidden" name="tenant" value=chosen.clone()/>
                        <input type="hidden" name="key" value=demo.clone()/>
                        <input type="hidden" name="back" value=back.clone()/>
                        <button class="link" type="submit" disabled=pending>"Use the demo key"</button>
                    </div>
                </Post>
            }
        }
    });
    view! {
        <Failed of=connect.value()/>
        <Post action=connect input=entered class="stack">
            <fieldset class="plain"><legend>"Tenant"</legend>{choices}</fieldset>
            <div class="field">
                <label for="key">{if one_signs_in { "Or an API key" } else { "API key" }}</label>
                <input class="input" type="password" id="key" name="key" autocomplete="off" spellcheck="false" required aria-describedby="key-help"/>
                <div class="muted small" id="key-help">
                    <p>"Create one in Qlik: profile → Settings → API keys. To change licenses and groups, its user needs the Tenant Admin role; with less, Quartermaster shows what the key may see and says what is off."</p>
                    <p>"Quartermaster can do only what this key's user is allowed to do. The key is stored encrypted for this session and sent only to this tenant."</p>
                </div>
            </div>
            <input type="hidden" name="back" value=back/>
            <p><button class=if one_signs_in { "button" } else { "button primary" } type="submit" disabled=pending>
                {move || if pending() { "Checking the key…" } else if one_signs_in { "Connect with the key" } else { "Connect" }}
            </button></p>
        </Post>
        {offered}
    }
}

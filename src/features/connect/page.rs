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
                        Ok(facts) => view! { <KeyForm tenants=facts.tenants demo=facts.demo_key/> }.into_any(),
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

#[component]
fn KeyForm(tenants: Vec<TenantChoice>, demo: String) -> impl IntoView {
    let connect = ServerAction::<Connect>::new();
    let pending = busy(connect);
    let query = use_query_map();
    let asked = query.with_untracked(|query| query.get("tenant")).unwrap_or_default();
    let back = query.with_untracked(|query| query.get("back")).unwrap_or_default();
    let chosen =
        tenants.iter().find(|tenant| tenant.id == asked).or(tenants.first()).map(|tenant| tenant.id.clone()).unwrap_or_default();
    let choices = tenants
        .into_iter()
        .map(|tenant| {
            let checked = tenant.id == chosen;
            let id = format!("tenant-{}", tenant.id);
            view! {
                <label class="choice" for=format!("tenant-{}", tenant.id)>
                    <input type="radio" name="tenant" id=id value=tenant.id.clone() checked=checked/>
                    <span><b>{tenant.name}</b><span class="muted small">{tenant.host}</span></span>
                    {tenant.connected.then(|| view! { <a class="go" href=format!("/t/{}/overview", tenant.id)>"Open (connected)"</a> })}
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
                <label for="key">"API key"</label>
                <input class="input" type="password" id="key" name="key" autocomplete="off" spellcheck="false" required aria-describedby="key-help"/>
                <div class="muted small" id="key-help">
                    <p>"Create one in Qlik: profile → Settings → API keys. To change licenses and groups, its user needs the Tenant Admin role; with less, Quartermaster shows what the key may see and says what is off."</p>
                    <p>"Quartermaster can do only what this key's user is allowed to do. The key is stored encrypted for this session and sent only to this tenant."</p>
                </div>
            </div>
            <input type="hidden" name="back" value=back/>
            <p><button class="button primary" type="submit" disabled=pending>
                {move || if pending() { "Checking the key…" } else { "Connect" }}
            </button></p>
        </Post>
        {offered}
    }
}

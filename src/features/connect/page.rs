//! The page where a session gets its key.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::{Connect, tenants_to_connect};

use super::view::TenantChoice;
use crate::features::shared::{ErrorPanel, Failed, busy};
use crate::ui::head::Head;

/// Choose a tenant, paste a key.
#[component]
pub fn ConnectPage() -> impl IntoView {
    let facts = Resource::new(|| (), |()| tenants_to_connect());
    view! {
        <main class="alone">
            <p class="brand big"><Mark/><span>"Quartermaster"</span></p>
            <Head title="Connect to a tenant"/>
            <Suspense fallback=|| ()>
                {move || facts.get().map(|got| {
                    match got {
                        Ok(facts) if facts.tenants.is_empty() => view! { <NoTenant/> }.into_any(),
                        Ok(facts) => view! { <KeyForm tenants=facts.tenants/> }.into_any(),
                        Err(error) => view! { <ErrorPanel error/> }.into_any(),
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
        <p>"No tenant is configured yet. Add one to "<code>"Leptos.toml"</code>" and start Quartermaster again:"</p>
        <pre>"[tenants.example]\nname = \"Example\"\nurl = \"https://example.eu.qlikcloud.com\""</pre>
    }
}

#[component]
fn KeyForm(tenants: Vec<TenantChoice>) -> impl IntoView {
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
                    {tenant.connected.then(|| view! { <a class="go" href=format!("/t/{}/overview", tenant.id)>"Connected, open"</a> })}
                </label>
            }
        })
        .collect_view();
    view! {
        <Failed of=connect.value()/>
        <ActionForm action=connect attr:class="stack">
            <fieldset class="plain"><legend>"Tenant"</legend>{choices}</fieldset>
            <div class="field">
                <label for="key">"API key"</label>
                <input class="input" type="password" id="key" name="key" autocomplete="off" spellcheck="false" required aria-describedby="key-help"/>
                <p class="muted small" id="key-help">
                    "Quartermaster acts with the rights of the key's user and never with more. The key is kept sealed for this session only and goes to the chosen tenant only."
                </p>
            </div>
            <input type="hidden" name="back" value=back/>
            <p><button class="button primary" type="submit" disabled=pending>
                {move || if pending() { "Checking the key…" } else { "Connect" }}
            </button></p>
        </ActionForm>
    }
}

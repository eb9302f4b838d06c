//! What can be done with a group itself: renaming and describing it, deleting it. Each leads to a plan.

use domain::inventory::Provider;
use leptos::prelude::*;

use super::api::{DraftDeletion, DraftEdit};
use super::view::Members;
use crate::features::condition::Failed;
use crate::features::me::may_not_change;
use crate::features::shared::{shut, use_part, use_tenant};

/// The forms, under the facts of a group. Nothing for Qlik's own groups.
#[component]
pub fn Manage(
    /// Where it comes from.
    provider: Provider,
    /// Its name.
    name: String,
    /// What it is for.
    description: String,
    /// Who is in it.
    members: Members,
    /// Nothing can be changed now.
    off: bool,
) -> impl IntoView {
    if provider == Provider::System {
        return ().into_any();
    }
    let (tenant, id) = (use_tenant(), use_part("id"));
    let (edit, delete) = (ServerAction::<DraftEdit>::new(), ServerAction::<DraftDeletion>::new());
    let custom = provider == Provider::Custom;
    let what = match provider {
        Provider::Idp => "It comes back when a member signs in, as long as group creation at sign-in is on.",
        _ => "It can be created again, with a new ID and without its members.",
    };
    let members = match members {
        Members::Known(0) => String::new(),
        members => format!("Members: {}. ", members.words()),
    };
    view! {
        <Failed of=edit.value()/>
        <Failed of=delete.value()/>
        <details class="more">
            <summary>"Rename or describe"</summary>
            {(!custom).then(|| view! { <p class="muted small">"The identity provider keeps the name and description of this group. Change them there."</p> })}
            <ActionForm action=edit attr:class="stack">
                <input type="hidden" name="tenant" value=move || tenant.get()/>
                <input type="hidden" name="id" value=move || id.get()/>
                <div class="field">
                    <label for="own-name">"Name"</label>
                    <input class="input" id="own-name" name="name" value=name required maxlength="256" disabled=!custom autocomplete="off"/>
                </div>
                <div class="field">
                    <label for="own-description">"Description"</label>
                    <input class="input" id="own-description" name="description" value=description maxlength="1000" disabled=!custom autocomplete="off"/>
                </div>
                <p><button class="button" type="submit" disabled=shut(edit, off || !custom) title=may_not_change()>"Review…"</button></p>
            </ActionForm>
        </details>
        <details class="more">
            <summary>"Delete group"</summary>
            <p class="muted small">{members}"The plan shows which roles are lost and by whom. "{what}</p>
            <ActionForm action=delete attr:class="inline">
                <input type="hidden" name="tenant" value=move || tenant.get()/>
                <input type="hidden" name="id" value=move || id.get()/>
                <button class="button" type="submit" disabled=shut(delete, off) title=may_not_change()>"Review deletion…"</button>
            </ActionForm>
        </details>
    }
    .into_any()
}

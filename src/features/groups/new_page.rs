//! New groups: their names, a description, and the roles they give. They become a plan like any change.

use std::collections::BTreeSet;

use domain::inventory::{MAX_GROUPS, RoleId};
use domain::roles::MAX_ROLES_PER_GROUP;
use domain::text::{thousands, whole};
use leptos::prelude::*;
use leptos::server::ServerActionError;
use leptos::server_fn::error::ServerFnUrlError;

use super::api::{DraftGroups, new_group};
use super::role_list::RoleList;
use super::view::{IMPORT, NewGroupView};
use crate::error::AppError;
use crate::features::condition::{ErrorPanel, Failed, show};
use crate::features::me::may_not_change;
use crate::features::shared::{Refreshing, live, shut, use_tenant};
use crate::ui::feedback::{Note, Skeleton};
use crate::ui::head::Head;
use crate::ui::load::load;

/// The page.
#[component]
pub fn NewGroupPage() -> impl IntoView {
    let tenant = use_tenant();
    let refreshing = expect_context::<Refreshing>();
    let draft = ServerAction::<DraftGroups>::new();
    // What is ticked stays where the tenant is read again meanwhile.
    let chosen = RwSignal::new(BTreeSet::new());
    let data = load(move || (live(tenant), refreshing.version()), |(tenant, _)| new_group(tenant));
    view! {
        <Failed of=draft.value()/>
        <Transition fallback=|| view! { <Head title="New group" waiting=true/><Skeleton lines=12/> }>
            {move || data.get().map(|got| {
                show(got, move || data.refetch(), |_| "New group".to_owned(), move |view, fresh| {
                    let off = fresh.trouble.is_some();
                    view! { <Fields view chosen draft off/> }
                })
            })}
        </Transition>
    }
}

#[component]
fn Fields(view: NewGroupView, chosen: RwSignal<BTreeSet<RoleId>>, draft: ServerAction<DraftGroups>, off: bool) -> impl IntoView {
    let tenant = use_tenant();
    let full = view.of >= MAX_GROUPS as u64;
    let off = off || !view.whole || full;
    let (of, most) = (thousands(whole(view.of)), thousands(whole(MAX_GROUPS)));
    let short = (!view.whole).then(|| {
        view! {
            <Note tone="warn" title="Not all groups could be loaded.">
                "Whether a name is free is unknown, so no group can be created with this key."
            </Note>
        }
    });
    let full = full.then(|| {
        view! { <Note tone="warn" title="This tenant has as many groups as Qlik allows.">"Delete groups first."</Note> }
    });
    let refused = use_context::<ServerActionError>().filter(|failed| failed.path() == IMPORT);
    let refused = refused.map(|failed| ServerFnUrlError::<AppError>::decode_err(failed.err()));
    let refused_now = refused.is_some();
    view! {
        {short}{full}
        {refused.map(|error| view! { <ErrorPanel error/> })}
        <details class="more" open=refused_now>
            <summary>"Create groups from a file"</summary>
            <form class="stack form" method="post" enctype="multipart/form-data" action=move || format!("/import/{}/groups", tenant.get())>
                <div class="field">
                    <label for="file">"CSV or text file"</label>
                    <input class="input" type="file" id="file" name="file" required accept=".csv,.txt,.tsv,text/csv,text/plain" aria-describedby="file-help"/>
                    <p class="muted small" id="file-help">"A group name per line, or a table whose first line is Name, Description, Roles. Separate several roles with semicolons. Groups that already exist stay as they are."</p>
                </div>
                <p><button class="button" type="submit" disabled=off || may_not_change().is_some() title=may_not_change()>"Check list"</button></p>
            </form>
        </details>
        <ActionForm action=draft attr:class="grid cols">
            <div>
                <input type="hidden" name="tenant" value=move || tenant.get()/>
                <div class="stack form">
                    <div class="field">
                        <label for="names">"Names"</label>
                        <textarea class="input" id="names" name="names" rows="3" required autocomplete="off" spellcheck="false" aria-describedby="names-help"></textarea>
                        <p class="muted small" id="names-help">"One group per line, at most 256 characters each; upper and lower case matter. You can also paste a table with the headings Name, Description, Roles; what is chosen below holds for lines that name none."</p>
                    </div>
                    <div class="field">
                        <label for="description">"Description"</label>
                        <input class="input" id="description" name="description" maxlength="1000" autocomplete="off"/>
                    </div>
                </div>
                <div class="roles"><RoleList roles=view.roles chosen/></div>
            </div>
            <aside class="aside grid" aria-label="Review">
                <section class="panel" aria-labelledby="review">
                    <header><h2 id="review">"Review"</h2></header>
                    <p class="muted small">{move || format!("{} of {MAX_ROLES_PER_GROUP} roles chosen.", chosen.with(BTreeSet::len))}</p>
                    <p class="muted small">{format!("The tenant has {of} of at most {most} groups. Members are added in Qlik; nothing is created before you apply the plan.")}</p>
                    <div class="foot">
                        <a class="button plain" href=move || format!("/t/{}/groups", live(tenant))>"Cancel"</a>
                        <button class="button primary" type="submit" disabled=shut(draft, off) title=may_not_change()>"Review…"</button>
                    </div>
                </section>
            </aside>
        </ActionForm>
    }
}

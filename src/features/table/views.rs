//! Views with names: filter, sort and columns of a table, kept on the server so that they are there in every browser.

use leptos::prelude::*;

use super::api::{DropView, SaveView, views};
use super::{Kind, Live, ViewOf};
use crate::features::condition::Failed;
use crate::features::shared::{live as alive, use_tenant};
use crate::ui::load::load;
use crate::ui::query::to_query;

/// Opens a view, keeps this one, forgets one.
#[component]
pub fn ViewMenu<T: Kind>(live: Live<T>) -> impl IntoView {
    let tenant = use_tenant();
    let save = ServerAction::<SaveView>::new();
    let forget = ServerAction::<DropView>::new();
    let (saved, forgotten) = (save.version(), forget.version());
    let data = load(
        move || (alive(tenant), saved.try_get().unwrap_or_default(), forgotten.try_get().unwrap_or_default()),
        |(tenant, _, _)| views(tenant, T::ROOM.to_owned()),
    );
    let query =
        move || live.view.try_with(|view| to_query(&ViewOf::<T> { page: 1, ..view.clone() }.to_pairs())).unwrap_or_default();
    let list = move || {
        data.get().and_then(Result::ok).map(|kept| {
            if kept.is_empty() {
                return view! { <p class="muted">"No saved views. A view stores the current filters, sort and columns."</p> }
                    .into_any();
            }
            let items = kept
                .into_iter()
                .map(|kept| {
                    let href = format!("/t/{}/{}{}", alive(tenant), T::ROOM, kept.query);
                    let label = format!("Delete view {}", kept.name);
                    view! {
                                            <li>
                                                <a class="go" href=href>{kept.name.clone()}</a>
                                                <ActionForm action=forget>
                                                    <input type="hidden" name="tenant" value=move || alive(tenant)/>
                    <input type="hidden" name="room" value=T::ROOM/>
                                                    <input type="hidden" name="name" value=kept.name/>
                                                    <button class="tool" type="submit" aria-label=label>"×"</button>
                                                </ActionForm>
                                            </li>
                                        }
                })
                .collect_view();
            view! { <ul class="columns" aria-label="Views">{items}</ul> }.into_any()
        })
    };
    view! {
            <details class="menu">
                <summary class="button plain">"Views"</summary>
                <div class="sheet">
                    <Failed of=save.value()/>
                    <Transition>{list}</Transition>
                    <ActionForm action=save>
                        <input type="hidden" name="tenant" value=move || alive(tenant)/>
    <input type="hidden" name="room" value=T::ROOM/>
                        <input type="hidden" name="query" value=query/>
                        <div class="inline">
                            <label class="sr" for="view-name">"View name"</label>
                            <input class="input" id="view-name" name="name" required=true maxlength="60" placeholder="View name"/>
                            <button class="button" type="submit">"Save"</button>
                        </div>
                    </ActionForm>
                </div>
            </details>
        }
}

//! The role editor of a group.

use std::collections::BTreeSet;

use domain::inventory::RoleId;
use domain::roles::{MAX_ROLES_PER_GROUP, RoleDiff, merge};
use domain::text::{count, whole};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::{DraftLicense, DraftRoles, KeepDraft, group};
use super::manage::Manage;
use super::role_list::RoleList;
use super::view::{GroupView, Members, RoleLine};
use crate::features::condition::{Failed, show};
use crate::features::me::may_not_change;
use crate::features::shared::{Refreshing, live, shut, use_part, use_tenant};
use crate::ui::copy::CopyId;
use crate::ui::feedback::{Note, Skeleton};
use crate::ui::head::Head;
use crate::ui::load::load;
use crate::ui::query::{escape, to_query};

fn set_of(list: &str) -> BTreeSet<RoleId> {
    list.split(',').filter(|id| !id.is_empty()).map(RoleId::new).collect()
}

fn list_of(set: &BTreeSet<RoleId>) -> String {
    set.iter().map(RoleId::as_str).collect::<Vec<_>>().join(",")
}

/// Keeps what is ticked on the server, a moment after the hands rest: it waits there for whoever leaves, or is signed out. What
/// becomes a plan before that (`pending`) need not be kept.
#[cfg(feature = "hydrate")]
fn keep_while_ticked(
    tenant: Memo<String>,
    id: Memo<String>,
    theirs: BTreeSet<RoleId>,
    chosen: RwSignal<BTreeSet<RoleId>>,
    pending: StoredValue<Option<TimeoutHandle>>,
) {
    use std::time::Duration;

    Effect::new(move |before: Option<BTreeSet<RoleId>>| {
        let mine = chosen.get();
        if before.is_some_and(|before| before != mine) {
            if let Some(earlier) = pending.try_update_value(Option::take).flatten() {
                earlier.clear();
            }
            let (tenant, id) = (tenant.get_untracked(), id.get_untracked());
            let (base, mine) = (list_of(&theirs), list_of(&mine));
            let keep = move || {
                crate::ui::scope::detached(async move {
                    // Kept at the next tick, if not now.
                    let _ = super::api::keep_draft(tenant, id, base, mine).await;
                });
            };
            pending.set_value(crate::ui::scope::timer(Duration::from_millis(400), keep));
        }
        mine
    });
}

/// The role editor.
#[component]
pub fn GroupPage() -> impl IntoView {
    let (tenant, id) = (use_tenant(), use_part("id"));
    let query = use_query_map();
    let refreshing = expect_context::<Refreshing>();
    let draft = ServerAction::<DraftRoles>::new();
    let license = ServerAction::<DraftLicense>::new();
    let forget = ServerAction::<KeepDraft>::new();
    let forgotten = forget.version();
    // A draft in the address: what I chose, and what I saw when I chose it.
    let carried = Memo::new(move |_| query.try_with(|query| (query.get("base"), query.get("mine"))).unwrap_or_default());
    let data = load(
        move || (live(tenant), live(id), refreshing.version(), live(carried), forgotten.try_get().unwrap_or_default()),
        |(tenant, id, _, _, _)| group(tenant, id),
    );
    view! {
        <Failed of=draft.value()/>
        <Failed of=license.value()/>
        <Transition fallback=|| view! { <Head title="Group" waiting=true/><Skeleton lines=12/> }>
            {move || data.get().map(|got| {
                let heading = |view: Option<&GroupView>| view.map_or_else(|| "Group".to_owned(), |view| view.line.name.clone());
                show(got, move || data.refetch(), heading, move |view, fresh| {
                    let (off, licenses_off) = (fresh.trouble.is_some(), fresh.off());
                    view! { <Editor view carried=carried.get_untracked() draft license forget off licenses_off/> }
                })
            })}
        </Transition>
    }
}

#[component]
fn Editor(
    view: GroupView,
    carried: (Option<String>, Option<String>),
    draft: ServerAction<DraftRoles>,
    license: ServerAction<DraftLicense>,
    forget: ServerAction<KeepDraft>,
    off: bool,
    licenses_off: bool,
) -> impl IntoView {
    // What may not be seen must not be replaced.
    let off = off || !view.roles_visible;
    let in_address = carried.0.is_some() || carried.1.is_some();
    // What was ticked when the page was left, or the session ended, waits on the server.
    let kept = view.draft.clone().filter(|_| !in_address && view.roles_visible);
    let kept_at = kept.as_ref().map(|(_, _, at)| at.clone());
    let carried = kept.map_or(carried, |(base, mine, _)| (Some(base), Some(mine)));
    let (tenant, id) = (use_tenant(), use_part("id"));
    let theirs: BTreeSet<RoleId> = view.roles.iter().filter(|role| role.now).map(|role| RoleId::new(&role.id)).collect();
    let base = carried.0.as_deref().map_or_else(|| theirs.clone(), set_of);
    let mut mine = carried.1.as_deref().map_or_else(|| theirs.clone(), set_of);
    // What was chosen and is no role any more has no box to be unticked.
    let known: BTreeSet<RoleId> = view.roles.iter().map(|role| RoleId::new(&role.id)).collect();
    let gone = mine.iter().filter(|id| !known.contains(id) && !theirs.contains(id)).count();
    mine.retain(|id| known.contains(id) || theirs.contains(id));
    let gone = (gone > 0).then(|| {
        let title = match gone {
            1 => "A chosen role no longer exists and was left out.".to_owned(),
            more => format!("{more} chosen roles no longer exist and were left out."),
        };
        view! { <Note tone="warn" title>"It was deleted in Qlik, or this key cannot see it."</Note> }
    });
    let conflict = (base != theirs)
        .then(|| view! { <Conflict roles=view.roles.clone() base=base.clone() mine=mine.clone() theirs=theirs.clone()/> });
    let chosen = RwSignal::new(mine);
    let pending = StoredValue::new(None::<TimeoutHandle>);
    #[cfg(feature = "hydrate")]
    keep_while_ticked(tenant, id, theirs.clone(), chosen, pending);
    let planned = move |_| {
        if let Some(keeping) = pending.try_update_value(Option::take).flatten() {
            keeping.clear();
        }
    };
    let names: Vec<(RoleId, String, Option<u64>)> =
        view.roles.iter().map(|role| (RoleId::new(&role.id), role.name.clone(), role.only_here)).collect();
    let names = StoredValue::new(names);
    let theirs = StoredValue::new(theirs);
    let diff = Memo::new(move |_| theirs.with_value(|theirs| chosen.with(|chosen| RoleDiff::between(theirs, chosen))));
    let changes = move || diff.with(RoleDiff::len);
    let base_fields = theirs.with_value(|theirs| {
        theirs.iter().map(|id| view! { <input type="hidden" name="base[]" value=id.to_string()/> }).collect_view()
    });
    let list = move || {
        diff.with(|diff| {
            names.with_value(|names| {
                names
                    .iter()
                    .filter_map(|(id, name, only_here)| {
                        let (class, sign, note) = if diff.added.contains(id) {
                            ("plus", "+", String::new())
                        } else if diff.removed.contains(id) {
                            let note = match only_here {
                                None => ", and who would lose it is not visible with this key".to_owned(),
                                Some(0) => ", all members keep it via another group".to_owned(),
                                Some(only) => format!(", {} it", count(whole(*only), "member would lose", "members would lose")),
                            };
                            ("minus", "−", note)
                        } else {
                            return None;
                        };
                        Some(view! { <li><span class=class>{sign}</span><span>{name.clone()}<span class="muted small">{note}</span></span></li> })
                    })
                    .collect_view()
            })
        })
    };
    let line = view.line.clone();
    let (members, name_now) = (line.members, line.name.clone());
    let members_link = move || format!("/t/{}/assignments?group={}", tenant.get(), escape(&id.get()));
    let unseen = (!view.roles_visible).then(|| {
        view! {
            <Note tone="warn" title="The roles of this group are not visible with this key.">
                "They may exist. They cannot be changed with this key, because what is not visible must not be replaced."
            </Note>
        }
    });
    let kept = kept_at.map(|at| {
        view! {
            <Note tone="ok" title=format!("Your changes from {at} were saved.")>
                "They are not planned yet."
                <ActionForm action=forget attr:class="inline">
                    <input type="hidden" name="tenant" value=move || tenant.get()/>
                    <input type="hidden" name="id" value=move || id.get()/>
                    <button class="link" type="submit">"Delete draft"</button>
                </ActionForm>
            </Note>
        }
    });
    view! {
        {unseen}{kept}{gone}
        {conflict}
        <div class="grid cols">
            <ActionForm action=draft attr:class="roles" attr:id="roles" on:submit=planned>
                <input type="hidden" name="tenant" value=move || tenant.get()/>
                <input type="hidden" name="id" value=move || id.get()/>
                {base_fields}
                <RoleList roles=view.roles.clone() chosen/>
            </ActionForm>
            <aside class="aside grid" aria-label="Changes and facts">
                <section class="panel" aria-labelledby="changes">
                    <header><h2 id="changes">"Changes"</h2></header>
                    {move || (changes() == 0).then(|| view! { <p class="muted">"No changes. Select roles to add or remove."</p> })}
                    <ul aria-live="polite">{list}</ul>
                    <p class="muted small">{move || format!("{} of {MAX_ROLES_PER_GROUP} roles after this change.", chosen.with(BTreeSet::len))}</p>
                    <div class="foot">
                        {if in_address {
                            view! { <a class="button plain" href=move || format!("/t/{}/groups/{}", tenant.get(), escape(&id.get()))>"Discard"</a> }.into_any()
                        } else {
                            view! {
                                <ActionForm action=forget on:submit=planned>
                                    <input type="hidden" name="tenant" value=move || tenant.get()/>
                                    <input type="hidden" name="id" value=move || id.get()/>
                                    <button class="button plain" type="submit" disabled=shut(forget, false) title=may_not_change()>"Discard"</button>
                                </ActionForm>
                            }.into_any()
                        }}
                        <button class="button primary" type="submit" form="roles" disabled=shut(draft, off) title=may_not_change()>
                            {move || if changes() == 0 { "Review change".to_owned() } else { format!("Review {}", count(whole(changes() as u64), "change", "changes")) }}
                        </button>
                    </div>
                </section>
                <section class="panel" aria-labelledby="facts">
                    <header><h2 id="facts">"Group"</h2><span class="chip">{line.provider}</span></header>
                    <dl class="facts">
                        <dt>"Name"</dt><dd>{line.name}</dd>
                        {(!view.description.is_empty()).then(|| view! { <dt>"Description"</dt><dd>{view.description.clone()}</dd> })}
                        <dt>"Status"</dt><dd>{line.status}</dd>
                        <dt>"Members"</dt><dd>{match members {
                            Members::Known(_) => view! { <a href=members_link>{members.words()}</a> }.into_any(),
                            Members::Everybody | Members::NotVisible => members.words().into_any(),
                        }}</dd>
                        <dt>"Updated"</dt><dd>{line.updated}</dd>
                        <dt>"ID"</dt><dd><CopyId text=line.id/></dd>
                    </dl>
                    <Manage provider=view.provider name=name_now description=view.description.clone() members off/>
                </section>
                <section class="panel" aria-labelledby="license">
                    <header><h2 id="license">"Assign a license to all members"</h2></header>
                    <p class="muted small">{match view.unlicensed {
                        Some(members) => format!("{} no license. They get one; anyone who has another license keeps it. You'll review the plan before anything changes.", count(whole(members), "member has", "members have")),
                        None => "Who has no license is unknown: the tenant could not be loaded completely with this key.".to_owned(),
                    }}</p>
                    <ActionForm action=license attr:class="inline">
                        <input type="hidden" name="tenant" value=move || tenant.get()/>
                        <input type="hidden" name="id" value=move || id.get()/>
                        <label class="sr" for="to">"License"</label>
                        <select class="select" id="to" name="to">{view.targets.iter().map(|(value, label)| view! { <option value=value.clone()>{label.clone()}</option> }).collect_view()}</select>
                        <button class="button" type="submit" disabled=shut(license, licenses_off || view.unlicensed.is_none()) title=may_not_change()>"Review…"</button>
                    </ActionForm>
                    <p class="muted small told">"To keep it that way as members come and go: "<a href=move || format!("/t/{}/groups/licenses", tenant.get())>"tie a license to the group"</a>"."</p>
                </section>
            </aside>
        </div>
    }
}

#[component]
fn Conflict(roles: Vec<RoleLine>, base: BTreeSet<RoleId>, mine: BTreeSet<RoleId>, theirs: BTreeSet<RoleId>) -> impl IntoView {
    let (tenant, id) = (use_tenant(), use_part("id"));
    let merged = merge(&base, &mine, &theirs);
    let to = move |set: &BTreeSet<RoleId>, theirs: &BTreeSet<RoleId>| {
        let pairs = [("base", list_of(theirs)), ("mine", list_of(set))];
        format!("/t/{}/groups/{}{}", tenant.get_untracked(), escape(&id.get_untracked()), to_query(&pairs))
    };
    let (use_merged, use_mine) = (to(&merged, &theirs), to(&mine, &theirs));
    let use_theirs = move || format!("/t/{}/groups/{}", tenant.get(), escape(&id.get()));
    let known: std::collections::BTreeMap<String, String> = roles.into_iter().map(|role| (role.id, role.name)).collect();
    let touched: BTreeSet<&RoleId> = base
        .union(&mine)
        .chain(&theirs)
        .filter(|id| !(base.contains(*id) && mine.contains(*id) && theirs.contains(*id)))
        .collect();
    let cell =
        |has: bool| if has { view! { <td>"yes"</td> }.into_any() } else { view! { <td class="muted">"no"</td> }.into_any() };
    let rows = touched
        .into_iter()
        .map(|id| {
            let name = known.get(id.as_str()).cloned().unwrap_or_else(|| format!("Deleted role {id}"));
            view! { <tr><th scope="row">{name}</th>{cell(base.contains(id))}{cell(theirs.contains(id))}{cell(mine.contains(id))}{cell(merged.contains(id))}</tr> }
        })
        .collect_view();
    view! {
        <section class="conflict" aria-labelledby="conflict" role="alert">
            <h2 id="conflict">"This group changed while you were editing"</h2>
            <p>"Nothing was sent. Choose a version to continue with. You can still edit it before review."</p>
            <div class="table" tabindex="0" role="region" aria-label="The three versions"><table>
                <thead><tr><th>"Role"</th><th>"When you opened it"</th><th>"In Qlik now"</th><th>"Your version"</th><th>"Combined"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table></div>
            <p class="choices">
                <a class="button primary" href=use_merged>"Keep both"</a>
                <a class="button" href=use_mine>"Use mine"</a>
                <a class="button" href=use_theirs>"Use theirs"</a>
            </p>
        </section>
    }
}

//! The sessions page: where a credential is held, and the question at disconnecting.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::{End, EndAll, Withdraw, sessions};
use super::view::{GrantLine, SessionLine, SessionsView};
use crate::features::condition::{Failed, NotShown};
use crate::features::connect::Disconnect;
use crate::features::jobs::short;
use crate::features::shared::{busy, live, use_tenant};
use crate::ui::feedback::{Empty, Note, Skeleton};
use crate::ui::head::Head;
use crate::ui::load::load;

/// Sessions and the grants of jobs.
#[component]
pub fn SessionsPage() -> impl IntoView {
    let tenant = use_tenant();
    let query = use_query_map();
    let leaving = Memo::new(move |_| query.try_with(|query| query.get("leaving").is_some()).unwrap_or_default());
    let end = ServerAction::<End>::new();
    let end_all = ServerAction::<EndAll>::new();
    let withdraw = ServerAction::<Withdraw>::new();
    let (ended, all_ended, withdrawn) = (end.version(), end_all.version(), withdraw.version());
    let data = load(
        move || {
            let done = ended.try_get().unwrap_or_default() + all_ended.try_get().unwrap_or_default();
            (live(tenant), done, withdrawn.try_get().unwrap_or_default())
        },
        |(tenant, _, _)| sessions(tenant),
    );
    view! {
        <Head title="Sessions"/>
        <Failed of=end.value()/>
        <Failed of=end_all.value()/>
        <Failed of=withdraw.value()/>
        <Transition fallback=|| view! { <Skeleton lines=6/> }>
            {move || data.get().map(|got| match got {
                Ok(view) => view! { <Body view leaving=live(leaving) end end_all withdraw/> }.into_any(),
                Err(error) => view! { <NotShown error again=move || data.refetch()/> }.into_any(),
            })}
        </Transition>
    }
}

#[component]
fn Body(
    view: SessionsView,
    leaving: bool,
    end: ServerAction<End>,
    end_all: ServerAction<EndAll>,
    withdraw: ServerAction<Withdraw>,
) -> impl IntoView {
    let own = view.grants.iter().filter(|grant| grant.own).count();
    let no_grants = view.grants.is_empty();
    let (signs_in, by_qlik) = (view.signs_in, view.by_qlik);
    let several = view.sessions.iter().filter(|line| line.own).count() > 1;
    let everybody = view.sessions.iter().any(|line| !line.own);
    let sessions = view.sessions.into_iter().map(|line| view! { <Session line signs_in end end_all/> }).collect_view();
    let grants = view.grants.into_iter().map(|line| view! { <Grant line withdraw/> }).collect_view();
    let person = signs_in.then(|| view! { <th role="columnheader">"Person"</th> });
    let from = signs_in.then(|| view! { <th role="columnheader" class="hide-narrow">"From"</th> });
    view! {
        {(leaving && own > 0).then(|| view! { <Leaving own/> })}
        <div class="grid">
            <div class="panel">
                <header><h2>{if everybody { "Everyone's sessions" } else { "Sessions" }}</h2><span class="muted small">{if by_qlik {
                        "each has its own encrypted keys; a Qlik sign-in that someone else ends here runs out at Qlik by itself"
                    } else {
                        "each has its own encrypted keys"
                    }}</span>
                    {(signs_in && several).then(|| view! { <EndAllButton person=String::new() spoken=String::new() end_all/> })}</header>
                <div class="table" tabindex="0" role="region" aria-label="Sessions"><table class="stacks" role="table">
                    <thead role="rowgroup"><tr role="row">{person}<th role="columnheader">"Started"</th>{from}<th role="columnheader" class="hide-narrow">{if signs_in { "Last used" } else { "Expires" }}</th><th role="columnheader">"Connected as"</th><th role="columnheader"><span class="sr">"Actions"</span></th></tr></thead>
                    <tbody role="rowgroup">{sessions}</tbody>
                </table></div>
            </div>
            <div class="panel">
                <header><h2>"Keys in use by jobs"</h2><span class="muted small">"so jobs can finish after you leave: 24 h with an API key, some hours with a Qlik sign-in"</span></header>
                {if no_grants {
                    view! { <Empty title="No jobs are using a key">"A job gets one when a plan is applied and drops it when it finishes."</Empty> }.into_any()
                } else {
                    view! {
                        <div class="table" tabindex="0" role="region" aria-label="Keys in use by jobs"><table class="stacks" role="table">
                            <thead role="rowgroup"><tr role="row"><th role="columnheader">"Job"</th><th role="columnheader" class="hide-narrow">"Started by"</th><th role="columnheader">"State"</th><th role="columnheader" class="hide-narrow">"Key expires"</th><th role="columnheader"><span class="sr">"Actions"</span></th></tr></thead>
                            <tbody role="rowgroup">{grants}</tbody>
                        </table></div>
                    }.into_any()
                }}
            </div>
        </div>
    }
}

/// Ends all sessions of a person; one's own where `person` is empty.
#[component]
fn EndAllButton(person: String, spoken: String, end_all: ServerAction<EndAll>) -> impl IntoView {
    let tenant = use_tenant();
    let pending = busy(end_all);
    let label = (!spoken.is_empty()).then_some(spoken);
    view! {
        <ActionForm action=end_all attr:class="inline">
            <input type="hidden" name="tenant" value=move || tenant.get()/>
            <input type="hidden" name="person" value=person/>
            <button class="link" type="submit" disabled=pending aria-label=label data-careful="">"Sign out everywhere"</button>
        </ActionForm>
    }
}

#[component]
fn Session(line: SessionLine, signs_in: bool, end: ServerAction<End>, end_all: ServerAction<EndAll>) -> impl IntoView {
    let tenant = use_tenant();
    let pending = busy(end);
    let connected = if line.connected.is_empty() { "nothing".to_owned() } else { line.connected.join(", ") };
    let whose = if line.own || line.person.is_empty() { String::new() } else { format!(" of {}", line.person) };
    let label = format!("Sign out the session{whose} started {}", line.began);
    let all = (!line.own).then(|| {
        let spoken = format!("Sign out everywhere: all sessions of {}", line.person);
        view! { <EndAllButton person=line.of.clone() spoken end_all/> }
    });
    let person = signs_in
        .then(|| view! { <td role="cell" class="person" title=line.person.clone()><bdi>{line.person.clone()}</bdi></td> });
    let from = signs_in.then(|| {
        view! { <td role="cell" class="hide-narrow" title=line.agent.clone()>{line.from.clone()}<span class="sub">{program(&line.agent)}</span></td> }
    });
    view! {
        <tr role="row">
            {person}
            <td role="cell" class="num-left" data-before="started ">{line.began}{line.this.then(|| view! { " "<span class="chip">"this session"</span> })}</td>
            {from}
            <td role="cell" class="num-left hide-narrow" data-before=if signs_in { "last used " } else { "expires " } title=format!("Expires {}", line.ends)>{if signs_in { line.used } else { line.ends.clone() }}</td>
            <td role="cell">{connected}</td>
            <td role="cell" class="acts">
                <ActionForm action=end attr:class="inline">
                    <input type="hidden" name="tenant" value=move || tenant.get()/>
                    <input type="hidden" name="name" value=line.name/>
                    <button class="link" type="submit" disabled=pending aria-label=label>"Sign out"</button>
                </ActionForm>
                {all}
            </td>
        </tr>
    }
}

/// A browser by name and system, of how it names itself; the whole where neither is known.
fn program(agent: &str) -> String {
    let find = |known: &[(&str, &'static str)]| known.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    let browser = find(&[("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")]);
    let system = find(&[
        ("Windows", "Windows"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => agent.chars().take(40).collect(),
    }
}

#[component]
fn Grant(line: GrantLine, withdraw: ServerAction<Withdraw>) -> impl IntoView {
    let tenant = use_tenant();
    let pending = busy(withdraw);
    let (job, title) = (line.job.clone(), format!("{}: {}", short(&line.job), line.title));
    let label = format!("Revoke the key of job {}", short(&line.job));
    view! {
        <tr role="row">
            <td role="cell"><a href=move || format!("/t/{}/jobs/{job}", tenant.get())>{title}</a></td>
            <td role="cell" class="hide-narrow">{line.author}</td>
            <td role="cell">{line.state}</td>
            <td role="cell" class="num-left hide-narrow">{line.ends}{line.alone.then(|| view! { " "<span class="chip" title="It has a connection of its own, which is revoked when it ends.">"continues on its own"</span> })}</td>
            <td role="cell" class="num">
                <ActionForm action=withdraw>
                    <input type="hidden" name="tenant" value=move || tenant.get()/>
                    <input type="hidden" name="job" value=line.job/>
                    <button class="link" type="submit" disabled=pending aria-label=label>"Revoke key"</button>
                </ActionForm>
            </td>
        </tr>
    }
}

/// Asked before disconnecting while jobs of the same Qlik user hold a key.
#[component]
fn Leaving(own: usize) -> impl IntoView {
    let tenant = use_tenant();
    let disconnect = ServerAction::<Disconnect>::new();
    let pending = busy(disconnect);
    let title = format!(
        "{} of yours still {} a key.",
        domain::text::count(i64::try_from(own).unwrap_or(0), "job", "jobs"),
        if own == 1 { "holds" } else { "hold" }
    );
    view! {
        <Note tone="warn" title=title>
            "Keep them running after you disconnect?"
            <ActionForm action=disconnect attr:class="inline after">
                <input type="hidden" name="tenant" value=move || tenant.get()/>
                <button class="button" type="submit" name="jobs" value="go-on" disabled=pending>"Disconnect, keep jobs running"</button>
                <button class="button" type="submit" name="jobs" value="pause" disabled=pending>"Disconnect and pause jobs"</button>
                <a class="button plain" href=move || format!("/t/{}/overview", tenant.get())>"Cancel"</a>
            </ActionForm>
        </Note>
    }
}

#[cfg(test)]
mod tests {
    use super::program;

    #[test]
    fn a_browser_is_named_as_people_do() {
        let chrome =
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
        assert_eq!(program(chrome), "Chrome on Windows");
        assert_eq!(program(&format!("{chrome} Edg/142.0.0.0")), "Edge on Windows");
        assert_eq!(program("curl/8.5.0"), "curl/8.5.0");
        assert_eq!(program(""), "");
    }
}

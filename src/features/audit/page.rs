//! The audit trail as a list.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::audit;

use super::view::AuditLine;
use crate::features::jobs::short;
use crate::features::shared::{ErrorPanel, live, use_tenant};
use crate::ui::feedback::{Empty, Skeleton};
use crate::ui::head::Head;

/// The trail, newest first.
#[component]
pub fn AuditPage() -> impl IntoView {
    let tenant = use_tenant();
    let query = use_query_map();
    let before = Memo::new(move |_| {
        query.try_with(|query| query.get("before")).flatten().and_then(|seq| seq.parse::<i64>().ok()).unwrap_or(0)
    });
    let data = Resource::new(move || (live(tenant), live(before)), |(tenant, before)| audit(tenant, before));
    view! {
        <Head title="Audit"/>
        <Transition fallback=|| view! { <Skeleton lines=10/> }>
            {move || data.get().map(|got| {
                match got {
                    Ok(lines) if lines.is_empty() => view! { <Empty title="Nothing is recorded yet">"Every connection and every change leaves a line here."</Empty> }.into_any(),
                    Ok(lines) => view! { <Trail lines/> }.into_any(),
                    Err(error) => view! { <ErrorPanel error/> }.into_any(),
                }
            })}
        </Transition>
    }
}

#[component]
fn Trail(lines: Vec<AuditLine>) -> impl IntoView {
    let tenant = use_tenant();
    let older = lines.last().map(|line| line.seq).filter(|seq| *seq > 1);
    let rows = lines
        .into_iter()
        .map(|line| {
            let class = match line.outcome.as_str() {
                "done" => "chip ok",
                "refused" => "chip bad",
                "conflict" | "unknown" => "chip warn",
                _ => "chip",
            };
            let job = line.job.clone();
            view! {
                <tr>
                    <td class="num muted">{line.seq}</td>
                    <td class="num-left">{line.at}</td>
                    <td class="hide-narrow">{line.actor}</td>
                    <td>{line.action}</td>
                    <td><span class="mono">{line.target}</span></td>
                    <td><span class=class>{line.outcome}</span></td>
                    <td class="muted">{line.detail}</td>
                    <td>{(!job.is_empty()).then(|| {
                        let text = short(&job);
                        view! { <a href=move || format!("/t/{}/jobs/{job}", tenant.get())>{text}</a> }
                    })}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="table" tabindex="0" role="region" aria-label="Audit trail"><table>
            <thead><tr><th class="num">"No."</th><th>"When"</th><th class="hide-narrow">"Who"</th><th>"What"</th><th>"To"</th><th>"Outcome"</th><th>"Detail"</th><th>"Job"</th></tr></thead>
            <tbody>{rows}</tbody>
        </table></div>
        {older.map(|seq| view! { <nav class="pager" aria-label="Pages"><a class="button" rel="next" href=move || format!("/t/{}/audit?before={seq}", tenant.get())>"Older"</a></nav> })}
    }
}

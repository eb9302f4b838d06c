//! Bring a list, and put it right: how it is read, what is wrong with it, and then its plan.

use domain::text::{count, thousands};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::{ColumnLine, FaultLine, ListView, Mend, PlanList, ReadAs, list};
use crate::features::shared::{ErrorPanel, Failed, busy, live, use_part, use_tenant};
use crate::ui::feedback::{Note, Skeleton};
use crate::ui::head::Head;
use crate::ui::pager::Pager;

/// What can be done with a list: value, words, explanation.
const PURPOSES: [(&str, &str, &str); 4] = [
    ("give", "Give", "Each holds the license named: who has none gets it, who has another one changes."),
    ("take", "Take back", "The license named is taken back; everything a person holds where none is named."),
    (
        "sync",
        "Sync to this list",
        "The list is the wanted state: everybody of this tenant who is not on it loses what they hold.",
    ),
    ("rename", "Rename subjects", "Licenses move from “Subject” to “New subject”."),
];

fn n(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Where a list is brought.
#[component]
pub fn ListsPage() -> impl IntoView {
    let tenant = use_tenant();
    let query = use_query_map();
    let wrong = Memo::new(move |_| query.try_with(|query| query.get("wrong")).flatten().unwrap_or_default());
    let purposes = PURPOSES
        .into_iter()
        .enumerate()
        .map(|(at, (value, words, what))| {
            view! {
                <label class="choice" for=format!("purpose-{value}")>
                    <input type="radio" name="purpose" id=format!("purpose-{value}") value=value checked=at == 0/>
                    <span><b>{words}</b><span class="muted small">{what}</span></span>
                </label>
            }
        })
        .collect_view();
    view! {
        <Head title="Import a list"/>
        {move || (!live(wrong).is_empty()).then(|| view! { <div class="note bad" role="alert"><span class="dot bad" aria-hidden="true"></span><div>{live(wrong)}</div></div> })}
        <form class="stack form" method="post" enctype="multipart/form-data" action=move || format!("/import/{}", tenant.get())>
            <div class="field">
                <label for="file">"A CSV file"</label>
                <input class="input" type="file" id="file" name="file" accept=".csv,.txt,.tsv,text/csv,text/plain" aria-describedby="file-help"/>
                <p class="muted small" id="file-help">
                    "One line per person. The columns userId, Name, Subject, Email, Roles, Licence and Flag are known by their headings, others can be told later; any separator and encoding. "
                    <a href=move || format!("/export/{}/template.csv", tenant.get()) rel="external" download="">"Download a template"</a>"."
                </p>
            </div>
            <div class="field">
                <label for="lines">"or pasted lines"</label>
                <textarea class="input lines" id="lines" name="lines" rows="6" spellcheck="false" aria-describedby="lines-help"></textarea>
                <p class="muted small" id="lines-help">"Subjects or mails, one per line; or columns copied from a spreadsheet."</p>
            </div>
            <fieldset class="plain"><legend>"What shall become of these people?"</legend>{purposes}</fieldset>
            <p><button class="button primary" type="submit">"Check the list"</button></p>
            <p class="muted small">"Nothing is sent: faults can be mended first, and then there is a plan to read."</p>
        </form>
    }
}

/// One list.
#[component]
pub fn ListPage() -> impl IntoView {
    let (tenant, id) = (use_tenant(), use_part("id"));
    let query = use_query_map();
    let page = Memo::new(move |_| {
        query.try_with(|query| query.get("page")).flatten().and_then(|page| page.parse::<u32>().ok()).unwrap_or(1)
    });
    let read = ServerAction::<ReadAs>::new();
    let mend = ServerAction::<Mend>::new();
    let plan = ServerAction::<PlanList>::new();
    let (reads, mends) = (read.version(), mend.version());
    let data = Resource::new(
        move || (live(tenant), live(id), live(page), reads.try_get().unwrap_or_default(), mends.try_get().unwrap_or_default()),
        |(tenant, id, page, _, _)| list(tenant, id, page),
    );
    view! {
        <Failed of=read.value()/>
        <Failed of=mend.value()/>
        <Failed of=plan.value()/>
        <Transition fallback=|| view! { <Head title="List" waiting=true/><Skeleton lines=8/> }>
            {move || data.get().map(|got| match got {
                Ok(view) => view! { <Body view read mend plan/> }.into_any(),
                Err(error) => view! { <Head title="List"/><ErrorPanel error/> }.into_any(),
            })}
        </Transition>
    }
}

#[component]
fn Body(view: ListView, read: ServerAction<ReadAs>, mend: ServerAction<Mend>, plan: ServerAction<PlanList>) -> impl IntoView {
    let (tenant, id) = (use_tenant(), use_part("id"));
    let planning = busy(plan);
    let (wrong, understood) = (view.wrong, view.understood);
    let shut = move || wrong > 0 || understood == 0 || planning();
    let (title, brought) = (format!("List: {}", view.name), view.brought.clone());
    let said = format!(
        "{} understood, {}{}",
        count(n(understood), "line", "lines"),
        if wrong == 0 { "no faults".to_owned() } else { count(n(wrong), "fault", "faults") },
        if view.left_out > 0 { format!(", {} left out", thousands(n(view.left_out))) } else { String::new() }
    );
    let href = Callback::new(move |to: u32| format!("/t/{}/lists/{}?page={to}", tenant.get_untracked(), id.get_untracked()));
    let rest = (view.purpose == "sync").then(|| {
        view! {
            <Note tone="warn" title="Everybody who is not on this list loses their license.">
                "Those who are no users of this tenant are left alone. The plan says how many, and wants the number typed."
            </Note>
        }
    });
    view! {
        <Head title><span>{brought}</span></Head>
        {rest}
        <div class="grid">
            <p role="status"><b class="num">{said}</b>" "<span class="muted">{view.read_as.clone()}</span></p>
            {(wrong > 0).then(|| view! { <Faults view=view.clone() mend/> })}
            {(wrong > 0).then(|| view! { <Pager page=view.page pages=view.pages href/> })}
            <div class="foot">
                <span class="grow">{if wrong > 0 { "Mend the faults or leave their lines out; then the list can be planned." } else { "Nothing is sent before you apply the plan." }}</span>
                <ActionForm action=plan>
                    <input type="hidden" name="tenant" value=move || tenant.get()/>
                    <input type="hidden" name="id" value=move || id.get()/>
                    <button class="button primary" type="submit" disabled=shut>
                        {move || if planning() { "Reading the tenant…".to_owned() } else { format!("Plan {}…", count(n(understood), "line", "lines")) }}
                    </button>
                </ActionForm>
            </div>
            <HowItIsRead view read/>
        </div>
    }
}

#[component]
fn Faults(view: ListView, mend: ServerAction<Mend>) -> impl IntoView {
    let (tenant, id) = (use_tenant(), use_part("id"));
    let pending = busy(mend);
    let suggested = view.suggested;
    let wrong = view.wrong;
    let rows = view.faults.into_iter().map(|fault| view! { <FaultRow fault/> }).collect_view();
    view! {
        <section class="panel" aria-labelledby="faults">
            <header><h2 id="faults">"Faults"</h2><span class="muted small">"one per line, the first that was met"</span></header>
            <ActionForm action=mend>
                <input type="hidden" name="tenant" value=move || tenant.get()/>
                <input type="hidden" name="id" value=move || id.get()/>
                // The roles are spelt out because narrow screens show the rows as blocks, which takes them from the elements.
                <div class="table" tabindex="0" role="region" aria-label="Faulty lines"><table class="faults" role="table">
                    <thead role="rowgroup"><tr role="row">
                        <th role="columnheader" class="num">"Line"</th><th role="columnheader">"Column"</th><th role="columnheader">"What is wrong"</th>
                        <th role="columnheader">"Mend"</th><th role="columnheader">"Leave out"</th>
                    </tr></thead>
                    <tbody role="rowgroup">{rows}</tbody>
                </table></div>
                <div class="foot after">
                    <button class="button primary" type="submit" name="what" value="these" disabled=pending>"Mend as written"</button>
                    {(suggested > 0).then(|| view! {
                        <button class="button" type="submit" name="what" value="suggested" disabled=pending>{format!("Take {}", count(n(suggested), "suggestion", "suggestions"))}</button>
                    })}
                    <button class="button danger" type="submit" name="what" value="leave" disabled=pending>{format!("Leave out {}", count(n(wrong), "faulty line", "faulty lines"))}</button>
                </div>
            </ActionForm>
        </section>
    }
}

#[component]
fn FaultRow(fault: FaultLine) -> impl IntoView {
    let label = format!("{} of line {}", fault.heading, fault.line);
    let proposal = if fault.suggestion.is_empty() { fault.found.clone() } else { fault.suggestion.clone() };
    let hint = (!fault.suggestion.is_empty())
        .then(|| view! { <span class="muted small">{format!(" Perhaps “{}”.", fault.suggestion)}</span> });
    view! {
        <tr role="row">
            <td role="cell" class="num">{thousands(n(fault.line))}</td>
            <td role="cell">{fault.heading}</td>
            <td role="cell" class="wrap">{fault.reason}{hint}<br/><span class="sub">{if fault.found.is_empty() { "empty".to_owned() } else { fault.found }}</span></td>
            <td role="cell">
                <input type="hidden" name="cells[]" value=format!("{}:{}", fault.line, fault.column)/>
                <input class="input" name="texts[]" value=proposal aria-label=label autocomplete="off" spellcheck="false"/>
            </td>
            <td role="cell"><input type="checkbox" name="out[]" value=fault.line.to_string() aria-label=format!("Leave out line {}", fault.line)/></td>
        </tr>
    }
}

#[component]
fn HowItIsRead(view: ListView, read: ServerAction<ReadAs>) -> impl IntoView {
    let (tenant, id) = (use_tenant(), use_part("id"));
    let pending = busy(read);
    let meanings = StoredValue::new(view.meanings);
    let columns =
        view.columns.into_iter().enumerate().map(|(at, column)| view! { <ColumnRow column at meanings/> }).collect_view();
    let purpose = view.purpose.clone();
    let purposes = PURPOSES
        .into_iter()
        .map(|(value, words, _)| view! { <option value=value selected=purpose == value>{words}</option> })
        .collect_view();
    let usual = view.usual.clone();
    let allotments = view
        .allotments
        .into_iter()
        .map(|(value, label)| {
            let selected = value == usual;
            view! { <option value=value selected=selected>{label}</option> }
        })
        .collect_view();
    view! {
        <section class="panel" aria-labelledby="read-as">
            <header><h2 id="read-as">"How it is read"</h2></header>
            <ActionForm action=read attr:class="stack">
                <input type="hidden" name="tenant" value=move || tenant.get()/>
                <input type="hidden" name="id" value=move || id.get()/>
                <div class="inline">
                    <label for="purpose">"What to do"</label>
                    <select class="select" id="purpose" name="purpose">{purposes}</select>
                    <label for="usual">"Lines that name no license"</label>
                    <select class="select" id="usual" name="usual"><option value="">"no usual license"</option>{allotments}</select>
                    <label class="inline"><input type="checkbox" name="strangers" value="1" checked=view.strangers/>"Subjects may be no users yet"</label>
                </div>
                <div class="table" tabindex="0" role="region" aria-label="Columns of the list"><table>
                    <thead><tr><th>"Column"</th><th>"First cells"</th><th>"Says"</th></tr></thead>
                    <tbody>{columns}</tbody>
                </table></div>
                <p><button class="button" type="submit" disabled=pending>"Read it this way"</button></p>
            </ActionForm>
        </section>
    }
}

#[component]
fn ColumnRow(column: ColumnLine, at: usize, meanings: StoredValue<Vec<(String, String)>>) -> impl IntoView {
    let means = column.means.clone();
    let options = meanings.with_value(|meanings| {
        meanings
            .iter()
            .map(|(value, words)| {
                let selected = *value == means;
                view! { <option value=value.clone() selected=selected>{words.clone()}</option> }
            })
            .collect_view()
    });
    let label = format!("What {} says", column.heading);
    view! {
        <tr>
            <td>{column.heading}</td>
            <td class="muted">{column.sample}</td>
            <td><select class="select" name="columns[]" id=format!("column-{at}") aria-label=label><option value="">"nothing of ours"</option>{options}</select></td>
        </tr>
    }
}

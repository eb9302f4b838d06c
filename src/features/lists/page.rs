//! Bring a list, and put it right: how it is read, what is wrong with it, and then its plan.

use domain::text::{count, thousands, whole};
use leptos::prelude::*;
use leptos::server::ServerActionError;
use leptos::server_fn::error::ServerFnUrlError;
use leptos_router::hooks::use_query_map;

use super::api::{Correct, PlanList, ReadAs, SetUsual, list, pasted};
use super::view::{ColumnLine, FaultLine, IMPORT, ListView, PastedView};
use crate::error::AppError;
use crate::features::condition::{ErrorPanel, Failed, NotShown, failed};
use crate::features::me::may_not_change;
use crate::features::shared::{busy, live, shut, use_part, use_tenant};
use crate::ui::feedback::{Note, Skeleton};
use crate::ui::head::Head;
use crate::ui::load::load;
use crate::ui::pager::Pager;

/// What can be done with a list: value, words, explanation.
const PURPOSES: [(&str, &str, &str); 4] = [
    ("give", "Assign", "Assigns the license on each line; replaces a different one."),
    ("take", "Remove", "Removes the license on each line, or all of a person's licenses if none is given."),
    ("sync", "Sync to this list", "Makes the tenant match this list. Anyone not on it loses their licenses."),
    ("rename", "Rename subjects", "Moves licenses from Subject to New subject."),
];

/// Where a list is brought.
#[component]
pub fn ListsPage() -> impl IntoView {
    let tenant = use_tenant();
    let refused = use_context::<ServerActionError>().filter(|failed| failed.path() == IMPORT);
    let refused = refused.map(|failed| ServerFnUrlError::<AppError>::decode_err(failed.err()));
    let kept = load(move || live(tenant), pasted);
    view! {
        <Head title="Import list"/>
        {refused.map(|error| view! { <ErrorPanel error/> })}
        <Transition fallback=|| view! { <Skeleton lines=6/> }>
            {move || kept.get().map(|got| match got {
                Ok(kept) => view! { <ImportForm kept/> }.into_any(),
                Err(error) => view! { <NotShown error again=move || kept.refetch()/> }.into_any(),
            })}
        </Transition>
    }
}

#[component]
fn ImportForm(kept: PastedView) -> impl IntoView {
    let tenant = use_tenant();
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
    let allotments =
        kept.allotments.into_iter().map(|(value, label)| view! { <option value=value>{label}</option> }).collect_view();
    let note = (!kept.lines.is_empty()).then(|| {
        view! { <Note tone="ok" title=format!("Your lines from {} were saved.", kept.at)>"They are not imported yet."</Note> }
    });
    let typed = move |event: leptos::ev::Event| keep_while_typed(tenant, event_target_value(&event));
    view! {
        {note}
        <form class="stack form" method="post" enctype="multipart/form-data" action=move || format!("/import/{}", tenant.get())>
            <div class="field">
                <label for="file">"CSV or Excel file"</label>
                <input class="input" type="file" id="file" name="file" accept=".csv,.txt,.tsv,.json,.xlsx,application/vnd.openxmlformats-officedocument.spreadsheetml.sheet,text/csv,text/plain,application/json" aria-describedby="file-help"/>
                <p class="muted small" id="file-help">
                    "One line per person. Columns named userId, Name, Subject, Email, Roles, Licence and Flag are recognized; other columns can be mapped later. Any separator or encoding; of an Excel workbook, the first sheet. "
                    <a href=move || format!("/export/{}/template.csv", tenant.get()) rel="external" download="">"Download a template"</a>"."
                </p>
            </div>
            <div class="field">
                <label for="lines">"or paste lines"</label>
                <textarea class="input lines" id="lines" name="lines" rows="6" spellcheck="false" aria-describedby="lines-help" on:input=typed>{kept.lines}</textarea>
                <p class="muted small" id="lines-help">"Subjects or email addresses, one per line, or columns copied from a spreadsheet."</p>
            </div>
            <fieldset class="plain"><legend>"What should happen to these people?"</legend>{purposes}</fieldset>
            <div class="field">
                <label for="usual">"License"</label>
                <select class="select" id="usual" name="usual" aria-describedby="usual-help"><option value="">"on each line"</option>{allotments}</select>
                <p class="muted small" id="usual-help">"Used if a line has no license."</p>
            </div>
            <p><button class="button primary" type="submit" disabled=may_not_change().is_some() title=may_not_change()>"Check list"</button></p>
            <p class="muted small">"Nothing changes yet: you can fix errors, then review a plan."</p>
        </form>
    }
}

/// Keeps the lines on the server, a moment after the hands rest: they wait there for whoever leaves, or is signed out.
fn keep_while_typed(tenant: Memo<String>, lines: String) {
    #[cfg(feature = "hydrate")]
    {
        use std::cell::RefCell;
        use std::time::Duration;
        thread_local! { static PENDING: RefCell<Option<TimeoutHandle>> = const { RefCell::new(None) }; }
        let tenant = tenant.get_untracked();
        let keep = move || {
            crate::ui::scope::detached(async move {
                // Kept with the next letter, if not now.
                let _ = super::api::keep_pasted(tenant, lines).await;
            });
        };
        PENDING.with(|pending| {
            if let Some(earlier) = pending.take() {
                earlier.clear();
            }
            *pending.borrow_mut() = crate::ui::scope::timer(Duration::from_millis(400), keep);
        });
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (tenant, lines);
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
    let usual = ServerAction::<SetUsual>::new();
    let correct = ServerAction::<Correct>::new();
    let plan = ServerAction::<PlanList>::new();
    let (reads, corrections, chosen) = (read.version(), correct.version(), usual.version());
    let data = load(
        move || {
            let done = (
                reads.try_get().unwrap_or_default(),
                corrections.try_get().unwrap_or_default(),
                chosen.try_get().unwrap_or_default(),
            );
            (live(tenant), live(id), live(page), done)
        },
        |(tenant, id, page, _)| list(tenant, id, page),
    );
    view! {
        <Failed of=read.value()/>
        <Failed of=usual.value()/>
        <Failed of=correct.value()/>
        <Failed of=plan.value()/>
        <Transition fallback=|| view! { <Head title="List" waiting=true/><Skeleton lines=8/> }>
            {move || data.get().map(|got| match got {
                Ok(view) => view! { <Body view read usual correct plan/> }.into_any(),
                Err(error) => failed("List", error, move || data.refetch()),
            })}
        </Transition>
    }
}

#[component]
fn Body(
    view: ListView,
    read: ServerAction<ReadAs>,
    usual: ServerAction<SetUsual>,
    correct: ServerAction<Correct>,
    plan: ServerAction<PlanList>,
) -> impl IntoView {
    let (tenant, id) = (use_tenant(), use_part("id"));
    let planning = busy(plan);
    let role = may_not_change();
    let (wrong, understood, no_license) = (view.wrong, view.understood, view.no_license);
    let stopped = view.stopped.clone();
    let is_stopped = !stopped.is_empty();
    let closed = move || role.is_some() || wrong > 0 || understood == 0 || is_stopped || planning();
    let (title, brought) = (format!("List: {}", view.name), view.brought.clone());
    let others = wrong - no_license;
    let said = format!(
        "{} ready, {}{}",
        count(whole(understood), "line", "lines"),
        match (others, no_license) {
            (0, 0) => "no errors".to_owned(),
            (0, waiting) => format!("{} only a license", count(whole(waiting), "line lacks", "lines lack")),
            (others, _) => count(whole(others), "error", "errors"),
        },
        if view.left_out > 0 { format!(", {} skipped", thousands(whole(view.left_out))) } else { String::new() }
    );
    let href = Callback::new(move |to: u32| format!("/t/{}/lists/{}?page={to}", tenant.get_untracked(), id.get_untracked()));
    let rest = (view.purpose == "sync").then(|| {
        view! {
            <Note tone="warn" title="Everyone who is not on this list loses their license.">
                "Subjects outside this tenant are left unchanged. You will confirm the number before applying."
            </Note>
        }
    });
    let foreign = view.foreign.then(|| {
        view! {
            <Note tone="bad" title="Most of these lines match no one in this tenant. Is it another tenant's list?">
                "No corrections are suggested. If it is the right list, check how its columns are mapped, below."
            </Note>
        }
    });
    let notes = view.notes.iter().map(|note| view! { <li>{note.clone()}</li> }).collect_view();
    let noted = !view.notes.is_empty();
    let recognised = view.recognised.iter().map(|who| view! { <li>{who.clone()}</li> }).collect_view();
    let some = understood > 0;
    let what_next = if wrong > 0 {
        "Fix or skip the lines with errors to continue.".to_owned()
    } else if is_stopped {
        stopped
    } else {
        "Nothing changes until you apply the plan.".to_owned()
    };
    view! {
        <Head title><span>{brought}</span></Head>
        {rest}{foreign}
        {(no_license > 0).then(|| view! { <NoLicense view=view.clone() usual/> })}
        <div class="grid">
            <div>
                <p role="status"><b class="num">{said}</b>" "<span class="muted">{view.read_as.clone()}</span></p>
                {noted.then(|| view! { <ul class="notes small">{notes}</ul> })}
                {some.then(|| view! { <p class="muted small">"First matches:"</p><ul class="notes small">{recognised}</ul> })}
            </div>
            {(others > 0).then(|| view! { <Faults view=view.clone() correct/> })}
            {(others > 0).then(|| view! { <Pager page=view.page pages=view.pages href/> })}
            {(view.left_out > 0).then(|| view! { <LeftOut view=view.clone() correct/> })}
            <div class="foot">
                <span class="grow">{what_next}</span>
                <ActionForm action=plan>
                    <input type="hidden" name="tenant" value=move || tenant.get()/>
                    <input type="hidden" name="id" value=move || id.get()/>
                    <button class="button primary" type="submit" disabled=closed title=role>
                        {move || if planning() { "Loading the tenant…".to_owned() } else { format!("Review {}…", count(whole(understood), "line", "lines")) }}
                    </button>
                </ActionForm>
            </div>
            <HowItIsRead view read/>
        </div>
    }
}

/// One question for all lines that only lack a license.
#[component]
fn NoLicense(view: ListView, usual: ServerAction<SetUsual>) -> impl IntoView {
    let (tenant, id) = (use_tenant(), use_part("id"));
    let pending = shut(usual, false);
    let options = view.allotments.into_iter().map(|(value, label)| view! { <option value=value>{label}</option> }).collect_view();
    view! {
        <Note tone="warn" title=format!("No license chosen for {}.", count(whole(view.no_license), "line", "lines"))>
            <ActionForm action=usual attr:class="inline">
                <input type="hidden" name="tenant" value=move || tenant.get()/>
                <input type="hidden" name="id" value=move || id.get()/>
                <label class="sr" for="choose-usual">"License for these lines"</label>
                <select class="select" id="choose-usual" name="usual" required><option value="">"Choose a license"</option>{options}</select>
                <button class="button" type="submit" disabled=pending title=may_not_change()>"Use it"</button>
            </ActionForm>
        </Note>
    }
}

#[component]
fn Faults(view: ListView, correct: ServerAction<Correct>) -> impl IntoView {
    let (tenant, id) = (use_tenant(), use_part("id"));
    let pending = shut(correct, false);
    let suggested = view.suggested;
    let wrong = view.wrong;
    let perhaps = view.faults.iter().filter(|fault| !fault.perhaps.is_empty()).count() as u64;
    let kinds = view.kinds.iter().map(|kind| view! { <li>{kind.clone()}</li> }).collect_view();
    let rows = view.faults.into_iter().map(|fault| view! { <FaultRow fault/> }).collect_view();
    view! {
        <section class="panel" aria-labelledby="faults">
            <header><h2 id="faults">"Errors"</h2><span class="muted small">"first per line"</span></header>
            <ul class="notes small">{kinds}</ul>
            <ActionForm action=correct>
                <input type="hidden" name="tenant" value=move || tenant.get()/>
                <input type="hidden" name="id" value=move || id.get()/>
                // The roles are spelt out because narrow screens show the rows as blocks, which takes them from the elements.
                <div class="table" tabindex="0" role="region" aria-label="Lines with errors"><table class="faults" role="table">
                    <thead role="rowgroup"><tr role="row">
                        <th role="columnheader" class="num">"Line"</th><th role="columnheader">"Column"</th><th role="columnheader">"Problem"</th>
                        <th role="columnheader">"Correction"</th><th role="columnheader">"Skip"</th>
                    </tr></thead>
                    <tbody role="rowgroup">{rows}</tbody>
                </table></div>
                <div class="foot after">
                    <button class="button primary" type="submit" name="what" value="these" disabled=pending title=may_not_change()>"Apply corrections"</button>
                    {(suggested > 0).then(|| view! {
                        <button class="button" type="submit" name="what" value="suggested" disabled=pending title=may_not_change()>{format!("Accept {}", count(whole(suggested), "suggested license", "suggested licenses"))}</button>
                    })}
                    {(perhaps > 0).then(|| view! {
                        <button class="button" type="submit" name="what" value="perhaps" disabled=pending title=may_not_change()>{format!("Accept {} on this page", count(whole(perhaps), "suggested person", "suggested people"))}</button>
                    })}
                    <button class="button danger" type="submit" name="what" value="leave" disabled=pending title=may_not_change()>{format!("Skip {}", count(whole(wrong), "line with an error", "lines with errors"))}</button>
                </div>
            </ActionForm>
        </section>
    }
}

#[component]
fn FaultRow(fault: FaultLine) -> impl IntoView {
    let label = format!("{} on line {}", fault.heading, fault.line);
    let place = format!("{}:{}", fault.line, fault.column);
    // A license may be filled in; who is meant is for a person to say.
    let proposal = if fault.suggestion.is_empty() { fault.found.clone() } else { fault.suggestion.clone() };
    let hint = [&fault.suggestion, &fault.perhaps].into_iter().find(|hint| !hint.is_empty()).cloned();
    let hint = hint.map(|hint| view! { <span class="muted small">{format!(" Did you mean “{hint}”?")}</span> });
    let near = (!fault.perhaps.is_empty()).then(|| {
        view! {
            <input type="hidden" name="near[]" value=place.clone()/>
            <input type="hidden" name="names[]" value=fault.perhaps.clone()/>
        }
    });
    view! {
        <tr role="row">
            <td role="cell" class="num">{thousands(whole(fault.line))}</td>
            <td role="cell">{fault.heading}</td>
            <td role="cell" class="wrap">{fault.reason}{hint}<br/><span class="sub">{if fault.found.is_empty() { "empty".to_owned() } else { fault.found }}</span></td>
            <td role="cell">
                <input type="hidden" name="cells[]" value=place/>{near}
                <input class="input" name="texts[]" value=proposal aria-label=label autocomplete="off" spellcheck="false"/>
            </td>
            <td role="cell"><input type="checkbox" name="out[]" value=fault.line.to_string() aria-label=format!("Skip line {}", fault.line)/></td>
        </tr>
    }
}

/// Lines that were left out: to be seen, taken away as a file, and taken in again.
#[component]
fn LeftOut(view: ListView, correct: ServerAction<Correct>) -> impl IntoView {
    let (tenant, id) = (use_tenant(), use_part("id"));
    let pending = shut(correct, false);
    let more = view.left_out.saturating_sub(view.left.len() as u64);
    let rows = view
        .left
        .into_iter()
        .map(|left| {
            view! {
                <tr><td class="num">{thousands(whole(left.line))}</td><td class="wrap">{left.cells}</td>
                    <td><input type="checkbox" name="out[]" value=left.line.to_string() aria-label=format!("Include line {} again", left.line)/></td></tr>
            }
        })
        .collect_view();
    view! {
        <section class="panel" aria-labelledby="left-out">
            <header><h2 id="left-out">"Skipped"</h2>
                <a class="muted small" href=move || format!("/export/{}/left-out.csv?id={}", tenant.get(), id.get()) rel="external" download="">"Export them"</a></header>
            {(view.spared > 0).then(|| view! {
                <p class="small">{format!("These lines may refer to {}; nothing is removed from them.", count(whole(view.spared), "person", "people"))}</p>
            })}
            <ActionForm action=correct>
                <input type="hidden" name="tenant" value=move || tenant.get()/>
                <input type="hidden" name="id" value=move || id.get()/>
                <input type="hidden" name="what" value="back"/>
                <div class="table" tabindex="0" role="region" aria-label="Skipped lines"><table>
                    <thead><tr><th class="num">"Line"</th><th>"Cells"</th><th>"Include again"</th></tr></thead>
                    <tbody>{rows}</tbody>
                </table></div>
                {(more > 0).then(|| view! { <p class="muted small">{format!("and {} more; the export has them all.", thousands(whole(more)))}</p> })}
                <p class="after"><button class="button" type="submit" disabled=pending title=may_not_change()>"Include the ticked lines again, or all of them if none is ticked"</button></p>
            </ActionForm>
        </section>
    }
}

#[component]
fn HowItIsRead(view: ListView, read: ServerAction<ReadAs>) -> impl IntoView {
    let (tenant, id) = (use_tenant(), use_part("id"));
    let pending = shut(read, false);
    let meanings = StoredValue::new(view.meanings);
    let columns =
        view.columns.into_iter().enumerate().map(|(at, column)| view! { <ColumnRow column at meanings/> }).collect_view();
    let choices = |options: Vec<(String, String)>, chosen: &str| {
        options
            .into_iter()
            .map(|(value, label)| {
                let selected = value == chosen;
                view! { <option value=value selected=selected>{label}</option> }
            })
            .collect_view()
    };
    let owned = |pairs: &[(&str, &str)]| pairs.iter().map(|(value, label)| ((*value).to_owned(), (*label).to_owned())).collect();
    let purposes =
        choices(PURPOSES.iter().map(|(value, words, _)| ((*value).to_owned(), (*words).to_owned())).collect(), &view.purpose);
    let allotments = choices(view.allotments, &view.usual);
    let separators = [("", "detected"), ("comma", "comma"), ("semicolon", "semicolon"), ("tab", "tab"), ("bar", "vertical bar")];
    let separators = choices(owned(&separators), &view.reading.separator);
    let encodings = std::iter::once((String::new(), "detected".to_owned()))
        .chain(view.reading.encodings.iter().map(|name| (name.clone(), name.clone())))
        .collect();
    let encodings = choices(encodings, &view.reading.encoding);
    view! {
        <section class="panel" aria-labelledby="read-as">
            <header><h2 id="read-as">"Interpretation"</h2></header>
            <ActionForm action=read attr:class="stack">
                <input type="hidden" name="tenant" value=move || tenant.get()/>
                <input type="hidden" name="id" value=move || id.get()/>
                <div class="inline">
                    <label for="purpose">"Action"</label>
                    <select class="select" id="purpose" name="purpose">{purposes}</select>
                    <label for="usual">"If a line has no license"</label>
                    <select class="select" id="usual" name="usual"><option value="">"none"</option>{allotments}</select>
                    <label class="inline"><input type="checkbox" name="allow_unknown" value="1" checked=view.allow_unknown/>"Allow subjects that are not users yet"</label>
                </div>
                <div class="inline">
                    <label for="separator">"Separator"</label>
                    <select class="select" id="separator" name="separator">{separators}</select>
                    <label for="encoding">"Encoding"</label>
                    <select class="select" id="encoding" name="encoding">{encodings}</select>
                    <label for="headings">"Header row"</label>
                    <input class="input short" id="headings" name="headings" inputmode="numeric" placeholder="detected" value=view.reading.headings aria-describedby="headings-help"/>
                    <span class="muted small" id="headings-help">"0 if there is none"</span>
                </div>
                <div class="table" tabindex="0" role="region" aria-label="Columns"><table>
                    <thead><tr><th>"Column"</th><th>"Sample"</th><th>"Maps to"</th></tr></thead>
                    <tbody>{columns}</tbody>
                </table></div>
                <p><button class="button" type="submit" disabled=pending title=may_not_change()>"Apply"</button></p>
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
    let label = format!("{} maps to", column.heading);
    view! {
        <tr>
            <td>{column.heading}</td>
            <td class="muted">{column.sample}</td>
            <td><select class="select" name="columns[]" id=format!("column-{at}") aria-label=label><option value="">"ignore"</option>{options}</select></td>
        </tr>
    }
}

//! The table as the server draws it: a page of rows, with links and a form, whole without a script. In a browser with
//! scripts it is what one sees and uses until all rows are there.

use domain::table::{Column, View};
use leptos::prelude::*;

use super::address_of;
use super::person::with_person;
use super::view::RowLine;
use crate::features::shared::use_tenant;

/// A page of rows. `first` is the place of the first one, from 0.
#[component]
pub fn Paged(rows: Vec<RowLine>, now: View, matching: u64, first: u64) -> impl IntoView {
    let tenant = use_tenant().get_untracked();
    let here = address_of(&tenant, &now);
    let columns = now.shown();
    let heads = columns
        .iter()
        .map(|column| {
            let href = address_of(&tenant, &now.sort_by(*column, false));
            let (sorted, arrow) = sorted(&now, *column);
            view! { <div role="columnheader" class=class(*column) aria-sort=sorted><a href=href>{column.label()}<span aria-hidden="true">{arrow}</span></a></div> }
        })
        .collect_view();
    let lines = rows
        .into_iter()
        .zip(first + 2..)
        .map(|(row, index)| {
            let href = with_person(&here, &row.subject);
            let cells = columns.iter().map(|column| view! { <div role="cell" class=class(*column)>{cell(&row, *column, &href)}</div> }).collect_view();
            view! {
                <div role="row" class="line" aria-rowindex=index>
                    <div role="cell" class="cell box"><input type="checkbox" name="rows[]" value=row.key.clone() aria-label=select_label(&row)/></div>
                    {cells}
                </div>
            }
        })
        .collect_view();
    view! {
        <div class="rows" tabindex="0" role="region" aria-label="People and licenses">
            <div role="table" aria-label="People and licenses" aria-rowcount=matching + 1>
                <div role="rowgroup" class="heads"><div role="row" class="line top" aria-rowindex="1">
                    <div role="columnheader" class="cell box"><span class="sr">"Select"</span></div>{heads}
                </div></div>
                <div role="rowgroup">{lines}</div>
            </div>
        </div>
    }
}

/// The classes of a column's cells.
pub fn class(column: Column) -> &'static str {
    match column {
        Column::Person => "cell c-person",
        Column::Mail => "cell c-mail muted",
        Column::Allotment => "cell c-allotment",
        Column::Since => "cell c-since num",
        Column::Used => "cell c-used num",
        Column::Status => "cell c-status muted",
        Column::Flags => "cell c-flags",
        Column::Groups => "cell c-groups num",
        Column::Roles => "cell c-roles num",
    }
}

/// How a column is sorted: for machines where it is the first of all, and as an arrow, with its place where it is not.
pub fn sorted(view: &View, column: Column) -> (Option<&'static str>, String) {
    let Some((sort, place)) = view.sorted(column) else { return (None, String::new()) };
    let (word, arrow) = if sort.descending { ("descending", " ↓") } else { ("ascending", " ↑") };
    let several = view.sort.len() > 1;
    ((place == 1).then_some(word), if several { format!("{arrow}{place}") } else { arrow.to_owned() })
}

/// What the box of a row is called.
pub fn select_label(row: &RowLine) -> String {
    let comma = if row.allotment.is_empty() { "" } else { ", " };
    format!("Select {}{comma}{}", row.who(), row.allotment)
}

/// What a row says of itself in its flags: the chip's class and its words.
pub fn flags(row: &RowLine) -> Vec<(&'static str, String)> {
    let mut flags = Vec::new();
    if row.excess {
        flags.push(("chip bad", "excess".to_owned()));
    }
    if row.orphan {
        flags.push(("chip warn", "orphan".to_owned()));
    }
    if row.bot {
        flags.push(("chip", "bot".to_owned()));
    }
    if row.held > 1 {
        flags.push(("chip", format!("{} licenses", row.held)));
    }
    if matches!(row.status.as_str(), "disabled" | "deleted") {
        flags.push(("chip warn", row.status.clone()));
    }
    flags
}

/// What stands beside a person's name.
pub fn beside_name(row: &RowLine) -> &str {
    if row.orphan {
        "not a user of this tenant"
    } else if row.name.is_empty() {
        ""
    } else {
        &row.subject
    }
}

fn cell(row: &RowLine, column: Column, href: &str) -> AnyView {
    match column {
        Column::Person => {
            let sub = if row.orphan { "sub words" } else { "sub" };
            view! {
                <a class="person-link" class:mono=row.name.is_empty() data-noscroll="" href=href.to_owned()>{row.who().to_owned()}</a>
                <span class=sub>{beside_name(row).to_owned()}</span>
            }
            .into_any()
        }
        Column::Mail => row.email.clone().into_any(),
        Column::Allotment if row.allotment.is_empty() => view! { <span class="muted">"none"</span> }.into_any(),
        Column::Allotment => row.allotment.clone().into_any(),
        Column::Since => row.since.clone().into_any(),
        Column::Used => row.used.clone().into_any(),
        Column::Status => row.status.clone().into_any(),
        Column::Flags => {
            flags(row).into_iter().map(|(class, words)| view! { <span class=class>{words}</span> }).collect_view().into_any()
        }
        Column::Groups => RowLine::figure(row.groups).into_any(),
        Column::Roles => RowLine::figure(row.roles).into_any(),
    }
}

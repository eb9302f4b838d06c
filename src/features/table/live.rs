//! The table in the browser: all its rows, the view of them, and what is selected. Filter, sort and selection happen here
//! between two frames, however far the server is; the address follows.

use domain::table::{RowSelection, Rows, Selection, Sort};
use leptos::prelude::*;

use super::{Kind, ViewOf};
use crate::ui::feedback::{Note, ProgressBar};

/// What the order of the rows follows from: filter and sort.
type Asked<T> = (<T as Rows>::Filter, Vec<Sort<<T as Rows>::Column>>);

/// The rows in the browser and what is shown of them.
pub struct Live<T: Kind> {
    /// The rows; none before they came.
    pub table: RwSignal<T>,
    /// Which reading of the tenant they are; 0 before they came. From then on the table is the browser's own.
    pub version: RwSignal<u64>,
    /// How many rows came of how many, while they come.
    pub coming: RwSignal<Option<(u32, u32)>>,
    /// Why they did not come.
    pub missed: RwSignal<Option<String>>,
    /// The tenant is still being read: more rows may come.
    pub reading: RwSignal<bool>,
    /// What is known apart from the rows.
    pub known: RwSignal<T::Known>,
    /// What is shown.
    pub view: RwSignal<ViewOf<T>>,
    /// The places of the rows shown, in their order.
    pub order: Memo<Vec<u32>>,
    /// What is selected.
    pub picked: RwSignal<RowSelection<T::Filter>>,
    /// The row that a range starts from, by its place in the table.
    pub anchor: RwSignal<Option<u32>>,
    /// The menu of columns is open. Kept here, for the menu is drawn again with each answer of the server.
    pub menu: RwSignal<bool>,
}

#[expect(clippy::expl_impl_clone_on_copy, reason = "derived, it would ask the table to be one as well")]
impl<T: Kind> Clone for Live<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Kind> Copy for Live<T> {}

impl<T: Kind> Live<T> {
    /// Nothing came yet; `view` is what the address says.
    pub fn new(view: ViewOf<T>) -> Self {
        let (table, view) = (RwSignal::new(T::default()), RwSignal::new(view));
        // Columns and pages are part of the view, but not of the order of its rows.
        let asked: Memo<Asked<T>> = Memo::new(move |_| view.with(|view| (view.filter.clone(), view.sort.clone())));
        let order = Memo::new(move |_| {
            let (filter, sort) = asked.get();
            table.with(|table| table.sort(table.matching(&filter), &sort))
        });
        Self {
            table,
            version: RwSignal::new(0),
            coming: RwSignal::new(None),
            missed: RwSignal::new(None),
            reading: RwSignal::new(false),
            known: RwSignal::new(T::Known::default()),
            view,
            order,
            picked: RwSignal::new(RowSelection::default()),
            anchor: RwSignal::new(None),
            menu: RwSignal::new(false),
        }
    }

    /// Whether the rows are here.
    pub fn is_here(self) -> bool {
        self.version.try_get().is_some_and(|version| version != 0)
    }

    /// How many rows are selected, and how many of them the filter hides.
    pub fn selected(self) -> (usize, usize) {
        self.picked.with(|picked| {
            let all = picked.count();
            (all, if all == 0 { 0 } else { all - self.order.with(|order| picked.count_in(order)) })
        })
    }

    /// Selects everything that passes the filter.
    pub fn select_all(self) {
        let query = self.view.with_untracked(|view| view.filter.clone());
        self.picked.set(self.order.with_untracked(|order| RowSelection::all_of(query, order)));
        self.anchor.set(None);
    }

    /// Selects nothing.
    pub fn clear(self) {
        self.picked.set(RowSelection::default());
        self.anchor.set(None);
    }

    /// Selects the row shown at `at` or takes it out; with `range`, everything between it and the one clicked before.
    pub fn select(self, at: usize, on: bool, range: bool) {
        self.order.with_untracked(|order| {
            let Some(row) = order.get(at) else { return };
            let from = self.anchor.get_untracked().filter(|_| range);
            let from = from.and_then(|anchor| order.iter().position(|row| *row == anchor)).unwrap_or(at);
            self.picked.update(|picked| {
                for row in order.iter().take(from.max(at) + 1).skip(from.min(at)) {
                    picked.set(*row, on);
                }
            });
            self.anchor.set(Some(*row));
        });
    }
}

/// Keeps a selection while its plan is looked at: whoever comes back without having applied it finds it again.
pub fn remember<T: Kind>(tenant: &str, selection: &Selection<T::Filter>) {
    #[cfg(feature = "hydrate")]
    if let (Ok(Some(storage)), Ok(text)) = (window().session_storage(), serde_json::to_string(selection)) {
        let _ = storage.set_item(&super::selection_key(T::ROOM, tenant), &text);
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (tenant, selection);
}

/// How the rows are coming, while they do, and why they do not.
#[component]
pub fn Coming<T: Kind>(live: Live<T>) -> impl IntoView {
    let coming = move || {
        live.coming.get().filter(|_| !live.is_here()).map(|(now, of)| {
            view! { <ProgressBar label="Loading rows" now=u64::from(now) max=u64::from(of)/> }
        })
    };
    let missed = move || {
        live.missed.get().map(|why| {
            view! { <Note tone="warn" title="The full table could not be loaded; showing pages instead.">{why}</Note> }
        })
    };
    view! { {missed}{coming} }
}

#[cfg(feature = "hydrate")]
pub use browser::keep_up;

#[cfg(feature = "hydrate")]
mod browser {
    use std::time::Duration;

    use domain::table::{RowKey, RowSelection, Selection};
    use leptos::prelude::*;

    use super::super::load::{Missed, rows};
    use super::{Kind, Live};
    use crate::error::AppError;
    use crate::features::shared::Loaded;
    use crate::ui::load::Loads;
    use crate::ui::scope::Scope;

    impl<T: Kind> Live<T> {
        /// Finds a selection that was kept, once.
        fn recall(tenant: &str) -> Option<Selection<T::Filter>> {
            let storage = window().session_storage().ok().flatten()?;
            let key = super::super::selection_key(T::ROOM, tenant);
            let text = storage.get_item(&key).ok().flatten()?;
            let _ = storage.remove_item(&key);
            serde_json::from_str(&text).ok()
        }

        /// Takes another reading's rows; what is selected stays so by its keys.
        pub fn replace(self, table: T, version: u64) {
            let selection = self.table.with_untracked(|before| self.picked.with_untracked(|picked| picked.selection(before)));
            let picked = RowSelection::of(&selection, &table);
            let anchor = self.anchor.get_untracked();
            let anchor = self.table.with_untracked(|before| anchor.and_then(|at| before.key(at)));
            let anchor = anchor.and_then(|key| table.find(&key));
            self.table.set(table);
            self.picked.set(picked);
            self.anchor.set(anchor);
            self.version.set(version);
        }
    }

    /// Loads each version of the rows that the server's newest answer names, one after another and the newest only. Where a version
    /// is gone before it came, the server is asked again; `then` is called when one is here.
    pub fn keep_up<T: Kind, V: Clone + serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static>(
        live: Live<T>,
        tenant: Memo<String>,
        data: Loads<Result<Loaded<V>, AppError>>,
        version_of: fn(&V) -> u64,
        // Whether rows are selected here: a selection that was kept waits for the page where they are.
        selects: bool,
        then: impl Fn(&Scope, String, u64) + Copy + 'static,
    ) {
        /// After so many versions in a row that were gone before they came, the table stays in pages.
        const MOST: u32 = 6;
        let wanted = Memo::new(move |before: Option<&u64>| {
            let named = data.try_get().flatten().and_then(Result::ok).and_then(|loaded| match loaded {
                Loaded::Ready(view, _) | Loaded::Reading(_, Some(view)) => Some(version_of(&view)),
                Loaded::Reading(_, None) => None,
            });
            named.or(before.copied()).unwrap_or_default()
        });
        let stale = move || data.refetch();
        let scope = Scope::here();
        let loading = StoredValue::new(false);
        let missed = StoredValue::new(0_u32);
        Effect::new(move |_| {
            let version = wanted.get();
            if version == 0 || loading.get_value() {
                return;
            }
            loading.set_value(true);
            let here = scope.clone();
            scope.spawn(async move {
                // Whatever comes while this is under way is loaded next.
                loop {
                    let version = wanted.get_untracked();
                    if live.version.get_untracked() == version {
                        break;
                    }
                    let tenant = tenant.get_untracked();
                    match rows(live, &tenant, version).await {
                        Ok(table) => {
                            missed.set_value(0);
                            let first = live.version.get_untracked() == 0;
                            // Before the page of rows goes away whose boxes say so.
                            let ticked = if first { ticked(live) } else { None };
                            live.replace(table, version);
                            if let Some(selection) =
                                selects.then(|| Live::<T>::recall(&tenant)).flatten().filter(|_| first).or(ticked)
                            {
                                live.picked.set(live.table.with_untracked(|table| RowSelection::of(&selection, table)));
                            }
                            live.missed.set(None);
                            then(&here, tenant, version);
                        }
                        Err(Missed::OtherVersion) => {
                            // Another server of the portal may have answered, which read the tenant at another time: not in a circle.
                            let times = missed
                                .try_update_value(|times| {
                                    *times += 1;
                                    *times
                                })
                                .unwrap_or(MOST);
                            if times >= MOST {
                                let why = "Several servers are loading it and do not agree yet. Refresh in a minute.";
                                live.missed.set(Some(why.to_owned()));
                            } else {
                                here.later(Duration::from_millis(250 << times), stale);
                            }
                            break;
                        }
                        Err(Missed::Failed(why)) => {
                            live.missed.set(Some(why));
                            break;
                        }
                    }
                }
                live.coming.set(None);
                loading.set_value(false);
            });
        });
    }

    /// What was ticked on the page of rows that the server drew, before all rows were here.
    fn ticked<T: Kind>(live: Live<T>) -> Option<Selection<T::Filter>> {
        use leptos::wasm_bindgen::JsCast;
        use leptos::web_sys::HtmlInputElement;
        let boxes = document().query_selector_all("form.paged input[type=checkbox]:checked").ok()?;
        let boxes = (0..boxes.length()).filter_map(|at| boxes.item(at)?.dyn_into::<HtmlInputElement>().ok());
        let (mut rows, mut all) = (Vec::new(), false);
        for ticked in boxes {
            match ticked.name().as_str() {
                "matching" => all = true,
                "rows[]" => rows.push(RowKey::from_text(ticked.value())),
                // What an action was to be done with.
                _ => {}
            }
        }
        let query = all.then(|| live.view.with_untracked(|view| view.filter.clone()));
        (all || !rows.is_empty()).then(|| Selection { query, except: Vec::new(), rows })
    }
}

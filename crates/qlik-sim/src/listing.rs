//! Lists: query parameters, filter, sort, limit, and cursors both ways.

use std::collections::HashMap;
use std::ops::Bound;

use percent_encoding::percent_decode;
use serde_json::{Value, json};

use crate::cursor::Cursor;
use crate::reply::Refusal;
use crate::scim::{self, Attribute, Filter, Record};
use crate::tenant::Collection;

/// How many different ids the filter of an `actions/filter` body may have.
const MOST_IDS: usize = 100;

/// What audits are searched by.
const SEARCHES: &[&str] = &["eventType", "eventTime", "source", "userId"];

/// Decoded query parameters; each at most once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(HashMap<String, String>);

impl Params {
    pub(crate) fn parse(query: Option<&str>) -> Result<Self, Refusal> {
        let mut params = HashMap::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |part: &str| {
                let spaced = part.replace('+', " ");
                percent_decode(spaced.as_bytes()).decode_utf8().map(std::borrow::Cow::into_owned)
            };
            let (Ok(key), Ok(value)) = (decode(key), decode(value)) else {
                return Err(Refusal::bad("a query parameter is not UTF-8"));
            };
            if params.insert(key.clone(), value).is_some() {
                return Err(Refusal::bad(format!("the query parameter “{key}” is given twice")));
            }
        }
        Ok(Self(params))
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// All of them, in no order.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, Refusal> {
        self.get(key).map(|value| value.parse().map_err(|_| Refusal::bad(format!("“{key}” is true or false")))).transpose()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// How a list spells its cursors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CursorStyle {
    /// One parameter `page`, both ways (licenses).
    Page,
    /// `next` and `prev` (groups, roles, users, items).
    NextPrev,
}

/// What a list endpoint allows.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) path: &'static str,
    pub(crate) style: CursorStyle,
    pub(crate) limit: (usize, usize),
    pub(crate) attributes: &'static [Attribute],
    pub(crate) sorts: &'static [&'static str],
    /// Sort by this where nothing is said, with `-` downwards; by order of arrival without.
    pub(crate) default_sort: Option<&'static str>,
    pub(crate) totals: bool,
    /// Whether `links.self` is there.
    pub(crate) links_self: bool,
}

/// A list request, read and checked.
#[derive(Debug)]
pub(crate) struct Request {
    filter: Option<Filter>,
    sort: Option<(&'static str, bool)>,
    limit: usize,
    cursor: Option<Cursor>,
    totals: bool,
    identity: String,
    carried: Vec<(String, String)>,
}

impl Request {
    pub(crate) fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    pub(crate) fn cursor(&self) -> Option<&Cursor> {
        self.cursor.as_ref()
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn is_descending(&self) -> bool {
        self.sort.is_some_and(|(_, descending)| descending)
    }

    /// Whether it goes towards the start of the list.
    pub(crate) fn is_back(&self) -> bool {
        self.cursor.as_ref().is_some_and(|cursor| cursor.back)
    }
}

/// Reads and checks the parameters of a list. `body_filter` replaces the parameter for `actions/filter`.
pub(crate) fn read(params: &Params, spec: &Spec, now: i64, body_filter: Option<&str>) -> Result<Request, Refusal> {
    let cursor_text = match spec.style {
        CursorStyle::Page => params.get("page").map(|text| (text, None)),
        CursorStyle::NextPrev => match (params.get("next"), params.get("prev")) {
            (Some(_), Some(_)) => return Err(Refusal::bad("“next” and “prev” exclude each other")),
            (Some(text), None) => Some((text, Some(false))),
            (None, Some(text)) => Some((text, Some(true))),
            (None, None) => None,
        },
    };
    let cursor = cursor_text
        .map(|(text, back)| {
            Cursor::decode(text, now)
                .filter(|cursor| back.is_none_or(|back| back == cursor.back))
                .ok_or_else(|| Refusal::bad("the page cursor is malformed or has expired; start from the first page"))
        })
        .transpose()?;
    let limit = match params.get("limit") {
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|limit| (1..=spec.limit.1).contains(limit))
            .ok_or_else(|| Refusal::bad(format!("limit is a number from 1 to {}", spec.limit.1)))?,
        None => cursor.as_ref().map_or(spec.limit.0, |cursor| cursor.limit),
    };
    let sort = params.get("sort").or(spec.default_sort).map(|text| {
        let (name, descending) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text.strip_prefix('+').unwrap_or(text), false),
        };
        let known = spec.sorts.iter().find(|known| known.eq_ignore_ascii_case(name));
        known.map(|name| (*name, descending)).ok_or_else(|| Refusal::bad(format!("cannot sort by “{text}”")))
    });
    let sort = sort.transpose()?;
    let filter_text = body_filter.or_else(|| params.get("filter"));
    let filter = filter_text.map(|text| scim::parse(text, spec.attributes).map_err(Refusal::bad)).transpose()?;
    if body_filter.is_some() && filter.as_ref().is_some_and(|filter| filter.ids().len() > MOST_IDS) {
        return Err(Refusal::bad(format!("a filter has at most {MOST_IDS} ids")));
    }
    let totals = if spec.totals { params.flag("totalResults")?.unwrap_or(false) } else { false };
    // A cursor belongs to the list it came from. Where a client sends only the cursor, as Qlik's examples do, nothing contradicts.
    let mut identity = format!("{} {sort:?} {}", spec.path, filter_text.unwrap_or_default());
    for value in SEARCHES.iter().filter_map(|key| params.get(key)) {
        identity.push(' ');
        identity.push_str(value);
    }
    if let Some(cursor) = &cursor
        && cursor.list != identity
    {
        return Err(Refusal::bad("the page cursor belongs to another list, sort or filter"));
    }
    let carried = ["filter", "sort", "totalResults", "orphans", "fields", "resourceType", "resourceIds", "noActions"]
        .iter()
        .chain(SEARCHES)
        .filter_map(|key| params.get(key).map(|value| ((*key).to_owned(), value.to_owned())))
        .collect();
    Ok(Request { filter, sort, limit, cursor, totals, identity, carried })
}

/// Cuts the page and links its neighbours.
pub(crate) fn page<T: Record>(
    collection: &mut Collection<T>,
    request: &Request,
    spec: &Spec,
    link_base: &str,
    now: i64,
    keep: impl Fn(&T) -> bool,
    render: impl Fn(&T) -> Value,
) -> Value {
    page_numbered(collection, request, spec, link_base, now, keep, |(_, item)| render(item))
}

/// The same, of entries that are known by their number.
pub(crate) fn page_numbered<T: Record>(
    collection: &mut Collection<T>,
    request: &Request,
    spec: &Spec,
    link_base: &str,
    now: i64,
    keep: impl Fn(&T) -> bool,
    render: impl Fn((u64, &T)) -> Value,
) -> Value {
    let order = request.sort.map(|(attribute, _)| collection.order(attribute));
    let descending = request.is_descending();
    let collection = &*collection;
    let passes = |item: &T| keep(item) && request.filter.as_ref().is_none_or(|filter| filter.passes(item));
    let back = request.is_back();
    let edge = request.cursor.as_ref().map(|cursor| (cursor.key.clone(), cursor.seq));
    // Walking down a descending list is walking up the ascending one.
    let upwards = back == descending;
    let mut found: Vec<(String, u64, &T)> = Vec::with_capacity(request.limit + 1);
    let mut visit = |key: &str, seq: u64| {
        if let Some(item) = collection.items.get(&seq)
            && passes(item)
        {
            found.push((key.to_owned(), seq, item));
        }
        found.len() <= request.limit
    };
    match &order {
        Some(order) => {
            let at = edge.as_ref().map(|edge| order.binary_search(edge));
            if upwards {
                let start = at.map_or(0, |at| at.map_or_else(|at| at, |at| at + 1));
                let _ = order.iter().skip(start).all(|(key, seq)| visit(key, *seq));
            } else {
                let end = at.map_or(order.len(), |at| at.unwrap_or_else(|at| at));
                let _ = order.iter().take(end).rev().all(|(key, seq)| visit(key, *seq));
            }
        }
        None if upwards => {
            let start = edge.map_or(Bound::Unbounded, |(_, seq)| Bound::Excluded(seq));
            let _ = collection.items.range((start, Bound::Unbounded)).all(|(seq, _)| visit("", *seq));
        }
        None => {
            let end = edge.map_or(Bound::Unbounded, |(_, seq)| Bound::Excluded(seq));
            let _ = collection.items.range((Bound::Unbounded, end)).rev().all(|(seq, _)| visit("", *seq));
        }
    }
    let found = found.into_iter().map(|(key, seq, item)| (key, seq, render((seq, item)))).collect();
    let mut page = sheet(found, request, spec, link_base, now);
    if request.totals
        && let Some(page) = page.as_object_mut()
    {
        let total = collection.items.values().filter(|item| passes(item)).count();
        page.insert("totalResults".to_owned(), json!(total));
    }
    page
}

/// A page of what was found from the cursor on, one more than fits where there is more: key, number and record of each.
pub(crate) fn sheet(mut found: Vec<(String, u64, Value)>, request: &Request, spec: &Spec, link_base: &str, now: i64) -> Value {
    let back = request.is_back();
    let more = found.len() > request.limit;
    found.truncate(request.limit);
    if back {
        found.reverse();
    }
    let (has_prev, has_next) = if back { (more, true) } else { (request.cursor.is_some(), more) };
    let link = |back: bool, beside: Option<&(String, u64, Value)>| {
        let (key, seq) = match (beside, &request.cursor) {
            (Some((key, seq, _)), _) => (key.clone(), *seq),
            // An empty page still knows where it was.
            (None, Some(cursor)) => (cursor.key.clone(), cursor.seq),
            (None, None) => (String::new(), 0),
        };
        let cursor = Cursor { back, key, seq, issued: now, list: request.identity.clone(), limit: request.limit };
        let name = match (spec.style, back) {
            (CursorStyle::Page, _) => "page",
            (CursorStyle::NextPrev, false) => "next",
            (CursorStyle::NextPrev, true) => "prev",
        };
        json!({ "href": href(link_base, spec.path, request, Some((name, &cursor.encode()))) })
    };
    let mut links = serde_json::Map::new();
    if has_next {
        links.insert("next".to_owned(), link(false, found.last()));
    }
    if has_prev {
        links.insert("prev".to_owned(), link(true, found.first()));
    }
    if spec.links_self {
        links.insert("self".to_owned(), json!({ "href": href(link_base, spec.path, request, None) }));
    }
    let data: Vec<Value> = found.into_iter().map(|(_, _, record)| record).collect();
    json!({ "data": data, "links": links })
}

fn href(base: &str, path: &str, request: &Request, cursor: Option<(&str, &str)>) -> String {
    use std::fmt::Write as _;
    let encode = |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let mut href = format!("{base}{path}?limit={}", request.limit);
    for (key, value) in &request.carried {
        let _ = write!(href, "&{key}={}", encode(value));
    }
    if let Some((name, cursor)) = cursor {
        let _ = write!(href, "&{name}={cursor}");
    }
    href
}

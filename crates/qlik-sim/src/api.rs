//! The endpoints: who may call what, on which budget, and where it is done.

pub(crate) mod audits;
pub(crate) mod consumption;
pub(crate) mod groups;
pub(crate) mod items;
pub(crate) mod licenses;
pub(crate) mod roles;
pub(crate) mod users;

use serde_json::{Value, json};

use crate::limits::Tier;
use crate::listing::Params;
use crate::reply::{Refusal, Reply, Service};
use crate::tenant::{Key, Tenant};

/// A request on its way to an endpoint.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) json_body: bool,
    pub(crate) body: &'a [u8],
    pub(crate) now: i64,
    /// `http://127.0.0.1:4000`
    pub(crate) base: &'a str,
    /// What page links start with: `{base}/api/v1`, or the foreign form of Qlik's examples.
    pub(crate) link_base: &'a str,
    pub(crate) batch_max: usize,
    /// Whether anybody may read audits.
    pub(crate) audits: bool,
}

impl Call<'_> {
    pub(crate) fn params(&self) -> Result<Params, Refusal> {
        Params::parse(self.query)
    }

    /// The body as JSON; 400 for anything else.
    pub(crate) fn body(&self) -> Result<Value, Refusal> {
        if !self.json_body {
            return Err(Refusal::bad("the content type is not application/json"));
        }
        serde_json::from_slice(self.body).map_err(|_| Refusal::bad("the body is not JSON"))
    }
}

/// An endpoint, found by method and path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint<'a> {
    Assignments,
    AssignmentAction(&'a str),
    Consumption,
    Overview,
    Status,
    LicenseSettings,
    PutLicenseSettings,
    Groups,
    CreateGroup,
    FilterGroups,
    GroupSettings,
    PatchGroupSettings,
    Group(&'a str),
    PatchGroup(&'a str),
    DeleteGroup(&'a str),
    Roles,
    Role(&'a str),
    Users,
    Me,
    CountUsers,
    FilterUsers,
    User(&'a str),
    Items,
    Audits,
    AuditNames(&'a str),
    Audit(&'a str),
}

impl Endpoint<'_> {
    fn tier(self) -> Tier {
        match self {
            Self::AssignmentAction(_)
            | Self::PutLicenseSettings
            | Self::CreateGroup
            | Self::PatchGroupSettings
            | Self::PatchGroup(_)
            | Self::DeleteGroup(_) => Tier::Two,
            Self::FilterGroups | Self::FilterUsers => Tier::Filter,
            Self::Audits | Self::AuditNames(_) | Self::Audit(_) => Tier::Audits,
            _ => Tier::One,
        }
    }
}

/// Which service a path belongs to, for the shape of its errors.
pub(crate) fn service(path: &str) -> Service {
    if path.starts_with("/api/v1/licenses") { Service::Licenses } else { Service::Identity }
}

fn route<'a>(method: &str, segments: &[&'a str]) -> Result<Endpoint<'a>, Refusal> {
    let wrong_method = || Refusal::new(405, "HTTP-405", "Method not allowed");
    let by_method = |choices: &[(&str, Endpoint<'a>)]| {
        choices.iter().find(|(name, _)| *name == method).map(|(_, endpoint)| *endpoint).ok_or_else(wrong_method)
    };
    match segments {
        ["licenses", "assignments"] => by_method(&[("GET", Endpoint::Assignments)]),
        ["licenses", "assignments", "actions", action @ ("add" | "delete" | "update")] => {
            by_method(&[("POST", Endpoint::AssignmentAction(action))])
        }
        ["licenses", "consumption"] => by_method(&[("GET", Endpoint::Consumption)]),
        ["licenses", "overview"] => by_method(&[("GET", Endpoint::Overview)]),
        ["licenses", "status"] => by_method(&[("GET", Endpoint::Status)]),
        ["licenses", "settings"] => by_method(&[("GET", Endpoint::LicenseSettings), ("PUT", Endpoint::PutLicenseSettings)]),
        ["groups"] => by_method(&[("GET", Endpoint::Groups), ("POST", Endpoint::CreateGroup)]),
        ["groups", "actions", "filter"] => by_method(&[("POST", Endpoint::FilterGroups)]),
        ["groups", "settings"] => by_method(&[("GET", Endpoint::GroupSettings), ("PATCH", Endpoint::PatchGroupSettings)]),
        ["groups", id] => {
            by_method(&[("GET", Endpoint::Group(id)), ("PATCH", Endpoint::PatchGroup(id)), ("DELETE", Endpoint::DeleteGroup(id))])
        }
        ["roles"] => by_method(&[("GET", Endpoint::Roles)]),
        ["roles", id] => by_method(&[("GET", Endpoint::Role(id))]),
        ["users"] => by_method(&[("GET", Endpoint::Users)]),
        ["users", "me"] => by_method(&[("GET", Endpoint::Me)]),
        ["users", "actions", "count"] => by_method(&[("GET", Endpoint::CountUsers)]),
        ["users", "actions", "filter"] => by_method(&[("POST", Endpoint::FilterUsers)]),
        ["users", id] => by_method(&[("GET", Endpoint::User(id))]),
        ["items"] => by_method(&[("GET", Endpoint::Items)]),
        ["audits"] => by_method(&[("GET", Endpoint::Audits)]),
        ["audits", what @ ("types" | "sources")] => by_method(&[("GET", Endpoint::AuditNames(what))]),
        ["audits", id] => by_method(&[("GET", Endpoint::Audit(id))]),
        _ => Err(Refusal::not_found()),
    }
}

/// Answers a call of `key`. `count` draws on the budget of a tier.
pub(crate) fn answer(
    tenant: &mut Tenant,
    key: &Key,
    call: &Call<'_>,
    count: impl FnOnce(Tier) -> Result<(), u64>,
) -> Result<Reply, Refusal> {
    let decoded: Vec<String> = call
        .path
        .strip_prefix("/api/v1/")
        .ok_or_else(Refusal::not_found)?
        .split('/')
        .map(|segment| percent_encoding::percent_decode_str(segment).decode_utf8().map(std::borrow::Cow::into_owned))
        .collect::<Result<_, _>>()
        .map_err(|_| Refusal::bad("the path is not UTF-8"))?;
    let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
    let endpoint = route(call.method, &segments)?;
    count(endpoint.tier()).map_err(Refusal::too_many)?;
    let own = matches!(endpoint, Endpoint::Me) || matches!(endpoint, Endpoint::User(id) if id == key.user);
    if !key.admin && !own {
        return Err(Refusal::forbidden());
    }
    // What the clock has brought.
    if tenant.usage.knobs.auto_assign || matches!(endpoint, Endpoint::Overview | Endpoint::Consumption | Endpoint::Audits) {
        tenant.settle(call.now);
    }
    match endpoint {
        Endpoint::Assignments => licenses::list(tenant, call),
        Endpoint::AssignmentAction(action) => licenses::act(tenant, call, action, &key.user),
        Endpoint::Consumption => consumption::list(tenant, call),
        Endpoint::Overview => licenses::overview(tenant, call),
        Endpoint::Status => Ok(licenses::status(tenant)),
        Endpoint::LicenseSettings => Ok(Reply::json(200, Value::Object(tenant.settings.clone()))),
        Endpoint::PutLicenseSettings => licenses::put_settings(tenant, call),
        Endpoint::Groups => groups::list(tenant, call),
        Endpoint::CreateGroup => groups::create(tenant, call, &key.user),
        Endpoint::FilterGroups => groups::filter(tenant, call),
        Endpoint::GroupSettings => Ok(Reply::json(200, tenant.group_settings(call.base))),
        Endpoint::PatchGroupSettings => groups::patch_settings(tenant, call, &key.user),
        Endpoint::Group(id) => groups::get(tenant, call, id),
        Endpoint::PatchGroup(id) => groups::patch(tenant, call, id, &key.user),
        Endpoint::DeleteGroup(id) => groups::delete(tenant, call, id, &key.user),
        Endpoint::Roles => roles::list(tenant, call),
        Endpoint::Role(id) => roles::get(tenant, call, id),
        Endpoint::Users => users::list(tenant, call),
        Endpoint::Me => Ok(Reply::empty(301).header("location", format!("{}/api/v1/users/{}", call.base, key.user))),
        Endpoint::CountUsers => Ok(Reply::json(200, json!({ "total": tenant.users.items.len() }))),
        Endpoint::FilterUsers => users::filter(tenant, call),
        Endpoint::User(id) => users::get(tenant, call, id),
        Endpoint::Items => items::list(tenant, call),
        Endpoint::Audits | Endpoint::AuditNames(_) | Endpoint::Audit(_) if !call.audits => Err(Refusal::forbidden()),
        Endpoint::Audits => audits::list(tenant, call),
        Endpoint::AuditNames(what) => Ok(audits::names(call, what)),
        Endpoint::Audit(id) => audits::get(tenant, call, id),
    }
}

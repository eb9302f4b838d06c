//! The one place where what Qlik says becomes what the rules work on, and where its errors become words for people.

use std::collections::BTreeSet;

use domain::allotment::{Allotment, AllotmentName, UsageClass};
use domain::inventory::{
    Assignment, AutoAssign, Group, GroupId, GroupSettings, Person, Provider, Role, RoleId, RoleLevel, UserId,
};
use domain::subject::Subject;
use qlik_api::client::CallError;
use qlik_api::wire;

use crate::error::{AppError, ErrorKind, QlikSays};

pub fn allotment(wire: &wire::licenses::Allotment) -> Allotment {
    Allotment {
        name: AllotmentName::new(&wire.name),
        usage_class: UsageClass::from_wire(&wire.usage_class),
        units: wire.units,
        used: wire.units_used,
        overage: wire.overage.unwrap_or(0),
    }
}

pub fn assignment(wire: wire::licenses::Assignment) -> Assignment {
    Assignment {
        subject: Subject::new(wire.subject),
        allotment: AllotmentName::new(wire.allotment),
        excess: wire.excess,
        created: wire.created,
    }
}

pub fn person(wire: wire::users::User) -> Person {
    Person {
        id: UserId::new(wire.id),
        subject: Subject::new(wire.subject),
        name: domain::text::visible(&wire.name),
        email: domain::text::visible(&wire.email.unwrap_or_default()),
        status: wire.status,
        roles: role_ids(wire.assigned_roles.as_deref()),
        groups: wire.assigned_groups.map(|groups| groups.into_iter().map(|group| GroupId::new(group.id)).collect()),
    }
}

pub fn group(wire: wire::groups::Group) -> Group {
    let provider = match (wire.id.as_str(), wire.provider_type.as_deref()) {
        (wire::groups::EVERYONE_ID, _) => Provider::System,
        (_, Some("custom")) => Provider::Custom,
        _ => Provider::Idp,
    };
    Group {
        id: GroupId::new(wire.id),
        name: if provider == Provider::System && wire.name == wire::groups::EVERYONE_NAME {
            "Everyone".to_owned()
        } else {
            wire.name
        },
        description: wire.description.unwrap_or_default(),
        status: wire.status,
        provider,
        roles: role_ids(wire.assigned_roles.as_deref()),
        updated: wire.last_updated_at,
    }
}

/// Roles by id; `None` where they may not be seen, or one of them has no id: a set that lacks one is not the set.
pub fn role_ids(roles: Option<&[wire::groups::AssignedRole]>) -> Option<BTreeSet<RoleId>> {
    let known = |role: &wire::groups::AssignedRole| (!role.id.is_empty()).then(|| RoleId::new(&role.id));
    roles?.iter().map(known).collect()
}

pub fn role(wire: wire::roles::Role) -> Role {
    Role {
        id: RoleId::new(wire.id),
        custom: wire.kind == "custom",
        level: if wire.level == "admin" { RoleLevel::Admin } else { RoleLevel::User },
        raises_entitlement: wire.full_user || wire.user_entitlement_type.as_deref() == Some("fullUser"),
        description: wire.description,
        name: wire.name,
    }
}

pub fn auto_assign(wire: wire::licenses::Settings) -> AutoAssign {
    AutoAssign { professional: wire.auto_assign_professional, analyzer: wire.auto_assign_analyzer }
}

pub fn group_settings(wire: &wire::groups::GroupSettings) -> GroupSettings {
    GroupSettings { auto_create_groups: wire.auto_create_groups, sync_idp_groups: wire.sync_idp_groups }
}

/// A failed call in words: what failed (`what`), why, and what to do.
pub fn call_error(what: &str, error: &CallError) -> AppError {
    let (kind, why) = match error {
        CallError::Api(api) => match api.status {
            401 => (
                ErrorKind::NotConnected,
                "Qlik no longer accepts the key: it is wrong, expired or revoked. Connect again with a valid one.".to_owned(),
            ),
            403 => (
                ErrorKind::Forbidden,
                "The key's user may not do this in the tenant. Connect with a key of a tenant admin.".to_owned(),
            ),
            404 => (ErrorKind::NotFound, "Qlik does not have it any more. Refresh to see what there is.".to_owned()),
            429 => {
                let wait =
                    api.retry_after.map_or_else(|| "a while".to_owned(), |wait| format!("{} seconds", wait.as_secs_f64().ceil()));
                (ErrorKind::RateLimited, format!("Qlik's rate limit is reached. Try again in {wait}; nothing was lost."))
            }
            status if status >= 500 => {
                (ErrorKind::Tenant, "Qlik failed to answer. That usually passes: try again in a moment.".to_owned())
            }
            _ => (ErrorKind::Invalid, "Qlik refused the request. What it said is below.".to_owned()),
        },
        CallError::RateLimited { retry_after, .. } => (
            ErrorKind::RateLimited,
            format!("Qlik's rate limit is used up. Try again in {} seconds; nothing was sent.", retry_after.as_secs_f64().ceil()),
        ),
        CallError::Connect(_) => (
            ErrorKind::Tenant,
            "The tenant cannot be reached. Check its address and the network, then try again. Where the way out is by a proxy, \
             whoever runs Quartermaster names it in HTTPS_PROXY."
                .to_owned(),
        ),
        CallError::Timeout(limit) => {
            (ErrorKind::Tenant, format!("The tenant gave no answer within {} seconds. Try again in a moment.", limit.as_secs()))
        }
        CallError::Broken(_) => (ErrorKind::Tenant, "The connection to the tenant broke. Try again in a moment.".to_owned()),
        CallError::Malformed { .. } => (
            ErrorKind::Tenant,
            "The tenant's answer could not be read. Try again; if it stays so, tell Qlik's support.".to_owned(),
        ),
        CallError::TooLarge(_) | CallError::PageLoop | CallError::Redirected => (
            ErrorKind::Tenant,
            format!("The tenant's answer makes no sense: {error}. Check that the address is that of a Qlik tenant."),
        ),
        CallError::Unusable(reason) => (ErrorKind::Invalid, format!("{reason}.")),
    };
    let mut told = AppError::new(kind, what, why);
    if let CallError::Api(api) = error {
        told.qlik = Some(Box::new(QlikSays {
            status: api.status,
            code: api.code().to_owned(),
            title: api.title(),
            trace: api.trace_id.clone().unwrap_or_default(),
        }));
    }
    told
}

/// A failure of the database in words.
pub fn store_error(error: &storage::StoreError) -> AppError {
    tracing::error!(%error, "the database failed");
    AppError::new(
        ErrorKind::Internal,
        "Quartermaster's database failed",
        "Nothing was sent to Qlik. Tell whoever runs Quartermaster; its log says more.",
    )
}

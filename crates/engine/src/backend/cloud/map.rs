//! The one place where what Qlik Cloud says becomes what the rules work on.

use std::collections::BTreeSet;

use domain::allotment::{Allotment, AllotmentName, UsageClass};
use domain::inventory::{
    Assignment, AutoAssign, Group, GroupId, GroupSettings, Person, Provider, Role, RoleId, RoleLevel, UserId,
};
use domain::license::{License, LicenseOverview, LicenseStatus};
use domain::mask::masked;
use domain::subject::Subject;
use qlik_api::client::CallError;
use qlik_api::wire;

use crate::fault::{Fault, Refusal};

pub(super) fn allotment(wire: &wire::licenses::Allotment) -> Allotment {
    Allotment {
        name: AllotmentName::new(&wire.name),
        usage_class: UsageClass::from_wire(&wire.usage_class),
        units: wire.units,
        used: wire.units_used,
        overage: wire.overage.unwrap_or(0),
    }
}

pub(super) fn assignment(wire: wire::licenses::Assignment) -> Assignment {
    Assignment {
        subject: Subject::new(wire.subject),
        allotment: AllotmentName::new(wire.allotment),
        excess: wire.excess,
        created: wire.created,
    }
}

pub(super) fn person(wire: wire::users::User) -> Person {
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

pub(super) fn group(wire: wire::groups::Group) -> Group {
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
        created: wire.created_at,
        created_by: wire.created_by.unwrap_or_default(),
        updated: wire.last_updated_at,
    }
}

/// Roles by id; `None` where they may not be seen, or one of them has no id: a set that lacks one is not the set.
pub(super) fn role_ids(roles: Option<&[wire::groups::AssignedRole]>) -> Option<BTreeSet<RoleId>> {
    let known = |role: &wire::groups::AssignedRole| (!role.id.is_empty()).then(|| RoleId::new(&role.id));
    roles?.iter().map(known).collect()
}

/// What a role allows, in either of Qlik's forms.
fn permissions(classic: Vec<String>, scopes: Vec<String>) -> Vec<String> {
    classic.into_iter().chain(scopes).collect::<BTreeSet<_>>().into_iter().collect()
}

pub(super) fn role(wire: wire::roles::Role) -> Role {
    Role {
        id: RoleId::new(wire.id),
        custom: wire.kind == "custom",
        level: if wire.level == "admin" { RoleLevel::Admin } else { RoleLevel::User },
        raises_entitlement: wire.full_user || wire.user_entitlement_type.as_deref() == Some("fullUser"),
        permissions: permissions(wire.permissions, wire.assigned_scopes),
        description: wire.description,
        name: wire.name,
    }
}

pub(super) fn auto_assign(wire: wire::licenses::Settings) -> AutoAssign {
    AutoAssign { professional: wire.auto_assign_professional, analyzer: wire.auto_assign_analyzer }
}

pub(super) fn group_settings(wire: &wire::groups::GroupSettings) -> GroupSettings {
    GroupSettings { auto_create_groups: wire.auto_create_groups, sync_idp_groups: wire.sync_idp_groups }
}

/// A license as domain says it. The key stays here: what goes on shows it masked.
pub(super) fn license(overview: Option<wire::licenses::Overview>, status: Option<wire::licenses::Status>) -> License {
    License {
        overview: overview.map(|wire| LicenseOverview {
            masked_key: masked(&wire.license_key),
            status: wire.status,
            product: wire.product,
            number: wire.license_number,
            valid: wire.valid,
            updated: wire.updated,
            parameters: wire.parameters.into_iter().map(|parameter| (parameter.name, parameter.valid)).collect(),
        }),
        status: status.map(|wire| LicenseStatus {
            status: wire.status,
            product: wire.product,
            kind: wire.kind,
            valid: wire.valid,
            trial: wire.trial,
            deactivated: wire.deactivated,
        }),
    }
}

/// A failed call as any tenant's fault.
pub(super) fn fault(error: CallError) -> Fault {
    match error {
        CallError::Api(api) => Fault::Refused(Refusal {
            status: api.status,
            code: api.code().to_owned(),
            title: api.title(),
            trace: api.trace_id.clone().unwrap_or_default(),
            retry_after: api.retry_after,
            promises_retry: api.promises_retry(),
        }),
        CallError::RateLimited { retry_after, .. } => Fault::Limited(retry_after),
        CallError::Connect(why) => Fault::Unreachable(why),
        CallError::Timeout(limit) => Fault::TimedOut(limit),
        CallError::Broken(why) => Fault::Broken(why),
        CallError::Malformed { status, reason } => Fault::Unreadable(reason, Some(status)),
        CallError::TooLarge(_) => Fault::TooLarge(error.to_string()),
        CallError::PageLoop => Fault::Nonsense(error.to_string()),
        CallError::Redirected => Fault::Elsewhere(error.to_string()),
        CallError::Unusable(reason) => Fault::Unusable(reason),
    }
}

//! The control surface `/_sim/*`: what scripts and tests do that Qlik has no endpoint for.

mod consumption;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::iso;
use crate::faults::Faults;
use crate::listing::Params;
use crate::oauth;
use crate::reply::{Refusal, Reply};
use crate::tenant::{DELETED, UPDATED};
use crate::world::{State, World};

/// Answers a control request.
pub(crate) fn answer(
    world: &World,
    base: &str,
    method: &str,
    path: &str,
    query: Option<&str>,
    body: &[u8],
) -> Result<Reply, Refusal> {
    match (method, path) {
        ("POST", "/_sim/reset") => {
            world.reset();
            Ok(Reply::empty(204))
        }
        ("GET", "/_sim/state") => {
            let mut state = world.lock();
            let now = world.now(&state);
            state.tenant.settle(now);
            Ok(Reply::json(200, state_json(&state, base, now)))
        }
        ("GET", "/_sim/truth") => {
            let mut state = world.lock();
            let now = world.now(&state);
            state.tenant.settle(now);
            Ok(Reply::json(200, state.tenant.truth(now)))
        }
        ("GET", "/_sim/usage") => {
            let asked = consumption::asked(&Params::parse(query)?)?;
            let mut state = world.lock();
            let now = world.now(&state);
            state.tenant.settle(now);
            Ok(Reply::json(200, consumption::sums(&mut state.tenant, asked, now)))
        }
        ("GET", "/_sim/requests") => {
            let params = Params::parse(query)?;
            let since = params.get("since").map_or(Ok(0), str::parse::<u64>).map_err(|_| Refusal::bad("since is a number"))?;
            let state = world.lock();
            let from = usize::try_from(since).unwrap_or(usize::MAX).min(state.log.len());
            Ok(Reply::json(200, Value::Array(state.log.get(from..).unwrap_or_default().to_vec())))
        }
        ("PUT", "/_sim/faults") => {
            let faults = Faults::parse(body).map_err(Refusal::bad)?;
            world.lock().faults = faults;
            Ok(Reply::empty(204))
        }
        ("PUT", "/_sim/options") => {
            let mut state = world.lock();
            let now = world.now(&state);
            // What was over under the options of before stays as it was.
            state.tenant.settle(now);
            set_options(&mut state, body)?;
            Ok(Reply::empty(204))
        }
        ("POST", "/_sim/act") => {
            let act: Act = serde_json::from_slice(body).map_err(|error| Refusal::bad(error.to_string()))?;
            let mut state = world.lock();
            let now = world.now(&state);
            act.perform(&mut state, now)?;
            Ok(Reply::empty(204))
        }
        (
            _,
            "/_sim/reset" | "/_sim/state" | "/_sim/truth" | "/_sim/usage" | "/_sim/requests" | "/_sim/faults" | "/_sim/options"
            | "/_sim/act",
        ) => Err(Refusal::new(405, "HTTP-405", "Method not allowed")),
        _ => Err(Refusal::not_found()),
    }
}

fn state_json(state: &State, base: &str, now: i64) -> Value {
    let tenant = &state.tenant;
    let assignments: Vec<Value> = tenant.assignments.items.values().map(crate::tenant::Assignment::json).collect();
    let users: Vec<Value> = tenant
        .users
        .items
        .values()
        .map(|user| json!({ "id": user.id, "subject": user.subject, "status": user.status, "roles": user.roles, "groups": user.groups }))
        .collect();
    let groups: Vec<Value> = tenant
        .groups
        .items
        .values()
        .map(|group| {
            json!({
                "id": group.id,
                "name": group.name,
                "description": group.description,
                "status": group.status(),
                "providerType": group.provider(),
                "roles": group.roles,
                "createdBy": group.created_by,
            })
        })
        .collect();
    let roles: Vec<Value> = tenant.roles.items.values().map(crate::tenant::Role::reference).collect();
    json!({
        "assignments": assignments,
        "allotments": tenant.overview_allotments(now),
        "settings": tenant.settings,
        "users": users,
        "groups": groups,
        "group_settings": tenant.group_settings(base),
        "roles": roles,
        "oauth": state.oauth.state(),
        "now": iso(now),
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// `null` goes back to the tenant's own address.
    #[serde(default, deserialize_with = "given")]
    #[expect(clippy::option_option, reason = "absent and null differ in a merge")]
    link_base: Option<Option<String>>,
    rate_limits: Option<bool>,
    rate_scale: Option<f64>,
    latency_ms: Option<u64>,
    batch_max: Option<usize>,
    audits: Option<bool>,
    auto_assign: Option<bool>,
    usage: Option<consumption::SetKnobs>,
    oauth: Option<oauth::SetKnobs>,
}

#[expect(clippy::option_option, reason = "absent and null differ in a merge")]
fn given<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(d).map(Some)
}

fn set_options(state: &mut State, body: &[u8]) -> Result<(), Refusal> {
    let options: Options = serde_json::from_slice(body).map_err(|error| Refusal::bad(error.to_string()))?;
    if options.rate_scale.is_some_and(|scale| !(scale.is_finite() && scale > 0.0)) {
        return Err(Refusal::bad("rate_scale is a number above 0"));
    }
    if options.batch_max == Some(0) {
        return Err(Refusal::bad("batch_max is at least 1"));
    }
    if let Some(oauth) = options.oauth {
        state.oauth.set(oauth)?;
    }
    if let Some(usage) = options.usage {
        usage.apply(&mut state.tenant.usage)?;
    }
    let usage = &mut state.tenant.usage.knobs;
    usage.auto_assign = options.auto_assign.unwrap_or(usage.auto_assign);
    let knobs = &mut state.knobs;
    if let Some(link_base) = options.link_base {
        knobs.link_base = link_base;
    }
    knobs.rate_limits = options.rate_limits.unwrap_or(knobs.rate_limits);
    knobs.rate_scale = options.rate_scale.unwrap_or(knobs.rate_scale);
    knobs.latency_ms = options.latency_ms.unwrap_or(knobs.latency_ms);
    knobs.batch_max = options.batch_max.unwrap_or(knobs.batch_max);
    knobs.audits = options.audits.unwrap_or(knobs.audits);
    Ok(())
}

#[derive(Debug, Deserialize)]
struct License {
    subject: String,
    #[serde(rename = "type")]
    allotment: String,
}

/// The groups of a user, as their identity provider says at their next sign-in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserGroups {
    id: String,
    groups: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct GroupRoles {
    id: String,
    roles: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SetLicense {
    present: Option<bool>,
    status: Option<String>,
    deactivated: Option<bool>,
    trial: Option<bool>,
    valid: Option<String>,
}

/// Somebody's sign-ins, or one of them by its number.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RevokeOauth {
    user: Option<String>,
    family: Option<String>,
}

/// Who does it where nothing else is said, as audits and groups name them.
const SOMEBODY: &str = "somebody else";

/// What somebody else does behind the portal's back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Act {
    #[serde(default)]
    assign: Vec<License>,
    #[serde(default)]
    unassign: Vec<License>,
    set_group_roles: Option<GroupRoles>,
    set_user_groups: Option<UserGroups>,
    delete_group: Option<String>,
    delete_role: Option<String>,
    delete_user: Option<String>,
    user_status: Option<consumption::UserStatus>,
    session: Option<consumption::Session>,
    #[serde(default)]
    consumption: Vec<Value>,
    set_units: Option<consumption::SetUnits>,
    revoke_key: Option<String>,
    revoke_oauth: Option<RevokeOauth>,
    advance_s: Option<f64>,
    set_license: Option<SetLicense>,
    /// Who does it, by their user id.
    by: Option<String>,
}

impl Act {
    fn perform(self, state: &mut State, now: i64) -> Result<(), Refusal> {
        let known =
            |done: bool, what: &str| if done { Ok(()) } else { Err(Refusal::new(404, "SIM-404", format!("no such {what}"))) };
        if let Some(RevokeOauth { user, family }) = self.revoke_oauth {
            known(state.oauth.revoke(user.as_deref(), family.as_deref()), "sign-in")?;
        }
        let tenant = &mut state.tenant;
        let by = self.by.as_deref().unwrap_or(SOMEBODY);
        for license in self.unassign {
            if tenant.delete(&license.subject, &license.allotment, now).changed {
                tenant.note_license(DELETED, (&license.subject, &license.allotment), by, now);
            }
        }
        for license in self.assign {
            // Somebody else is bound by the seats as well.
            let outcome = tenant.add(&license.subject, &license.allotment, now);
            if let Some((_, title)) = outcome.error {
                return Err(Refusal::new(409, "SIM-409", title).detail(license.subject));
            }
            if outcome.changed {
                tenant.note_license(UPDATED, (&license.subject, &license.allotment), by, now);
            }
        }
        if let Some(GroupRoles { id, roles }) = self.set_group_roles {
            if let Some(unknown) = roles.iter().find(|role| tenant.role(role).is_none()) {
                return Err(Refusal::new(404, "SIM-404", "no such role").detail(unknown.clone()));
            }
            known(tenant.edit_group(&id, by, now, |group| group.roles = roles), "group")?;
        }
        if let Some(UserGroups { id, groups }) = self.set_user_groups {
            if let Some(unknown) = groups.iter().find(|group| tenant.group(group).is_none()) {
                return Err(Refusal::new(404, "SIM-404", "no such group").detail(unknown.clone()));
            }
            known(tenant.set_user_groups(&id, groups, now), "user")?;
        }
        if let Some(id) = self.delete_group {
            known(tenant.delete_group(&id, by, now), "group")?;
        }
        if let Some(id) = self.delete_role {
            known(tenant.delete_role(&id), "role")?;
        }
        if let Some(id) = self.delete_user {
            known(tenant.delete_user(&id, now), "user")?;
        }
        if let Some(status) = self.user_status {
            status.perform(tenant, now)?;
        }
        if let Some(session) = self.session {
            session.perform(tenant, now)?;
        }
        tenant.usage.give(self.consumption);
        if let Some(units) = self.set_units {
            units.perform(tenant, now)?;
        }
        if let Some(key) = self.revoke_key {
            known(tenant.keys.remove(&key).is_some(), "key")?;
        }
        if let Some(set) = self.set_license {
            let license = &mut tenant.license;
            license.present = set.present.unwrap_or(license.present);
            license.deactivated = set.deactivated.unwrap_or(license.deactivated);
            license.trial = set.trial.unwrap_or(license.trial);
            if let Some(status) = set.status {
                license.status = status;
            }
            if let Some(valid) = set.valid {
                license.valid = valid;
            }
        }
        if let Some(seconds) = self.advance_s {
            if !(seconds.is_finite() && (0.0..=1e9).contains(&seconds)) {
                return Err(Refusal::bad("advance_s is a number of seconds from 0"));
            }
            state.advanced_ms += whole_ms(seconds);
        }
        Ok(())
    }
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be within a range that fits")]
fn whole_ms(seconds: f64) -> i64 {
    (seconds * 1_000.0) as i64
}

//! What happens at the portal's door, told twice: as an event in the log, and as a record in the portal's own trail. Neither has a token,
//! a code, a cookie or a query in it.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap, header};
use identity::Reason;
use storage::{Actor, NewAudit};

use super::person::SignedIn;
use super::proxy::ClientAddress;
use crate::server::state::Shared;

/// Of a program's name, as much as is kept, in characters.
const AGENT: usize = 200;

/// A request's id: in records, in the log, and in its answer (`x-request-id`).
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// Where a request came from.
#[derive(Debug, Clone, Default)]
pub struct CameFrom {
    /// The address of whoever is connected.
    pub address: String,
    /// The program, as it names itself.
    pub agent: String,
    /// The request's id, as it is in the log.
    pub request: String,
}

impl CameFrom {
    /// Of a request.
    pub fn of(extensions: &Extensions, headers: &HeaderMap) -> Self {
        let peer = || extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| address(peer.ip()));
        // Behind a proxy, as it says.
        let address = extensions.get::<ClientAddress>().map(|ClientAddress(address)| address.clone()).or_else(peer);
        let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        let request = extensions.get::<RequestId>().map(|RequestId(id)| id.clone()).unwrap_or_default();
        Self {
            address: address.unwrap_or_default(),
            agent: agent.chars().filter(|c| !c.is_control()).take(AGENT).collect(),
            request,
        }
    }
}

/// An IPv4 address that is written as one of IPv6 is one of IPv4.
fn address(ip: IpAddr) -> String {
    ip.to_canonical().to_string()
}

/// A line of the portal's own trail about somebody.
pub fn record(
    now: i64,
    action: &str,
    who: Option<&SignedIn>,
    from: &CameFrom,
    outcome: &str,
    reason: impl Into<String>,
) -> NewAudit {
    NewAudit {
        at: now,
        actor: actor(who, from),
        action: action.to_owned(),
        request: from.request.clone(),
        outcome: outcome.to_owned(),
        reason: reason.into(),
        ..NewAudit::default()
    }
}

/// Somebody, or nobody that is known, as records tell them.
pub fn actor(who: Option<&SignedIn>, from: &CameFrom) -> Actor {
    match who {
        Some(who) => Actor::new(&who.person().principal(), who.called(), "", "").who(recorded(who, from)),
        None => {
            let address = from.address.clone();
            Actor::named("unknown").who(trail::Actor { kind: "person".to_owned(), address, ..trail::Actor::default() })
        }
    }
}

/// How somebody signed in, as records tell it.
pub fn recorded(who: &SignedIn, from: &CameFrom) -> trail::Actor {
    trail::Actor {
        kind: "person".to_owned(),
        issuer: who.issuer.clone(),
        subject: who.subject.clone(),
        method: who.method.clone(),
        address: from.address.clone(),
        ..trail::Actor::default()
    }
}

/// A sign-in or a sign-out that was refused: in the log always, in the trail once per reason, address and minute.
pub async fn refused(state: &Shared, action: &'static str, reason: Reason, from: &CameFrom, reference: &str) {
    tracing::warn!(target: "quartermaster::security", event = action, %reason, address = %from.address, request = %from.request, reference);
    write_down(state, action, reason.as_str(), None, from).await;
}

/// Anything else that was refused, in the same way; to `who`, where that is known.
pub async fn count(state: &Shared, action: &'static str, reason: &str, who: Option<&SignedIn>, from: &CameFrom) {
    let (subject, issuer) = who.map_or(("", ""), |who| (who.subject.as_str(), who.issuer.as_str()));
    tracing::warn!(target: "quartermaster::security", event = action, reason, subject, issuer, address = %from.address, request = %from.request);
    write_down(state, action, reason, who, from).await;
}

/// Writes a refusal down, unless one like it was written down within the minute.
async fn write_down(state: &Shared, action: &'static str, reason: &str, who: Option<&SignedIn>, from: &CameFrom) {
    let now = state.engine.clock.now_ms();
    let whom = who.map_or_else(String::new, |who| who.person().principal());
    let Some(missed) = state.refusals.write_down(now, &format!("{action} {reason} {whom} {}", from.address)) else { return };
    let more = if missed == 0 { String::new() } else { format!(" ({missed} more like it before)") };
    let line = record(now, action, who, from, "refused", format!("{reason}{more}"));
    if let Err(error) = state.engine.store.audit(&[line]).await {
        tracing::error!(%error, "the refusal could not be recorded");
    }
}

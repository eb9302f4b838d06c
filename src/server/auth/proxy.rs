//! Signing in by way of a proxy: who somebody is, by what the proxy says with every request. What cannot be told for sure is nobody.
//!
//! In this order: the connection comes from the proxy; headers that look like ours in another spelling count for nothing; each of ours is
//! there exactly once; the proof is right; then who it is.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State as AxumState};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use identity::claims::groups as groups_of;
use identity::provider::Provider;
use identity::token::{Purpose, is_name};
use identity::{Reason, Trouble};
use ipnet::IpNet;
use secrecy::SecretString;
use serde_json::json;

use super::SIGNED_OUT;
use super::page::Page;
use super::person::SignedIn;
use super::session::{self, Beginning, current};
use super::trail::{CameFrom, count};
use crate::server::config::{AuthMode, Proxy, Says, proves};
use crate::server::cookies;
use crate::server::sessions::cookie_name;
use crate::server::state::Shared;

/// Whoever comes by way of a proxy is vouched for by it alone; a signed assertion names its own issuer.
const ISSUER: &str = "proxy";
/// Somebody is in at most so many groups; of whoever is in more, none are known.
const MOST_GROUPS: usize = 500;

/// Who somebody is, as the proxy says with this request.
#[derive(Debug, Clone)]
pub struct Asserted(pub SignedIn);

/// The address of whoever came to the proxy, for the trail.
#[derive(Debug, Clone)]
pub struct ClientAddress(pub String);

/// What was read at the start, to check requests by.
#[derive(Debug, Default)]
pub struct Checks {
    /// The proofs, one or two.
    pub proofs: Vec<SecretString>,
    /// Who signs assertions.
    pub signer: Option<Provider>,
}

/// A request came through the portal's own socket: said by the server, for no header can.
#[derive(Debug, Clone, Copy)]
pub struct ThroughSocket;

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Peer {
    /// From this address.
    At(IpAddr),
    /// Through the portal's own socket.
    Socket,
    /// Nobody knows.
    Unknown,
}

impl Peer {
    fn of(request: &Request) -> Self {
        let extensions = request.extensions();
        match extensions.get::<ConnectInfo<SocketAddr>>() {
            Some(ConnectInfo(peer)) => Self::At(peer.ip()),
            None if extensions.get::<ThroughSocket>().is_some() => Self::Socket,
            None => Self::Unknown,
        }
    }

    /// Whether that is the proxy.
    fn is_proxy(self, proxy: &Proxy) -> bool {
        match self {
            Self::At(peer) => is_trusted(&proxy.trusted, peer),
            Self::Socket => proxy.by_socket,
            Self::Unknown => false,
        }
    }

    fn is_here(self) -> bool {
        match self {
            Self::At(peer) => peer.to_canonical().is_loopback(),
            Self::Socket => true,
            Self::Unknown => false,
        }
    }
}

/// An address as it counts: IPv4 in IPv6 is IPv4.
fn is_trusted(trusted: &[IpNet], peer: IpAddr) -> bool {
    trusted.iter().any(|net| net.contains(&peer.to_canonical()))
}

/// Whether a header is one of ours in another spelling: `_` and `.` stand for a hyphen to some programs.
fn is_alias(given: &str, ours: &str) -> bool {
    given != ours
        && given.len() == ours.len()
        && given.bytes().zip(ours.bytes()).all(|(a, b)| a == b || b == b'-' && (a == b'_' || a == b'.'))
}

impl Says {
    /// The headers that it believes.
    fn ours(&self) -> Vec<&HeaderName> {
        match self {
            Self::Headers { proof, user, groups, name, .. } => {
                [Some(proof), Some(user), groups.as_ref(), Some(name)].into_iter().flatten().collect()
            }
            Self::Jwt { header, .. } => vec![header],
        }
    }
}

/// Headers of ours in another spelling, by name.
pub fn aliases(says: &Says, headers: &HeaderMap) -> BTreeSet<String> {
    let ours = says.ours();
    let alias = |given: &&HeaderName| ours.iter().any(|ours| is_alias(given.as_str(), ours.as_str()));
    headers.keys().filter(alias).map(ToString::to_string).collect()
}

/// The one value of a header; nothing where it is not there.
fn once<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Reason> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => std::str::from_utf8(value.as_bytes()).map(Some).map_err(|_| Reason::NoUser),
        // Also where both say the same: then somebody else may have said it.
        (Some(_), Some(_)) => Err(Reason::DuplicateHeader),
    }
}

/// A subject that can be told from others: nothing at its ends, and no comma, which proxies put between two headers that they join.
fn is_subject(text: &str) -> bool {
    is_name(text) && text.trim() == text && !text.contains(',')
}

/// Who somebody is, by headers.
fn by_headers(says: &Says, proofs: &[SecretString], headers: &HeaderMap) -> Result<SignedIn, Reason> {
    let Says::Headers { secret, proof, user, groups, separator, name } = says else { return Err(Reason::NoUser) };
    // Whatever is there twice makes it nobody's request.
    for ours in says.ours() {
        once(headers, ours)?;
    }
    let vouched: Vec<String> = if secret.is_some() {
        let mut said = once(headers, proof)?.ok_or(Reason::Proof)?.split(' ');
        if !proves(proofs, said.next().unwrap_or_default()) {
            return Err(Reason::Proof);
        }
        said.map(str::to_ascii_lowercase).collect()
    } else {
        // Whoever may open the socket is the proxy, and has to set this one header in any case: what it forgets is the client's own.
        vec![user.as_str().to_owned()]
    };
    // What the proxy does not vouch for may be the client's own, and is not there for us.
    let of = |name: &HeaderName| -> Result<Option<&str>, Reason> {
        if vouched.iter().any(|known| known == name.as_str()) { once(headers, name) } else { Ok(None) }
    };
    let subject = match of(user)? {
        Some(subject) if is_subject(subject) => subject,
        None if headers.contains_key(user) => return Err(Reason::Unvouched),
        _ => return Err(Reason::NoUser),
    };
    let given = groups.as_ref().map(of).transpose()?.flatten().unwrap_or_default();
    let names: Vec<String> =
        given.split(separator.as_str()).map(str::trim).filter(|group| !group.is_empty()).map(ToOwned::to_owned).collect();
    let too_many = names.len() > MOST_GROUPS;
    let called = of(name)?.map(str::trim).filter(|name| is_name(name)).unwrap_or_default();
    Ok(SignedIn {
        issuer: ISSUER.to_owned(),
        subject: subject.to_owned(),
        name: called.to_owned(),
        method: "proxy".to_owned(),
        groups: if too_many { Vec::new() } else { names },
        groups_elsewhere: too_many,
        ..SignedIn::default()
    })
}

/// Who somebody is, by a signed assertion.
async fn by_assertion(state: &Shared, says: &Says, signer: &Provider, headers: &HeaderMap) -> Result<SignedIn, Reason> {
    let Says::Jwt { header, issuer, groups_claim, .. } = says else { return Err(Reason::Assertion) };
    let token = once(headers, header)?.ok_or(Reason::Assertion)?;
    let verified = signer.verify(token, Purpose::Assertion, state.engine.clock.now_ms()).await;
    let claims = verified.map_err(|trouble| match trouble {
        Trouble::Refused(reason) | Trouble::Unreachable(reason, _) => reason,
        Trouble::Provider(_) => Reason::Assertion,
    })?;
    let wanted = state.config.auth.roles.claims();
    let who = SignedIn {
        issuer: issuer.clone(),
        subject: claims.subject.clone().ok_or(Reason::Subject)?,
        name: identity::claims::name(&claims.all, &identity::claims::Pointer::known("/name")),
        method: "proxy".to_owned(),
        claims: wanted.filter_map(|at| Some((at.as_str().to_owned(), at.find(&claims.all)?.clone()))).collect(),
        ..SignedIn::default()
    };
    Ok(who.in_groups(groups_of(&claims.all, groups_claim)))
}

/// Who somebody is, by all that a request says.
async fn identify(state: &Shared, proxy: &Proxy, peer: Peer, headers: &HeaderMap) -> Result<SignedIn, Reason> {
    if !peer.is_proxy(proxy) {
        return Err(Reason::Peer);
    }
    match &state.proxy_checks.signer {
        Some(signer) => by_assertion(state, &proxy.says, signer, headers).await,
        None => by_headers(&proxy.says, &state.proxy_checks.proofs, headers),
    }
}

/// The rightmost address that is not the proxy's own.
fn client_address(proxy: &Proxy, headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(&proxy.client_ip).iter().filter_map(|value| value.to_str().ok());
    let all: Vec<IpAddr> = lines.flat_map(|line| line.split(',')).filter_map(|text| text.trim().parse().ok()).collect();
    all.into_iter().rev().find(|address| !is_trusted(&proxy.trusted, *address)).map(|address| address.to_canonical().to_string())
}

/// Stands before everything where people come by way of a proxy: who it is, and the session of exactly this person.
pub async fn identified(AxumState(state): AxumState<Shared>, mut request: Request, next: Next) -> Response {
    let AuthMode::Proxy(proxy) = &state.config.auth.mode else { return next.run(request).await };
    let path = request.uri().path();
    if path.starts_with("/pkg/") || path == "/favicon.svg" || path == PROBE {
        return next.run(request).await;
    }
    let signed_out = path == SIGNED_OUT;
    if request.headers().contains_key(PROBES) {
        let (from, headers) = (Peer::of(&request), request.headers().clone());
        return arrived(&state, proxy, from, &headers).await;
    }
    let peer = Peer::of(&request);
    if peer.is_proxy(proxy)
        && let Some(address) = client_address(proxy, request.headers())
    {
        request.extensions_mut().insert(ClientAddress(address));
    }
    let from = CameFrom::of(request.extensions(), request.headers());
    if !aliases(&proxy.says, request.headers()).is_empty() {
        count(&state, "auth.proxy.alias_dropped", "alias", None, &from).await;
    }
    let headers = request.headers().clone();
    let who = match identify(&state, proxy, peer, &headers).await {
        Ok(who) => who,
        Err(reason) => {
            count(&state, "auth.proxy.refused", reason.as_str(), None, &from).await;
            return nobody(request.uri().path());
        }
    };
    // Signing out must not begin a session by its own page.
    if signed_out {
        return next.run(request).await;
    }
    let session = match own_session(&state, &who, &headers, &from).await {
        Ok(session) => session,
        Err(error) => {
            tracing::error!(%error, "the session cannot be read");
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    };
    request.extensions_mut().insert(Asserted(who));
    let Some((id, line)) = session else { return next.run(request).await };
    // The new session counts from this request on, as if the browser had sent it.
    let name = cookie_name(state.is_secure());
    let others = cookies::all(&headers).filter(|(known, _)| *known != name).map(|(known, value)| format!("{known}={value}"));
    let all: Vec<String> = others.chain([format!("{name}={id}")]).collect();
    if let Ok(all) = HeaderValue::from_str(&all.join("; ")) {
        request.headers_mut().insert(header::COOKIE, all);
    }
    let mut response = next.run(request).await;
    // Signing out by this very request has the last word.
    if !response.headers().get_all(header::SET_COOKIE).iter().any(|line| line.as_bytes().starts_with(name.as_bytes())) {
        response.headers_mut().append(header::SET_COOKIE, line);
    }
    response
}

/// The session that begins, where this browser has none of this person.
async fn own_session(
    state: &Shared,
    who: &SignedIn,
    headers: &HeaderMap,
    from: &CameFrom,
) -> Result<Option<(String, HeaderValue)>, storage::StoreError> {
    let now = state.engine.clock.now_ms();
    let before = current(state, headers, now).await?;
    if before.as_ref().is_some_and(|before| before.remembered.who.as_ref().is_some_and(|old| old.is(who))) {
        return Ok(None);
    }
    let new = Beginning { who, before, sid: String::new(), begun_s: now / 1_000, hint: None, confirms: None };
    let begun = session::begin(state, new, from).await?;
    Ok(begun.ok().map(|(id, line)| (id.to_string(), line)))
}

/// The answer to a request that the proxy vouches for nobody by.
fn nobody(path: &str) -> Response {
    let title = "Not by way of the company's sign-in.";
    if path.starts_with("/api/") || path.starts_with("/rows/") || path.starts_with("/events/") || path == "/auth/me" {
        return (StatusCode::UNAUTHORIZED, axum::Json(json!({ "error": "no_session", "sign_in": super::LOGIN }))).into_response();
    }
    let text = vec!["Open Quartermaster at its usual address, through the company's sign-in.".to_owned()];
    Page { title, text, links: vec![("/".to_owned(), "Try again")], ..Page::default() }.answer(StatusCode::UNAUTHORIZED)
}

/// Where `check-proxy` looks at what arrives; any other address tells it as well, to whoever asks with [`PROBES`].
pub const PROBE: &str = "/auth/probe";
/// Asks any address for what arrived, for every location of a proxy may do something else.
pub const PROBES: &str = "x-quartermaster-probe";
/// What `check-proxy` puts into every header that it forges.
pub const MARK: &str = "qm-forged";

/// `GET /auth/probe`.
pub async fn probe(AxumState(state): AxumState<Shared>, request: Request) -> Response {
    let AuthMode::Proxy(proxy) = &state.config.auth.mode else { return StatusCode::NOT_FOUND.into_response() };
    arrived(&state, proxy, Peer::of(&request), request.headers()).await
}

/// What arrived of the headers that count: by name, and whether it is the client's own. For this machine and the proxy only; never a
/// value.
async fn arrived(state: &Shared, proxy: &Proxy, peer: Peer, headers: &HeaderMap) -> Response {
    if !peer.is_here() && !peer.is_proxy(proxy) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let verdict = |name: &str| {
        let values: Vec<&HeaderValue> = headers.get_all(name).iter().collect();
        let forged = values.iter().any(|value| value.as_bytes().windows(MARK.len()).any(|window| window == MARK.as_bytes()));
        match (values.len(), forged) {
            (0, _) => "absent",
            (_, true) => "as the client sent it",
            (1, false) => "set by the proxy",
            (_, false) => "more than once",
        }
    };
    let line = |name: &str, alias: bool| json!({ "header": name, "verdict": verdict(name), "alias": alias });
    let own = proxy.says.ours().into_iter().map(|name| line(name.as_str(), false));
    let found: Vec<serde_json::Value> = own.chain(aliases(&proxy.says, headers).iter().map(|name| line(name, true))).collect();
    let (outcome, forged) = match identify(state, proxy, peer, headers).await {
        Ok(who) => ("let in", [&who.subject, &who.name].into_iter().chain(&who.groups).any(|text| text.contains(MARK))),
        Err(reason) => (reason.as_str(), false),
    };
    axum::Json(json!({ "headers": found, "outcome": outcome, "forged": forged })).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn says(groups: bool) -> Says {
        Says::Headers {
            secret: Some(crate::server::config::secret::SecretFile::default()),
            proof: HeaderName::from_static("x-quartermaster-proof"),
            user: HeaderName::from_static("x-auth-user"),
            groups: groups.then(|| HeaderName::from_static("x-auth-groups")),
            separator: ",".to_owned(),
            name: HeaderName::from_static("x-auth-name"),
        }
    }

    fn told(pairs: &[(&'static str, &str)]) -> Result<SignedIn, Reason> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        by_headers(&says(true), &[SecretString::from(SECRET), SecretString::from("f".repeat(32))], &headers)
    }

    #[test]
    fn on_a_socket_without_a_proof_the_subject_alone_is_believed() {
        let Says::Headers { proof, user, groups, separator, name, .. } = says(true) else { panic!("not headers") };
        let says = Says::Headers { secret: None, proof, user, groups, separator, name };
        let mut headers = HeaderMap::new();
        for (name, value) in [("x-auth-user", "ada"), ("x-auth-groups", "qm-admins"), ("x-auth-name", "Ada")] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let who = by_headers(&says, &[], &headers).unwrap();
        assert_eq!((who.subject.as_str(), who.name.as_str(), who.groups.len()), ("ada", "", 0));
        headers.append("x-auth-user", HeaderValue::from_static("ada"));
        assert_eq!(by_headers(&says, &[], &headers).unwrap_err(), Reason::DuplicateHeader);
        assert_eq!(by_headers(&says, &[], &HeaderMap::new()).unwrap_err(), Reason::NoUser);
    }

    fn proof(vouched: &str) -> String {
        format!("{SECRET} {vouched}")
    }

    #[test]
    fn what_the_proxy_vouches_for_counts() {
        let all = proof("X-Auth-User X-Auth-Groups X-Auth-Name");
        let who = told(&[
            ("x-quartermaster-proof", &all),
            ("x-auth-user", "ada"),
            ("x-auth-groups", "staff, qm-admins ,,"),
            ("x-auth-name", "Ada"),
        ])
        .unwrap();
        assert_eq!((who.subject.as_str(), who.name.as_str(), who.issuer.as_str()), ("ada", "Ada", "proxy"));
        assert_eq!(who.groups, ["staff", "qm-admins"]);
        // The new one of two proofs counts as well.
        let new = format!("{} x-auth-user", "f".repeat(32));
        assert!(told(&[("x-quartermaster-proof", &new), ("x-auth-user", "ada")]).is_ok());
        // What it does not vouch for may be the client's own.
        let who =
            told(&[("x-quartermaster-proof", &proof("X-Auth-User")), ("x-auth-user", "ada"), ("x-auth-groups", "qm-admins")])
                .unwrap();
        assert!(who.groups.is_empty());
    }

    #[test]
    fn whatever_is_not_sure_is_nobody() {
        let user = proof("X-Auth-User");
        let short = format!("{} X-Auth-User", &SECRET[..31]);
        let cases: &[(&[(&'static str, &str)], Reason)] = &[
            (&[("x-auth-user", "ada")], Reason::Proof),
            (&[("x-quartermaster-proof", &short), ("x-auth-user", "ada")], Reason::Proof),
            (&[("x-quartermaster-proof", " X-Auth-User"), ("x-auth-user", "ada")], Reason::Proof),
            (
                &[("x-quartermaster-proof", &user), ("x-quartermaster-proof", &user), ("x-auth-user", "ada")],
                Reason::DuplicateHeader,
            ),
            (&[("x-quartermaster-proof", &user), ("x-auth-user", "ada"), ("x-auth-user", "ada")], Reason::DuplicateHeader),
            (
                &[("x-quartermaster-proof", &user), ("x-auth-user", "ada"), ("x-auth-groups", "a"), ("x-auth-groups", "b")],
                Reason::DuplicateHeader,
            ),
            (&[("x-quartermaster-proof", SECRET), ("x-auth-user", "ada")], Reason::Unvouched),
            (&[("x-quartermaster-proof", &user)], Reason::NoUser),
            (&[("x-quartermaster-proof", &user), ("x-auth-user", "")], Reason::NoUser),
            (&[("x-quartermaster-proof", &user), ("x-auth-user", " ada")], Reason::NoUser),
            (&[("x-quartermaster-proof", &user), ("x-auth-user", "ada,eve")], Reason::NoUser),
            (&[("x-quartermaster-proof", &user), ("x_auth_user", "ada")], Reason::NoUser),
            (&[("x-quartermaster-proof", &user), ("x.auth.user", "ada")], Reason::NoUser),
        ];
        for (pairs, reason) in cases {
            assert_eq!(told(pairs).unwrap_err(), *reason, "{pairs:?}");
        }
    }

    #[test]
    fn other_spellings_are_found() {
        let mut headers = HeaderMap::new();
        for name in ["x_auth_user", "x.auth-user", "x-auth-user", "x-auth-users", "x_quartermaster.proof", "accept"] {
            headers.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static("x"));
        }
        let found: Vec<String> = aliases(&says(true), &headers).into_iter().collect();
        assert_eq!(found, ["x.auth-user", "x_auth_user", "x_quartermaster.proof"]);
    }

    #[test]
    fn a_peer_is_the_sockets_and_ipv4_in_ipv6_is_ipv4() {
        let nets: Vec<IpNet> = vec!["10.0.0.5/32".parse().unwrap(), "fd00::/64".parse().unwrap()];
        for (peer, trusted) in [
            ("10.0.0.5", true),
            ("::ffff:10.0.0.5", true),
            ("10.0.0.6", false),
            ("fd00::9", true),
            ("fd01::9", false),
            ("::1", false),
        ] {
            assert_eq!(is_trusted(&nets, peer.parse().unwrap()), trusted, "{peer}");
        }
    }
}

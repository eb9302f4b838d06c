//! Signing in at the OpenID provider: leaving for it, and coming back.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use identity::claims::{Pointer, groups, name};
use identity::provider::{Ask, Provider};
use identity::secret::{hex, same};
use identity::token::{Claims, Purpose as For};
use identity::{Reason, Trouble};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use storage::Begins;

use super::gate::see_other;
use super::login::{Login, Purpose};
use super::page::Page;
use super::person::SignedIn;
use super::session::{self, Beginning, Current, current};
use super::step_up::PlanOf;
use super::trail::{CameFrom, refused};
use super::{CALLBACK, LOGIN};
use crate::server::config::{AuthMode, EndSession, Oidc};
use crate::server::paths::own_path;
use crate::server::state::Shared;
use crate::ui::query::{escape, from_query};

/// Where the provider is not reachable: try again after so many seconds.
const AGAIN_S: &str = "5";

/// The provider, where people sign in at one.
pub fn at(state: &Shared) -> Option<(&Oidc, &Provider)> {
    match (&state.config.auth.mode, &state.provider) {
        (AuthMode::Oidc(oidc), Some(provider)) => Some((oidc, provider)),
        _ => None,
    }
}

/// The way back that an address asks for, if it stays here.
fn back_of(uri: &Uri) -> String {
    let pairs = from_query(uri.query().unwrap_or_default());
    let back = pairs.into_iter().find(|(key, _)| key == "back").map(|(_, back)| back).unwrap_or_default();
    own_path(&back).unwrap_or("/").to_owned()
}

/// `GET /auth/login?back=PATH`: leads to the provider.
pub async fn login(State(state): State<Shared>, request: Request) -> Response {
    let back = back_of(request.uri());
    if at(&state).is_none() {
        return see_other(&back);
    }
    leave(&state, request.headers(), &CameFrom::of(request.extensions(), request.headers()), back, Purpose::SignIn).await
}

/// Leaves for the provider.
async fn leave(state: &Shared, headers: &HeaderMap, from: &CameFrom, back: String, purpose: Purpose) -> Response {
    let Some((oidc, provider)) = at(state) else { return see_other(&back) };
    let now = state.engine.clock.now_ms();
    let again = matches!(purpose, Purpose::StepUp { .. });
    let redirect_uri = format!("{}{CALLBACK}", state.config.server.public_url);
    let Ok(login) = Login::begin(redirect_uri, back.clone(), purpose, now) else {
        return unreachable(state, from, Reason::Discovery, "no random bytes", &back).await;
    };
    let scope = oidc.scopes.join(" ");
    let ask = Ask {
        redirect_uri: &login.redirect_uri,
        scope: &scope,
        state: &login.state,
        nonce: &login.nonce,
        verifier: &login.verifier,
        again,
    };
    let to = match provider.sign_in(&ask, now).await {
        Ok(to) => to,
        Err(trouble) => return unreachable(state, from, Reason::Discovery, &trouble.to_string(), &back).await,
    };
    let mut response = see_other(to.as_str());
    for line in login.keep(state, &oidc.issuer, oidc.login_ttl_s, headers) {
        response.headers_mut().append(header::SET_COOKIE, line);
    }
    response
}

async fn unreachable(state: &Shared, from: &CameFrom, reason: Reason, why: &str, back: &str) -> Response {
    tracing::warn!(why, "the provider cannot be reached");
    super::trail::count(state, "auth.provider.unreachable", reason.as_str(), None, from).await;
    let page = Page {
        title: "The company sign-in cannot be reached. Try again in a moment.",
        links: vec![(format!("{LOGIN}?back={}", escape(back)), "Try again")],
        ..Page::default()
    };
    let status = if reason == Reason::TokenEndpoint { StatusCode::BAD_GATEWAY } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = page.answer(status);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(AGAIN_S));
    response
}

/// The parameters of the provider's answer, each at most once.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub code: Option<String>,
    pub state: String,
    pub iss: Option<String>,
    pub error: Option<String>,
}

impl Answer {
    /// Nothing where one that counts is missing, empty or doubled.
    pub fn read(query: &str) -> Option<Self> {
        let pairs = from_query(query);
        let one = |wanted: &str| -> Option<Option<String>> {
            let mut values = pairs.iter().filter(|(key, _)| key == wanted).map(|(_, value)| value);
            match (values.next(), values.next()) {
                (None, _) => Some(None),
                (Some(value), None) if !value.is_empty() => Some(Some(value.clone())),
                _ => None,
            }
        };
        let answer = Self { code: one("code")?, state: one("state")??, iss: one("iss")?, error: one("error")? };
        (answer.code.is_some() != answer.error.is_some()).then_some(answer)
    }
}

/// Why somebody who came back was not signed in.
enum Failed {
    /// It cannot be trusted.
    Refused(Reason),
    /// The provider said no, in its own word.
    Provider(Reason, String),
    /// The provider is away.
    Unreachable(Reason, String),
    /// Somebody else confirmed.
    Other(String),
    /// The session that was to be confirmed is over.
    Ended,
    /// Our own database.
    Store(storage::StoreError),
}

impl From<Reason> for Failed {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason)
    }
}

impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Refused(reason) => Self::Refused(reason),
            Trouble::Unreachable(reason, why) => Self::Unreachable(reason, why),
            Trouble::Provider(word) => Self::Provider(Reason::TokenEndpoint, word),
        }
    }
}

impl From<storage::StoreError> for Failed {
    fn from(error: storage::StoreError) -> Self {
        Self::Store(error)
    }
}

/// `GET /auth/callback`: the provider's answer.
pub async fn callback(State(state): State<Shared>, request: Request) -> Response {
    // A router takes HEAD for GET; this one changes something.
    if request.method() != Method::GET {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET")]).into_response();
    }
    let from = CameFrom::of(request.extensions(), request.headers());
    let Some((oidc, provider)) = at(&state) else { return StatusCode::NOT_FOUND.into_response() };
    let Some(answer) = Answer::read(request.uri().query().unwrap_or_default()) else {
        return told(&state, &from, Failed::Refused(Reason::State), "/", false).await;
    };
    let Some((login, gone)) = Login::of(&state, &oidc.issuer, &answer.state, request.headers()) else {
        return told(&state, &from, Failed::Refused(Reason::LoginCookie), "/", false).await;
    };
    let step_up = matches!(login.purpose, Purpose::StepUp { .. });
    let mut response = match come_back(&state, (oidc, provider), &answer, &login, request.headers(), &from).await {
        Ok(cookie) => {
            let mut response = see_other(&login.back);
            response.headers_mut().append(header::SET_COOKIE, cookie);
            response
        }
        Err(failed) => told(&state, &from, failed, &login.back, step_up).await,
    };
    // Used by now, whatever it led to.
    if let Some(gone) = gone {
        response.headers_mut().append(header::SET_COOKIE, gone);
    }
    response
}

async fn come_back(
    state: &Shared,
    (oidc, provider): (&Oidc, &Provider),
    answer: &Answer,
    login: &Login,
    headers: &HeaderMap,
    from: &CameFrom,
) -> Result<HeaderValue, Failed> {
    let now = state.engine.clock.now_ms();
    let ttl_ms = i64::from(oidc.login_ttl_s) * 1_000;
    if now - login.at > ttl_ms || login.at > now {
        return Err(Reason::ExpiredLogin.into());
    }
    match &answer.iss {
        Some(iss) if *iss == oidc.issuer => {}
        Some(_) => return Err(Reason::IssParam.into()),
        None if oidc.iss_always || provider.metadata(now).await?.names_itself => return Err(Reason::IssParam.into()),
        None => {}
    }
    let digest = hex(&Sha256::digest(login.state.as_bytes()));
    if !state.engine.store.use_once("state", &digest, now + ttl_ms).await? {
        return Err(Reason::Replay.into());
    }
    let Some(code) = &answer.code else {
        return Err(Failed::Provider(Reason::ProviderError, answer.error.clone().unwrap_or_default()));
    };
    let tokens = provider.exchange(code, &login.verifier, &login.redirect_uri, now).await?;
    let again = matches!(login.purpose, Purpose::StepUp { .. });
    let now = state.engine.clock.now_ms();
    let purpose = For::Id { nonce: &login.nonce, auth_time: again };
    let claims = provider.verify(tokens.id.expose_secret(), purpose, now).await?;
    let who = read_person(state, (oidc, provider), &claims, tokens.access.as_ref(), now).await?;
    begin(state, (&who, &claims, &tokens.id), login, headers, from).await
}

/// Who signed in, by their token; groups are asked for where the token lacks them and the configuration says so.
async fn read_person(
    state: &Shared,
    (oidc, provider): (&Oidc, &Provider),
    claims: &Claims,
    access: Option<&SecretString>,
    now: i64,
) -> Result<SignedIn, Failed> {
    let subject = claims.subject.clone().ok_or(Reason::Subject)?;
    let mut all = claims.all.clone();
    if oidc.userinfo
        && oidc.groups_claim.find(&all).is_none()
        && let Some(access) = access
    {
        // What was signed counts before what was only answered.
        for (key, value) in provider.more(access, &subject, now).await? {
            all.entry(key).or_insert(value);
        }
    }
    let wanted: Vec<&Pointer> = state.config.auth.roles.claims().collect();
    let hang_on = wanted.iter().filter_map(|at| Some((at.as_str().to_owned(), at.find(&all)?.clone()))).collect();
    let who = SignedIn {
        issuer: oidc.issuer.clone(),
        subject,
        name: name(&all, &oidc.name_claim),
        method: "oidc".to_owned(),
        auth_time: claims.auth_time,
        claims: hang_on,
        ..SignedIn::default()
    };
    Ok(who.in_groups(groups(&all, &oidc.groups_claim)))
}

/// Begins the session of somebody who signed in, in place of the one that this browser had; or goes on with it, confirmed.
async fn begin(
    state: &Shared,
    (who, claims, token): (&SignedIn, &Claims, &SecretString),
    login: &Login,
    headers: &HeaderMap,
    from: &CameFrom,
) -> Result<HeaderValue, Failed> {
    let now = state.engine.clock.now_ms();
    let before = current(state, headers, now).await?;
    let mut confirms = None;
    if let Purpose::StepUp { session, person, confirms: of } = &login.purpose {
        if who.person().principal() != *person {
            return Err(Failed::Other(who.called().to_owned()));
        }
        let is_theirs =
            |before: &Current| before.remembered.who.as_ref().is_some_and(|old| old.is(who)) && same(&hex(&before.key), session);
        if !before.as_ref().is_some_and(is_theirs) {
            return Err(Failed::Ended);
        }
        let skew = at(state).map_or(0, |(oidc, _)| i64::from(oidc.clock_skew_s));
        let oldest = now / 1_000 - i64::from(state.config.auth.session.step_up_s) - skew;
        // A time to come is as little proof as one long ago: such as milliseconds for seconds.
        let newest = now / 1_000 + skew;
        if claims.auth_time.is_none_or(|at| at < oldest || at > newest) {
            return Err(Reason::AuthTime.into());
        }
        confirms = Some(of.clone());
    }
    let keeps = at(state).is_some_and(|(oidc, _)| oidc.end_session == EndSession::Hint);
    let new = Beginning {
        who,
        before,
        sid: claims.sid.clone().unwrap_or_default(),
        begun_s: login.at / 1_000,
        hint: keeps.then(|| token.expose_secret()),
        confirms,
    };
    session::begin(state, new, from).await?.map(|(_, cookie)| cookie).map_err(|begins| match begins {
        Begins::LoggedOut => Reason::LoggedOut.into(),
        Begins::Ended | Begins::Begun => Failed::Ended,
    })
}

/// Leaves for the provider to have somebody confirm that it is them, for one plan.
pub async fn confirm(
    state: &Shared,
    headers: &HeaderMap,
    from: &CameFrom,
    (session, plan, of): (&Current, &str, &PlanOf),
) -> Response {
    let back = of.back(plan);
    let person = session.remembered.who.as_ref().map(|who| who.person().principal()).unwrap_or_default();
    let purpose = Purpose::StepUp { session: hex(&session.key), person, confirms: of.key(plan) };
    leave(state, headers, from, back, purpose).await
}

/// Says why somebody was not signed in: one sentence, a reference, and the way to try again. A session that was there stays.
async fn told(state: &Shared, from: &CameFrom, failed: Failed, back: &str, step_up: bool) -> Response {
    let reference = identity::secret::random().map(|text| text.chars().take(8).collect::<String>()).unwrap_or_default();
    let action = if step_up { "auth.step_up.refused" } else { "auth.sign_in.refused" };
    let again = vec![(if step_up { back.to_owned() } else { format!("{LOGIN}?back={}", escape(back)) }, "Try again")];
    let begun = "This sign-in was begun in another browser, used before, or took too long. Begin again.";
    let untrusted = "The company sign-in sent something that cannot be trusted, so nobody was signed in.";
    let (title, reason, status, mut text) = match failed {
        Failed::Refused(reason @ Reason::State) => (begun.to_owned(), reason, StatusCode::BAD_REQUEST, Vec::new()),
        Failed::Refused(reason @ (Reason::LoginCookie | Reason::ExpiredLogin | Reason::Replay)) => {
            (begun.to_owned(), reason, StatusCode::FORBIDDEN, Vec::new())
        }
        Failed::Refused(reason @ Reason::LoggedOut) => {
            ("You were signed out meanwhile.".to_owned(), reason, StatusCode::FORBIDDEN, Vec::new())
        }
        Failed::Refused(reason) => (untrusted.to_owned(), reason, StatusCode::FORBIDDEN, Vec::new()),
        Failed::Provider(reason, word) => {
            let word: String = word.chars().filter(|c| !c.is_control()).take(200).collect();
            (
                "The company sign-in did not sign you in.".to_owned(),
                reason,
                StatusCode::FORBIDDEN,
                vec![format!("It says: {word}")],
            )
        }
        Failed::Other(name) => (
            format!("It was not you who confirmed: signed in as {name}."),
            Reason::PersonChanged,
            StatusCode::FORBIDDEN,
            Vec::new(),
        ),
        Failed::Ended => {
            let kept = vec!["What you were writing is kept.".to_owned()];
            ("Your session has ended.".to_owned(), Reason::PersonChanged, StatusCode::FORBIDDEN, kept)
        }
        Failed::Unreachable(reason, why) => return unreachable(state, from, reason, &why, back).await,
        Failed::Store(error) => {
            tracing::error!(%error, "sign-in failed");
            let title = "The database does not answer, so you were not signed in.";
            let page = Page { title, links: again, ..Page::default() };
            return page.answer(StatusCode::SERVICE_UNAVAILABLE);
        }
    };
    refused(state, action, reason, from, &reference).await;
    text.push(format!("Reference {reference}."));
    Page { title: &title, text, links: again, ..Page::default() }.answer(status)
}

#[cfg(test)]
mod tests {
    use super::Answer;

    #[test]
    fn an_answer_says_each_thing_once() {
        assert!(Answer::read("code=a&state=b").is_some() && Answer::read("error=denied&state=b&iss=c").is_some());
        for bad in [
            "",
            "code=a",
            "state=b",
            "code=&state=b",
            "code=a&state=",
            "code=a&code=a&state=b",
            "code=a&state=b&state=b",
            "code=a&state=b&iss=",
            "code=a&error=x&state=b",
            "code=a&state=b&iss=c&iss=c",
        ] {
            assert!(Answer::read(bad).is_none(), "{bad}");
        }
    }
}

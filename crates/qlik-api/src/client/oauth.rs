//! The tenant's authorization server: people sign in with PKCE, tokens are refreshed and taken back, machines get theirs.
//!
//! Source: Qlik's OAuth documentation (qlik.dev, October 2026): `/oauth/authorize`, `/oauth/token` (a form; answers in JSON) and
//! `/oauth/revoke`.

use std::time::Duration;

use bytes::Bytes;
use http::{StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use super::call::{Client, retry_after, trace};
use super::error::{ApiError, CallError};
use super::tier::Tier;
use super::urgency::Urgency;

/// A call takes so long at most: whoever refreshes holds a lease for a little longer than that.
const MOST: Duration = Duration::from_secs(15);

/// How the portal is known to the tenant.
#[derive(Debug, Clone)]
pub struct OauthClient {
    /// Its name there.
    pub id: String,
    /// Its secret there; nothing for one that keeps none.
    pub secret: Option<SecretString>,
    /// What it asks for, separated by blanks.
    pub scope: String,
}

/// What an authorization is begun with.
#[derive(Debug, Clone, Copy)]
pub struct Authorize<'a> {
    /// Where the tenant sends people back to.
    pub redirect_uri: &'a str,
    /// Comes back with the code.
    pub state: &'a str,
    /// Of the verifier that comes with the exchange (S256).
    pub challenge: &'a str,
    /// How people are asked.
    pub prompt: Prompt,
}

/// How people are asked at the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    /// As the tenant finds right.
    Usual,
    /// Not at all: whoever is not signed in there comes back with an error.
    None,
    /// For their password, whatever the tenant remembers.
    Again,
}

/// What tokens are asked for with.
#[derive(Debug, Clone, Copy)]
pub enum Proof<'a> {
    /// A code, once.
    Code {
        /// The code.
        code: &'a str,
        /// What the challenge was of.
        verifier: &'a str,
        /// As it was at the beginning.
        redirect_uri: &'a str,
    },
    /// A refresh token.
    Refresh(&'a SecretString),
    /// Nothing but the client itself.
    Machine,
}

/// What the tenant gave.
#[derive(Debug, Clone, Deserialize)]
pub struct Tokens {
    /// Opens the tenant.
    pub access_token: SecretString,
    /// How long, in seconds.
    pub expires_in: i64,
    /// Brings the next ones; nothing where none was given.
    #[serde(default)]
    pub refresh_token: Option<SecretString>,
    /// What it is good for, separated by blanks.
    #[serde(default)]
    pub scope: String,
    /// When the person signed in, in seconds since 1970; nothing where it is not said, or not as a number.
    #[serde(default, deserialize_with = "whole")]
    pub auth_time: Option<i64>,
}

fn whole<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<i64>, D::Error> {
    serde_json::Value::deserialize(value).map(|value| value.as_i64())
}

impl ApiError {
    /// Whether the tenant says that a code or refresh token is worth nothing (any more).
    pub fn is_invalid_grant(&self) -> bool {
        const WORD: &str = "invalid_grant";
        matches!(self.status, 400 | 401 | 403) && self.errors.iter().any(|entry| entry.code == WORD || entry.title == WORD)
    }
}

impl Client {
    /// Where to send somebody who is to sign in.
    pub fn authorize_url(&self, client: &OauthClient, ask: &Authorize<'_>) -> Result<Url, CallError> {
        let mut url = self.address("oauth/authorize")?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &client.id)
            .append_pair("redirect_uri", ask.redirect_uri)
            .append_pair("scope", &client.scope)
            .append_pair("state", ask.state)
            .append_pair("code_challenge", ask.challenge)
            .append_pair("code_challenge_method", "S256");
        match ask.prompt {
            Prompt::Usual => {}
            Prompt::None => drop(url.query_pairs_mut().append_pair("prompt", "none")),
            Prompt::Again => drop(url.query_pairs_mut().append_pair("max_age", "0").append_pair("prompt", "login")),
        }
        Ok(url)
    }

    /// Asks for tokens, once: whether a code or a refresh token may be sent again is for whoever holds it to say.
    pub async fn tokens(&self, client: &OauthClient, proof: Proof<'_>) -> Result<Tokens, CallError> {
        let mut pairs = match proof {
            Proof::Code { code, verifier, redirect_uri } => vec![
                ("grant_type", "authorization_code"),
                ("code", code),
                ("code_verifier", verifier),
                ("redirect_uri", redirect_uri),
            ],
            Proof::Refresh(token) => vec![("grant_type", "refresh_token"), ("refresh_token", token.expose_secret())],
            Proof::Machine => vec![("grant_type", "client_credentials"), ("scope", client.scope.as_str())],
        };
        pairs.extend(named(client));
        let (status, body) = self.oauth_form("oauth/token", &pairs).await?;
        serde_json::from_slice(&body).map_err(|error| CallError::Malformed {
            status: status.as_u16(),
            // Never any of its text: it holds tokens.
            reason: format!("{:?} error", error.classify()),
        })
    }

    /// Takes a token back, with all that came of the same authorization.
    pub async fn revoke(&self, client: &OauthClient, token: &SecretString) -> Result<(), CallError> {
        let mut pairs = vec![("token", token.expose_secret())];
        pairs.extend(named(client));
        self.oauth_form("oauth/revoke", &pairs).await.map(|_| ())
    }

    async fn oauth_form(&self, path: &str, pairs: &[(&str, &str)]) -> Result<(StatusCode, Bytes), CallError> {
        let request = self
            .http()
            .post(self.address(path)?)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(super::call::query(pairs));
        // With the wait for a permit: who holds a lease meanwhile counts on both together.
        let most = self.deadline().min(MOST);
        let answered = tokio::time::timeout(most, async {
            let _permit = self.permit("oauth", Tier::Two, Urgency::Person).await?;
            self.answered(request).await
        })
        .await;
        let (status, headers, body) = answered.unwrap_or(Err(CallError::Timeout(most)))?;
        if !status.is_success() {
            return Err(CallError::Api(ApiError::new(status.as_u16(), &body, trace(&headers), retry_after(&headers))));
        }
        Ok((status, body))
    }
}

/// How a client names itself, and proves it where it has a secret.
fn named(client: &OauthClient) -> Vec<(&'static str, &str)> {
    let secret = client.secret.as_ref().map(|secret| ("client_secret", secret.expose_secret()));
    std::iter::once(("client_id", client.id.as_str())).chain(secret).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_sent_to_the_tenant_with_what_it_needs() {
        let client = Client::new("https://t.example.com/").unwrap();
        let app = OauthClient { id: "qm".to_owned(), secret: None, scope: "user_default offline_access".to_owned() };
        let ask = |prompt| Authorize { redirect_uri: "https://qm/auth/qlik/t/callback", state: "s", challenge: "c", prompt };
        let url = |prompt| client.authorize_url(&app, &ask(prompt)).unwrap().to_string();
        assert_eq!(
            url(Prompt::Usual),
            "https://t.example.com/oauth/authorize?response_type=code&client_id=qm&redirect_uri=https%3A%2F%2Fqm%2Fauth%2Fqlik%2Ft%2Fcallback\
             &scope=user_default+offline_access&state=s&code_challenge=c&code_challenge_method=S256"
        );
        assert!(url(Prompt::None).ends_with("&prompt=none"));
        assert!(url(Prompt::Again).ends_with("&max_age=0&prompt=login"));
    }

    #[test]
    fn an_answer_shows_no_token() {
        let tokens: Tokens =
            serde_json::from_str(r#"{"access_token":"canary","expires_in":9,"refresh_token":"canary"}"#).unwrap();
        assert!(!format!("{tokens:?}").contains("canary"));
        let refused = |body: &str| ApiError::new(401, body.as_bytes(), None, None).is_invalid_grant();
        assert!(refused(r#"{"errors":[{"code":"invalid_grant","title":"x"}]}"#) && refused(r#"{"error":"invalid_grant"}"#));
        assert!(!refused(r#"{"errors":[{"code":"invalid_client","title":"x"}]}"#));
    }
}

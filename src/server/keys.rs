//! API keys that somebody types: whose they are at the tenant.

use engine::Tenant;
use engine::backend::{Key, Person};
use secrecy::SecretString;

use super::auth::person::SignedIn;
use super::state::Shared;
use super::words::told;
use crate::error::{AppError, ErrorKind};

/// Longer than any key Qlik gives out.
const MAX_KEY: usize = 8_192;

/// A key that the tenant knows, and whose it is. `by` is who typed it.
pub async fn whose(state: &Shared, tenant: &Tenant, by: &SignedIn, typed: &str) -> Result<(SecretString, Person), AppError> {
    let (key, by) = (typed.trim(), by.person().principal());
    if key.is_empty() {
        return Err(AppError::invalid(
            "No key given",
            "Paste an API key for this tenant. Create one in Qlik under Profile settings → API keys.",
        ));
    }
    if key.len() > MAX_KEY || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(AppError::invalid(
            "That doesn't look like an API key",
            "A key has letters, digits and punctuation only, no spaces or line breaks. Copy it again.",
        ));
    }
    let now = state.engine.clock.now_ms();
    if let Err(wait) = state.wrong_keys.tries(&tenant.id, &by, now) {
        return Err(AppError::new(
            ErrorKind::RateLimited,
            "Too many failed attempts",
            format!("Qlik rejected all of them. Try again in {wait} seconds."),
        ));
    }
    // Until it is known whose key it is, it draws on a budget that all such keys share.
    let secret = SecretString::from(key);
    let answer = tenant.backend.who(&Key::of_a_stranger(secret.clone())).await;
    if !answer.as_ref().is_err_and(|fault| fault.status() == Some(401)) {
        state.wrong_keys.was_right(&tenant.id, &by, now);
    }
    match answer {
        Ok(me) => Ok((secret, me)),
        Err(fault) if fault.status() == Some(401) => {
            let mut told = told("Qlik rejected this key", &fault);
            told.kind = ErrorKind::Invalid;
            told.why = "It may be mistyped, expired, revoked, or for another tenant. Check it and paste it again.".to_owned();
            Err(told)
        }
        Err(fault) => Err(told(&format!("Could not connect to {}", tenant.name), &fault)),
    }
}

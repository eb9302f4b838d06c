//! Carries what failed to the next page, for forms that are sent without a script. Leptos would put it into the address, where a
//! reload repeats it and anybody can write what they like; here it goes by a cookie that one page uses up.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::server_fn::error::ServerFnUrlError;

use super::cookies;
use super::state::Shared;
use crate::error::AppError;
use crate::ui::query::{escape, from_query, to_query};

/// What failed, as Leptos writes it into addresses: the path of the server function, and its error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Of the server function, or of another form's target.
    pub path: String,
    /// The error, encoded by Leptos.
    pub error: String,
}

/// Cookies are bounded by about 4 kB; what is longer is shortened.
const MOST: usize = 3_500;
/// Of a headline or a reason that is shortened; at four bytes a letter, both fit a cookie.
const LETTERS: usize = 250;
/// As long as a browser takes to ask for the page it is sent to, and not much longer; in seconds.
const LIFETIME: u32 = 60;

fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-quartermaster-failure" } else { "quartermaster-failure" }
}

/// The address without a failure, and the failure; `None` where the address names none.
fn taken_out(address: &str) -> Option<(String, Option<Failure>)> {
    let (path, query) = address.split_once('?')?;
    let pairs = from_query(query);
    let is_ours = |key: &str| key == "__err" || key == "__path";
    if !pairs.iter().any(|(key, _)| is_ours(key)) {
        return None;
    }
    let find = |wanted: &str| pairs.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.clone());
    let failure = find("__path").zip(find("__err")).map(|(path, error)| Failure { path, error });
    let rest: Vec<(&str, String)> =
        pairs.iter().filter(|(key, _)| !is_ours(key)).map(|(key, value)| (key.as_str(), value.clone())).collect();
    Some((format!("{path}{}", to_query(&rest)), failure))
}

/// Whether an address is one of this portal's: what a browser would read as another host's is none.
fn is_here(path: &str) -> bool {
    path.starts_with('/') && !path.starts_with("//") && !path.contains('\\')
}

fn in_cookie(headers: &HeaderMap, name: &str) -> Option<Failure> {
    let pairs = from_query(cookies::value(headers, name)?);
    let find = |wanted: &str| pairs.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.clone());
    Some(Failure { path: find("p")?, error: find("e")? })
}

fn into_cookie(failure: &Failure) -> String {
    let value = |failure: &Failure| format!("p={}&e={}", escape(&failure.path), escape(&failure.error));
    let whole = value(failure);
    if whole.len() <= MOST {
        return whole;
    }
    let error = ServerFnUrlError::<AppError>::decode_err(&failure.error);
    let short = |text: &str| {
        let kept: String = text.chars().take(LETTERS).collect();
        if kept.len() < text.len() { format!("{kept}…") } else { kept }
    };
    let error = AppError { what: short(&error.what), why: short(&error.why), qlik: None, ..error };
    encoded(&failure.path, error).map_or(whole, |failure| value(&failure))
}

/// A failure as Leptos writes it.
fn encoded(form: &str, error: AppError) -> Option<Failure> {
    let url = ServerFnUrlError::new(form, error).to_url("http://here.invalid/").ok()?;
    taken_out(url.as_str())?.1
}

/// Sends a form that failed back to its page, which says why. `form` is where the form was sent to.
pub fn back_to(page: &str, form: &str, error: AppError) -> Response {
    let Ok(url) = ServerFnUrlError::new(form, error).to_url("http://here.invalid/") else {
        return Redirect::to(page).into_response();
    };
    Redirect::to(&format!("{page}?{}", url.query().unwrap_or_default())).into_response()
}

/// Moves failures from addresses into the cookie, and from the cookie to the page.
pub async fn carry(State(state): State<Shared>, mut request: Request, next: Next) -> Response {
    let secure = state.is_secure();
    let name = cookie_name(secure);
    let set = |value: &str, age: u32| {
        let secure = if secure { "; Secure" } else { "" };
        HeaderValue::from_str(&format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}"))
    };
    let page = request.method() == Method::GET && !request.uri().path().starts_with("/api/");
    let mut shown = false;
    if page {
        let here = request.uri().path_and_query().map_or("/", |here| here.as_str()).to_owned();
        // Nobody writes a page's words by a link to it.
        if let Some((clean, _)) = taken_out(&here).filter(|_| is_here(&here)) {
            return Redirect::to(&clean).into_response();
        }
        let reads = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        if reads.contains("text/html")
            && let Some(failure) = in_cookie(request.headers(), name)
        {
            request.extensions_mut().insert(failure);
            shown = true;
        }
    }
    let mut response = next.run(request).await;
    // Only a page that was drawn has told it.
    let mut cookie = (shown && response.status() == StatusCode::OK).then(|| set("", 0));
    let to = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok()).and_then(taken_out);
    if let Some((clean, Some(failure))) = to {
        if let Ok(clean) = HeaderValue::from_str(&clean) {
            response.headers_mut().insert(header::LOCATION, clean);
        }
        cookie = Some(set(&into_cookie(&failure), LIFETIME));
    }
    if let Some(Ok(cookie)) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_taken_out_of_an_address() {
        let (clean, failure) = taken_out("/t/a/plans?page=2&__path=%2Fapi%2Fx&__err=eyJ9&q=a%20b").unwrap();
        assert_eq!(clean, "/t/a/plans?page=2&q=a%20b");
        assert_eq!(failure, Some(Failure { path: "/api/x".into(), error: "eyJ9".into() }));
        assert_eq!(taken_out("/connect?__err=x"), Some(("/connect".into(), None)));
        // Whatever it is led to names none, or browsers would be led for ever.
        for address in ["/t/a/plans?page=2", "/?a%20b=1&x=__err", "/?%0A=1", "/"] {
            assert_eq!(taken_out(address), None, "{address}");
        }
        let (clean, _) = taken_out("/?a%20b=1&%0A=2&__err=x").unwrap();
        assert_eq!((clean.as_str(), taken_out(&clean)), ("/?a%20b=1&%0A=2", None));
    }

    #[test]
    fn nobody_is_led_elsewhere() {
        for there in ["//evil.example/?__err=x", "/\\evil.example/?__err=x", "https://evil.example/?__err=x"] {
            assert!(!is_here(there), "{there}");
        }
        assert!(is_here("/t/a/plans?__err=x"));
    }

    #[test]
    fn what_is_too_long_is_shortened_not_lost() {
        let error = AppError::invalid("𝄞".repeat(5_000), format!("Line 1 is wrong. {}", "ß".repeat(5_000)));
        let value = into_cookie(&encoded("/api/lists/upload", error).unwrap());
        assert!(value.len() <= MOST, "{}", value.len());
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_str(&format!("quartermaster-failure={value}")).unwrap());
        let found = in_cookie(&headers, cookie_name(false)).unwrap();
        let told = ServerFnUrlError::<AppError>::decode_err(&found.error);
        assert!(told.why.starts_with("Line 1 is wrong. ß") && told.why.ends_with('…'), "{told:?}");
    }

    #[test]
    fn a_cookie_brings_back_what_was_put_into_it() {
        let mut headers = HeaderMap::new();
        let value = format!("a=b; quartermaster-failure=p={}&e={}", escape("/api/x"), escape("eyJ9=="));
        headers.insert(header::COOKIE, HeaderValue::from_str(&value).unwrap());
        let found = in_cookie(&headers, cookie_name(false));
        assert_eq!(found, Some(Failure { path: "/api/x".into(), error: "eyJ9==".into() }));
        assert_eq!(in_cookie(&headers, cookie_name(true)), None);
    }
}

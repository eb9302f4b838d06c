//! Tells in time that the session is about to end. Loaded shortly before it may; asks the server, which does not count that as use.

use leptos::prelude::*;

use super::api::Stay;
use crate::features::condition::{to_connect, to_sign_in};
use crate::features::me::signs_in;
use crate::features::shared::{busy, live, use_tenant};
use crate::ui::feedback::Note;

/// How a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "only a browser asks"))]
enum Standing {
    /// It goes on.
    Lives,
    /// It ends in so many seconds unless it is used.
    Idle(i64),
    /// It ends in so many seconds, whatever happens.
    Over(i64),
    /// It has ended.
    Ended,
}

/// A word about the end of the session, while there is one to say.
#[component]
pub fn SessionEnd(
    /// So many seconds before the end it is told.
    warn_s: u32,
) -> impl IntoView {
    let tenant = use_tenant();
    let standing = RwSignal::new(Standing::Lives);
    let stay = ServerAction::<Stay>::new();
    let pending = busy(stay);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        // Asked again at once when somebody says that they stay.
        let _ = stay.version().get();
        crate::ui::scope::Scope::here().spawn(watch(standing, i64::from(warn_s)));
    });
    #[cfg(not(feature = "hydrate"))]
    let _ = warn_s;
    let again = StoredValue::new((to_sign_in(), to_connect()));
    let signs_in = signs_in();
    // The way on: signing in again, or connecting again where no one signs in.
    let on = move |connect_text: &'static str| {
        let (sign_in, connect) = again.get_value();
        if signs_in {
            view! { <a class="button" href=sign_in rel="external">"Sign in again"</a> }.into_any()
        } else {
            view! { <a class="button" href=connect rel="external">{connect_text}</a> }.into_any()
        }
    };
    let kept = "What you were writing is kept.";
    move || match standing.get() {
        Standing::Lives => None,
        Standing::Idle(left) => Some(
            view! {
                <div class="ends"><Note tone="warn" title=format!("Your session ends in {}.", about(left))>
                    <ActionForm action=stay attr:class="inline">
                        <input type="hidden" name="tenant" value=move || live(tenant)/>
                        <button class="button" type="submit" disabled=pending>"Stay connected"</button>
                    </ActionForm>
                </Note></div>
            }
            .into_any(),
        ),
        Standing::Over(left) => Some(
            view! {
                <div class="ends"><Note tone="warn" title=format!("Your session reaches its maximum length in {}.", about(left))>
                    {kept}" "{on("Connect again")}
                </Note></div>
            }
            .into_any(),
        ),
        Standing::Ended => Some(
            view! {
                <div class="ends"><Note tone="bad" title="Your session has ended.">{kept}" "{on("Connect")}</Note></div>
            }
            .into_any(),
        ),
    }
}

/// Seconds in steps, so that the words do not change all the time.
fn about(seconds: i64) -> String {
    match seconds {
        ..15 => "a few seconds".to_owned(),
        15..90 => format!("{} seconds", (seconds + 5) / 10 * 10),
        _ => format!("about {} minutes", (seconds + 30) / 60),
    }
}

/// Asks, and asks again: when there will be something to say, or soon, while there is.
#[cfg(feature = "hydrate")]
async fn watch(standing: RwSignal<Standing>, warn: i64) {
    use std::time::Duration;

    use crate::ui::scope::pause;

    /// While it is told how long it is.
    const SOON_S: i64 = 10;
    /// A timer is told no longer times than this; browsers count them in 32 bits of milliseconds.
    const LATEST_S: i64 = 24 * 60 * 60;

    loop {
        let wait = match ask().await {
            Asked::Ended => {
                standing.set(Standing::Ended);
                return;
            }
            // The server may be restarting: what was said stands.
            Asked::NotAnswered => SOON_S,
            Asked::Left { idle, absolute } => {
                let left = idle.min(absolute);
                standing.set(match left {
                    left if left > warn => Standing::Lives,
                    left if absolute <= idle => Standing::Over(left),
                    left => Standing::Idle(left),
                });
                if left > warn { (left - warn).min(LATEST_S) } else { SOON_S.min(left.max(1)) }
            }
        };
        pause(Duration::from_secs(wait.unsigned_abs())).await;
    }
}

/// What the server says of the session.
#[cfg(feature = "hydrate")]
enum Asked {
    /// It ends in so many seconds: unless it is used, and whatever happens.
    Left { idle: i64, absolute: i64 },
    /// It is over.
    Ended,
    /// It did not answer.
    NotAnswered,
}

#[cfg(feature = "hydrate")]
async fn ask() -> Asked {
    #[derive(serde::Deserialize)]
    struct Session {
        idle_left_s: i64,
        absolute_left_s: i64,
    }
    #[derive(serde::Deserialize)]
    struct Me {
        session: Session,
    }
    let Ok(answer) = gloo_net::http::Request::get("/auth/me").send().await else { return Asked::NotAnswered };
    if answer.status() == 401 {
        return Asked::Ended;
    }
    let Ok(bytes) = answer.binary().await else { return Asked::NotAnswered };
    match serde_json::from_slice(&bytes) {
        Ok(Me { session }) => Asked::Left { idle: session.idle_left_s, absolute: session.absolute_left_s },
        Err(_) => Asked::NotAnswered,
    }
}

#[cfg(test)]
mod tests {
    use super::about;

    #[test]
    fn times_are_told_in_steps() {
        assert_eq!([120, 89, 31, 8].map(about), ["about 2 minutes", "90 seconds", "30 seconds", "a few seconds"]);
    }
}

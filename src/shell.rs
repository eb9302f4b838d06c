//! The document around the app: head, theme, and the page's policy.

use leptos::config::LeptosOptions;
use leptos::prelude::*;
use leptos_meta::MetaTags;

/// The whole document.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    #[cfg(feature = "ssr")]
    secure_page();
    let theme = theme();
    let style = format!("/{}/{}.css", options.site_pkg_dir, options.output_name);
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href=style/>
                <Takeover options/>
                <crate::failure::FailureInHead/>
                <MetaTags/>
            </head>
            <body>
                <crate::app::App/>
            </body>
        </html>
    }
}

/// Loads the program and lets it take the page over. Leptos' own component leaves the nonce off its preload links.
#[component]
fn Takeover(options: LeptosOptions) -> impl IntoView {
    let nonce = leptos::nonce::use_nonce();
    let base = format!("/{}/{}", options.site_pkg_dir, options.output_name);
    let (script, program) = (format!("{base}.js"), format!("{base}.wasm"));
    let code = format!("import({script:?}).then(m => m.default({{ module_or_path: {program:?} }}).then(() => m.hydrate()));");
    view! {
        <link rel="modulepreload" href=script nonce=nonce.clone()/>
        <link rel="preload" href=program r#as="fetch" r#type="application/wasm" crossorigin="anonymous"/>
        <script type="module" nonce=nonce>{code}</script>
    }
}

/// Sets the policy with this answer's nonce. There is none for server functions, which keep the bare policy.
#[cfg(feature = "ssr")]
fn secure_page() {
    use axum::http::{HeaderValue, header};
    let (Some(nonce), Some(response)) = (leptos::nonce::use_nonce(), use_context::<leptos_axum::ResponseOptions>()) else {
        return;
    };
    if let Ok(policy) = HeaderValue::from_str(&crate::server::middleware::page_csp(&nonce)) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// The theme somebody chose, from a cookie, so that it is right before any script.
fn theme() -> Option<&'static str> {
    #[cfg(feature = "ssr")]
    {
        let parts = use_context::<axum::http::request::Parts>()?;
        match crate::server::cookies::value(&parts.headers, "theme")? {
            "light" => Some("light"),
            "dark" => Some("dark"),
            _ => None,
        }
    }
    #[cfg(not(feature = "ssr"))]
    None
}

//! Pages about signing in: plain documents in the portal's own style, which need no session, no script and no tenant.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// A page of one sentence and what to do next.
#[derive(Debug, Default)]
pub struct Page<'a> {
    /// What is so.
    pub title: &'a str,
    /// More of it, paragraph by paragraph; as text.
    pub text: Vec<String>,
    /// Where to go from here: address and words, the first one before all.
    pub links: Vec<(String, &'a str)>,
    /// Names shown one by one, such as groups; with what they are.
    pub names: Option<(&'a str, Vec<String>)>,
    /// A question, above the links.
    pub form: Option<Form<'a>>,
    /// Leads on by itself, to this address.
    pub on: Option<String>,
}

/// A question to answer.
#[derive(Debug)]
pub struct Form<'a> {
    /// Where the answer goes.
    pub action: &'a str,
    /// What goes with it: names and values.
    pub hidden: Vec<(&'a str, String)>,
    /// A field for a secret: its name, and what it is called.
    pub secret: Option<(&'a str, &'a str)>,
    /// What is wrong with the last answer.
    pub wrong: Option<String>,
    /// The answers: name, value and words of their buttons, the first one before all.
    pub buttons: Vec<(&'a str, &'a str, &'a str)>,
}

impl Form<'_> {
    fn html(&self) -> String {
        let hidden: String = self
            .hidden
            .iter()
            .map(|(name, value)| format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escaped(name), escaped(value)))
            .collect();
        let wrong = self.wrong.as_ref().map_or_else(String::new, |wrong| {
            format!("<div class=\"note bad\" role=\"alert\"><span class=\"dot bad\" aria-hidden=\"true\"></span><div id=\"wrong\">{}</div></div>", escaped(wrong))
        });
        let secret = self.secret.map_or_else(String::new, |(name, called)| {
            let described = if self.wrong.is_some() { " aria-invalid=\"true\" aria-describedby=\"wrong\"" } else { "" };
            format!(
                "<label for=\"secret\">{}</label><input class=\"input\" id=\"secret\" name=\"{}\" type=\"password\" autocomplete=\"off\" required autofocus{described}>",
                escaped(called),
                escaped(name)
            )
        });
        let buttons: String = self
            .buttons
            .iter()
            .enumerate()
            .map(|(at, (name, value, words))| {
                let class = if at == 0 { "button primary" } else { "button" };
                let name = if name.is_empty() {
                    String::new()
                } else {
                    format!(" name=\"{}\" value=\"{}\"", escaped(name), escaped(value))
                };
                format!("<button class=\"{class}\" type=\"submit\"{name}>{}</button> ", escaped(words))
            })
            .collect();
        let action = escaped(self.action);
        format!("<form method=\"post\" action=\"{action}\">{wrong}{hidden}{secret}<p class=\"answers\">{buttons}</p></form>")
    }
}

/// The policy: our style, forms to ourselves, nothing else.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The portal's mark, in the color of the theme.
const MARK: &str = "<svg class=\"mark\" viewBox=\"0 0 18 18\" aria-hidden=\"true\" focusable=\"false\"><path d=\"M2 3h14M2 9h9M2 15h5\" \
    stroke=\"currentColor\" stroke-width=\"2.4\" fill=\"none\"/><circle cx=\"15\" cy=\"13.5\" r=\"2.5\" fill=\"currentColor\"/></svg>";

/// Text as HTML shows it.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

impl Page<'_> {
    /// The answer. The theme is the browser's own: nothing is known of whoever looks.
    pub fn answer(&self, status: StatusCode) -> Response {
        let text: String = self.text.iter().map(|text| format!("<p>{}</p>", escaped(text))).collect();
        let names = self.names.as_ref().map_or_else(String::new, |(what, names)| {
            let items: String = names.iter().map(|name| format!("<li><bdi>{}</bdi></li>", escaped(name))).collect();
            format!("<h2>{}</h2><ul class=\"names\">{items}</ul>", escaped(what))
        });
        let links: String = self
            .links
            .iter()
            .enumerate()
            .map(|(at, (to, words))| {
                let class = if at == 0 && self.form.is_none() { "button primary" } else { "button plain" };
                format!("<a class=\"{class}\" href=\"{}\">{}</a> ", escaped(to), escaped(words))
            })
            .collect();
        let form = self.form.as_ref().map_or_else(String::new, Form::html);
        let links = if links.is_empty() { links } else { format!("<p class=\"answers\">{links}</p>") };
        let on = self
            .on
            .as_ref()
            .map_or_else(String::new, |to| format!("<meta http-equiv=\"refresh\" content=\"0;url={}\">", escaped(to)));
        let title = escaped(self.title);
        let html = format!(
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"color-scheme\" content=\"light dark\">{on}<title>{title} · Quartermaster</title>\
             <link rel=\"icon\" href=\"/favicon.svg\"><link rel=\"stylesheet\" href=\"/pkg/quartermaster.css\"></head>\
             <body><main class=\"alone door\"><p class=\"brand big\">{MARK}<span>Quartermaster</span></p>\
             <h1>{title}</h1>{text}{names}{form}{links}</main></body></html>"
        );
        let mut response = (status, html).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_is_text() {
        assert_eq!(
            escaped("<script>alert('1' & \"2\")</script>"),
            "&lt;script&gt;alert(&#39;1&#39; &amp; &quot;2&quot;)&lt;/script&gt;"
        );
    }
}

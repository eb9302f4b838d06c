//! What the palette can lead to, and how what is typed finds it: pure.

use super::view::Found;
use crate::ui::query::escape;

/// The pages of a tenant: path, name, and the letter that leads there after `g`; some have none.
pub const PAGES: [(&str, &str, &str); 10] = [
    ("overview", "Overview", "o"),
    ("assignments", "Assignments", "a"),
    ("groups", "Groups", "g"),
    ("roles", "Roles", "r"),
    ("lists", "Import list", "i"),
    ("plans", "Plans", "p"),
    ("jobs", "Jobs", "j"),
    ("audit", "Audit", "u"),
    ("settings", "Settings", "s"),
    ("sessions", "Sessions", ""),
];

/// What choosing a command does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Does {
    /// Leads to an address of this portal.
    Go(String),
    /// Leads to another tenant, whose pages begin anew.
    Leave(String),
    /// Presses the control of this place among those that the page shows.
    Press(usize),
    /// Shows what the keyboard can do.
    Shortcuts,
    /// Shows the portal in a theme: `system`, `light` or `dark`.
    Theme(&'static str),
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What it is called.
    pub label: String,
    /// Of which kind it is.
    pub kind: &'static str,
    /// What it does.
    pub does: Does,
    /// It takes something away or ends something: offered only to whoever types its name.
    pub careful: bool,
}

impl Command {
    fn page(tenant: &str, path: &str, label: &str) -> Self {
        Self { label: label.to_owned(), kind: "page", does: Does::Go(format!("/t/{tenant}/{path}")), careful: false }
    }
}

/// The pages of a tenant, the other tenants, and what works everywhere.
pub fn everywhere(tenant: &str, others: &[(String, String)]) -> Vec<Command> {
    let others = others.iter().map(|(id, name)| Command {
        label: name.clone(),
        kind: "tenant",
        does: Does::Leave(format!("/t/{}/overview", escape(id))),
        careful: false,
    });
    let themes = [("system", "Theme: match system"), ("light", "Theme: light"), ("dark", "Theme: dark")];
    let themes = themes.map(|(word, label)| Command {
        label: label.to_owned(),
        kind: "this browser",
        does: Does::Theme(word),
        careful: false,
    });
    let shortcuts = Command { label: "Keyboard shortcuts".to_owned(), kind: "help", does: Does::Shortcuts, careful: false };
    PAGES
        .iter()
        .map(|(path, label, _)| Command::page(tenant, path, label))
        .chain(others)
        .chain([shortcuts])
        .chain(themes)
        .collect()
}

/// The commands that fit what was typed, the best first: those that begin with it, those whose words do, those that hold
/// it. Then a search for people, where anything is typed, and what the server found: it comes late, and nothing above it moves.
pub fn found(tenant: &str, typed: &str, commands: &[Command], besides: &[Found]) -> Vec<Command> {
    let words = typed.trim();
    let typed = words.to_lowercase();
    let mut ranked: Vec<(u8, &Command)> = commands
        .iter()
        .filter(|command| !command.careful || !typed.is_empty())
        .filter_map(|command| rank(&typed, &command.label.to_lowercase()).map(|rank| (rank, command)))
        .collect();
    // Whatever takes something away comes last of all.
    ranked.sort_by_key(|(rank, command)| (command.careful, *rank));
    let mut found: Vec<Command> = ranked.into_iter().map(|(_, command)| command.clone()).collect();
    if !typed.is_empty() {
        found.push(Command {
            label: format!("Search people for “{words}”"),
            kind: "search",
            does: Does::Go(format!("/t/{tenant}/assignments?q={}", escape(words))),
            careful: false,
        });
        found.extend(besides.iter().map(|one| Command {
            label: if one.detail.is_empty() { one.label.clone() } else { format!("{} ({})", one.label, one.detail) },
            kind: one.kind.word(),
            does: Does::Go(format!("/t/{tenant}/{}", one.path)),
            careful: false,
        }));
    }
    found
}

fn rank(typed: &str, label: &str) -> Option<u8> {
    if label.starts_with(typed) {
        return Some(0);
    }
    let begins = |word: &str| label.split(|c: char| !c.is_alphanumeric()).any(|of| of.starts_with(word));
    if typed.split_whitespace().all(begins) {
        return Some(1);
    }
    label.contains(typed).then_some(2)
}

#[cfg(test)]
mod tests {
    use super::super::view::FoundKind;
    use super::*;

    fn labels(typed: &str) -> Vec<String> {
        let others = [("north".to_owned(), "Northwind Audits".to_owned())];
        found("m", typed, &everywhere("m", &others), &[]).into_iter().map(|command| command.label).collect()
    }

    #[test]
    fn what_begins_with_it_comes_before_what_holds_it() {
        assert_eq!(labels("aud"), ["Audit", "Northwind Audits", "Search people for “aud”"]);
        assert_eq!(labels("imp li")[0], "Import list");
        assert_eq!(labels("ett")[0], "Settings");
    }

    #[test]
    fn what_takes_something_away_is_never_first() {
        let press = |label: &str, careful| Command { label: label.into(), kind: "on this page", does: Does::Press(0), careful };
        let commands = [vec![press("Disconnect", true), press("Discard", true)], everywhere("m", &[])].concat();
        let labels = |typed: &str| found("m", typed, &commands, &[]).into_iter().map(|command| command.label).collect::<Vec<_>>();
        assert!(labels("")[0] == "Overview" && !labels("").contains(&"Disconnect".to_owned()));
        assert_eq!(labels("disc"), ["Disconnect", "Discard", "Search people for “disc”"]);
        assert_ne!(labels("s")[0], "Discard");
    }

    #[test]
    fn what_the_server_found_comes_last_and_moves_nothing() {
        let one = |kind, label: &str, detail: &str, path: &str| Found {
            kind,
            label: label.into(),
            detail: detail.into(),
            path: path.into(),
        };
        let besides =
            [one(FoundKind::Person, "Ann", "M\\ann", "assignments?person=x"), one(FoundKind::Group, "Annex", "", "groups/1")];
        let found = found("m", "ann", &everywhere("m", &[]), &besides);
        let labels: Vec<(&str, &str)> = found.iter().map(|command| (command.label.as_str(), command.kind)).collect();
        assert_eq!(labels, [("Search people for “ann”", "search"), ("Ann (M\\ann)", "person"), ("Annex", "group")]);
        assert_eq!(found[2].does, Does::Go("/t/m/groups/1".to_owned()));
        assert_eq!(super::found("m", "dark", &everywhere("m", &[]), &[])[0].does, Does::Theme("dark"));
    }

    #[test]
    fn nothing_typed_is_everything_and_no_search() {
        assert_eq!(labels(" ").len(), 15);
        assert_eq!(labels("Ann & co"), ["Search people for “Ann & co”"]);
        let search = found("m", "a&b", &[], &[]);
        assert_eq!(search[0].does, Does::Go("/t/m/assignments?q=a%26b".to_owned()));
    }
}

//! Licenses at sign-in: who gets one without anybody's doing.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ChangeKind, Comparison, Made, Names, Told, Undo, Wave, switched_back, undo_of_setting};
use crate::inventory::AutoAssign;
use crate::plan::{PlanContext, Risks, Warnings};
use crate::projection::Projection;
use crate::touch::{Setting, Touch, Touches};

/// Set who gets a license at sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SetAutoAssign {
    /// As it was.
    pub before: AutoAssign,
    /// As it shall be.
    pub after: AutoAssign,
}

impl SetAutoAssign {
    /// Switches that go on by it, by name.
    fn switched_on(&self) -> Vec<String> {
        let switches = [
            (self.before.professional, self.after.professional, "Professional"),
            (self.before.analyzer, self.after.analyzer, "Analyzer"),
        ];
        let on = switches.into_iter().filter(|(was, is, _)| *is == Some(true) && *was != Some(true));
        on.map(|(.., name)| name.to_owned()).collect()
    }
}

impl ChangeKind for SetAutoAssign {
    const VERB: &'static str = "set";
    const COUNTED: (&'static str, &'static str) = ("setting", "settings");
    const WAVE: Wave = Wave::Sets;
    const SETTING: bool = true;

    fn target(&self) -> String {
        "Automatic assignment".to_owned()
    }

    fn touches(&self) -> Touches {
        [Touch::Setting(Setting::AutoAssign)].into()
    }

    fn compare(&self, now: &Projection<'_>) -> Comparison {
        Comparison::of(now.auto_assign == self.after, now.auto_assign == self.before)
    }

    fn project(&self, on: &mut Projection<'_>, _: Option<&Made>, _: &str) {
        on.auto_assign = self.after;
    }

    fn undo(&self, _: Option<&Made>) -> Undo {
        let back = AutoAssign {
            professional: switched_back(self.before.professional, self.after.professional),
            analyzer: switched_back(self.before.analyzer, self.after.analyzer),
        };
        undo_of_setting(&self.before, &self.after, &back, || Self { before: self.after, after: back }.into())
    }

    fn told(&self, _: &Names<'_>) -> Told {
        Told { before: self.before.words(), after: self.after.words(), ..Told::default() }
    }

    fn recorded(&self) -> (Value, Value) {
        (json!(self.before), json!(self.after))
    }

    fn addressed(&self) -> (&'static str, String) {
        ("setting", String::new())
    }

    fn warn<'a>(&'a self, _: &PlanContext<'a>, into: &mut Warnings<'a>) {
        into.given_at_sign_in(self.switched_on());
    }

    fn risk<'a>(&'a self, of: &PlanContext<'a>, into: &mut Risks<'a>) {
        if !self.switched_on().is_empty() {
            into.given_at_sign_in(of);
        }
    }
}

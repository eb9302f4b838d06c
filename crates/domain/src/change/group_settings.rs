//! Group settings: how groups come into being.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ChangeKind, Comparison, Made, Names, Told, Undo, Wave, switched_back, undo_of_setting};
use crate::inventory::GroupSettings;
use crate::projection::Projection;
use crate::touch::{Setting, Touch, Touches};

/// Set how groups come into being.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SetGroupSettings {
    /// As it was.
    pub before: GroupSettings,
    /// As it shall be.
    pub after: GroupSettings,
}

impl ChangeKind for SetGroupSettings {
    const VERB: &'static str = "set";
    const COUNTED: (&'static str, &'static str) = ("setting", "settings");
    const WAVE: Wave = Wave::Sets;
    const SETTING: bool = true;

    fn target(&self) -> String {
        "Group creation settings".to_owned()
    }

    fn touches(&self) -> Touches {
        [Touch::Setting(Setting::Groups)].into()
    }

    fn compare(&self, now: &Projection<'_>) -> Comparison {
        Comparison::of(now.group_settings == self.after, now.group_settings == self.before)
    }

    fn project(&self, on: &mut Projection<'_>, _: Option<&Made>, _: &str) {
        on.group_settings = self.after;
    }

    fn undo(&self, _: Option<&Made>) -> Undo {
        let back = GroupSettings {
            auto_create_groups: switched_back(self.before.auto_create_groups, self.after.auto_create_groups),
            sync_idp_groups: switched_back(self.before.sync_idp_groups, self.after.sync_idp_groups),
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
}

//! Licenses: giving one, taking one back, swapping one for another, and moving a subject's to another subject.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Change, ChangeKind, Comparison, Line, Made, Names, Told, Undo, Wave};
use crate::allotment::AllotmentName;
use crate::plan::{PlanContext, Risks, Warnings};
use crate::projection::Projection;
use crate::subject::Subject;
use crate::touch::{Touch, Touches};

/// What stands where nobody holds anything.
const NONE: &str = "none";

/// Give a license.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Assign {
    /// Who.
    pub subject: Subject,
    /// What.
    pub allotment: AllotmentName,
}

/// Take a license back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Remove {
    /// Who.
    pub subject: Subject,
    /// What.
    pub allotment: AllotmentName,
}

/// Swap one license for another in one step.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChangeType {
    /// Who.
    pub subject: Subject,
    /// What now.
    pub from: AllotmentName,
    /// What then.
    pub to: AllotmentName,
}

/// Move a subject's licenses to another subject.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rename {
    /// The subject as it is.
    pub from: Subject,
    /// The subject as it shall be.
    pub to: Subject,
    /// What is moved.
    pub allotments: Vec<AllotmentName>,
}

impl ChangeKind for Assign {
    const VERB: &'static str = "assign";
    const COUNTED: (&'static str, &'static str) = ("assignment", "assignments");
    const WAVE: Wave = Wave::Takes;
    const SIGN: &'static str = "+";

    fn target(&self) -> String {
        self.subject.to_string()
    }

    fn touches(&self) -> Touches {
        [Touch::Holdings(self.subject.clone())].into()
    }

    fn compare(&self, now: &Projection<'_>) -> Comparison {
        let holds = now.holds(&self.subject, &self.allotment);
        Comparison::of(holds, !holds)
    }

    fn project(&self, on: &mut Projection<'_>, _: Option<&Made>, at: &str) {
        on.give(&self.subject, &self.allotment, at);
    }

    fn undo(&self, _: Option<&Made>) -> Undo {
        Undo::By(Remove { subject: self.subject.clone(), allotment: self.allotment.clone() }.into())
    }

    fn told(&self, _: &Names<'_>) -> Told {
        Told { before: NONE.to_owned(), after: self.allotment.label(), ..Told::default() }
    }

    fn recorded(&self) -> (Value, Value) {
        (Value::Null, json!({ "license": self.allotment }))
    }

    fn warn<'a>(&'a self, of: &PlanContext<'a>, into: &mut Warnings<'a>) {
        into.somebody(of, &self.subject);
        into.gets(of, &self.subject);
        into.gets_besides(of, &self.subject);
        into.newcomer(of, &self.subject);
    }

    fn subject(&self) -> Option<&Subject> {
        Some(&self.subject)
    }

    fn gives(&self) -> Option<(&Subject, &AllotmentName)> {
        Some((&self.subject, &self.allotment))
    }

    fn newcomer(&self) -> Option<&Subject> {
        Some(&self.subject)
    }

    fn giving(&self, allotment: &AllotmentName) -> Option<Change> {
        Some(Self { allotment: allotment.clone(), ..self.clone() }.into())
    }
}

impl ChangeKind for Remove {
    const VERB: &'static str = "remove";
    const COUNTED: (&'static str, &'static str) = ("removal", "removals");
    const WAVE: Wave = Wave::Frees;
    const SIGN: &'static str = "−";

    fn target(&self) -> String {
        self.subject.to_string()
    }

    fn touches(&self) -> Touches {
        [Touch::Holdings(self.subject.clone())].into()
    }

    fn compare(&self, now: &Projection<'_>) -> Comparison {
        let holds = now.holds(&self.subject, &self.allotment);
        Comparison::of(!holds, holds)
    }

    fn project(&self, on: &mut Projection<'_>, _: Option<&Made>, _: &str) {
        on.take(&self.subject, &self.allotment);
    }

    fn undo(&self, _: Option<&Made>) -> Undo {
        Undo::By(Assign { subject: self.subject.clone(), allotment: self.allotment.clone() }.into())
    }

    fn told(&self, _: &Names<'_>) -> Told {
        Told { before: self.allotment.label(), after: NONE.to_owned(), ..Told::default() }
    }

    fn recorded(&self) -> (Value, Value) {
        (json!({ "license": self.allotment }), Value::Null)
    }

    fn warn<'a>(&'a self, of: &PlanContext<'a>, into: &mut Warnings<'a>) {
        into.somebody(of, &self.subject);
        into.loses(of, &self.subject);
        into.is_left_without(of, &self.subject, &self.allotment);
    }

    fn risk<'a>(&'a self, _: &PlanContext<'a>, into: &mut Risks<'a>) {
        into.loss();
    }

    fn subject(&self) -> Option<&Subject> {
        Some(&self.subject)
    }

    fn takes(&self) -> Option<(&Subject, &AllotmentName)> {
        Some((&self.subject, &self.allotment))
    }

    fn is_loss(&self) -> bool {
        true
    }
}

impl ChangeKind for ChangeType {
    const VERB: &'static str = "change type";
    const COUNTED: (&'static str, &'static str) = ("type change", "type changes");
    const WAVE: Wave = Wave::Swaps;

    fn target(&self) -> String {
        self.subject.to_string()
    }

    fn touches(&self) -> Touches {
        [Touch::Holdings(self.subject.clone())].into()
    }

    fn compare(&self, now: &Projection<'_>) -> Comparison {
        let (old, new) = (now.holds(&self.subject, &self.from), now.holds(&self.subject, &self.to));
        Comparison::of(new && !old, old && !new)
    }

    fn project(&self, on: &mut Projection<'_>, _: Option<&Made>, at: &str) {
        on.take(&self.subject, &self.from);
        on.give(&self.subject, &self.to, at);
    }

    fn undo(&self, _: Option<&Made>) -> Undo {
        Undo::By(Self { subject: self.subject.clone(), from: self.to.clone(), to: self.from.clone() }.into())
    }

    fn told(&self, _: &Names<'_>) -> Told {
        Told { before: self.from.label(), after: self.to.label(), ..Told::default() }
    }

    fn recorded(&self) -> (Value, Value) {
        (json!({ "license": self.from }), json!({ "license": self.to }))
    }

    fn warn<'a>(&'a self, of: &PlanContext<'a>, into: &mut Warnings<'a>) {
        into.somebody(of, &self.subject);
        into.loses(of, &self.subject);
        if self.is_loss() {
            into.is_lowered(of, &self.from);
        }
        into.gets(of, &self.subject);
    }

    fn risk<'a>(&'a self, _: &PlanContext<'a>, into: &mut Risks<'a>) {
        if self.is_loss() {
            into.loss();
        }
    }

    fn subject(&self) -> Option<&Subject> {
        Some(&self.subject)
    }

    fn gives(&self) -> Option<(&Subject, &AllotmentName)> {
        Some((&self.subject, &self.to))
    }

    fn takes(&self) -> Option<(&Subject, &AllotmentName)> {
        Some((&self.subject, &self.from))
    }

    fn is_loss(&self) -> bool {
        self.from.is_lowered_by(&self.to)
    }

    fn giving(&self, allotment: &AllotmentName) -> Option<Change> {
        (self.from != *allotment).then(|| Self { to: allotment.clone(), ..self.clone() }.into())
    }
}

impl ChangeKind for Rename {
    const VERB: &'static str = "rename";
    const COUNTED: (&'static str, &'static str) = ("rename", "renames");
    const WAVE: Wave = Wave::Moves;

    fn target(&self) -> String {
        self.from.to_string()
    }

    fn touches(&self) -> Touches {
        [Touch::Holdings(self.from.clone()), Touch::Holdings(self.to.clone())].into()
    }

    fn compare(&self, now: &Projection<'_>) -> Comparison {
        let all = |subject: &Subject, wanted: bool| self.allotments.iter().all(|a| now.holds(subject, a) == wanted);
        Comparison::of(all(&self.to, true) && all(&self.from, false), all(&self.from, true) && all(&self.to, false))
    }

    fn project(&self, on: &mut Projection<'_>, _: Option<&Made>, _: &str) {
        for allotment in &self.allotments {
            // It moves, and is as old as it was. What has moved already stays as it is.
            if let Some(created) = on.take(&self.from, allotment) {
                on.give(&self.to, allotment, &created);
            }
        }
    }

    fn undo(&self, _: Option<&Made>) -> Undo {
        Undo::By(Self { from: self.to.clone(), to: self.from.clone(), allotments: self.allotments.clone() }.into())
    }

    fn told(&self, _: &Names<'_>) -> Told {
        Told { before: self.from.to_string(), after: self.to.to_string(), ..Told::default() }
    }

    fn recorded(&self) -> (Value, Value) {
        let held = |subject: &Subject| json!({ "subject": subject.to_string(), "licenses": self.allotments });
        (held(&self.from), held(&self.to))
    }

    fn warn<'a>(&'a self, of: &PlanContext<'a>, into: &mut Warnings<'a>) {
        into.somebody(of, &self.from);
        into.newcomer(of, &self.to);
    }

    fn line(&self) -> Line {
        Line { new_subject: self.to.to_string(), ..Line::default() }
    }

    fn subject(&self) -> Option<&Subject> {
        Some(&self.from)
    }

    fn newcomer(&self) -> Option<&Subject> {
        Some(&self.to)
    }
}

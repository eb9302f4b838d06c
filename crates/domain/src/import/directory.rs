//! What a list is compared with: who is known in the tenant and by what, looked up and never searched; and who is near to
//! what was typed.

use std::collections::{HashMap, HashSet};

use rapidfuzz::distance::levenshtein;

use crate::allotment::Allotment;
use crate::inventory::Inventory;
use crate::subject::Subject;
use crate::text;

/// What a list is compared with.
#[derive(Debug, Default)]
pub struct Directory {
    /// Everybody there is: users, and holders who are no users.
    people: Vec<Who>,
    /// By subject without case.
    subjects: HashMap<String, usize>,
    /// By subject without case and blanks; `None` where several share that.
    loose: HashMap<String, Option<usize>>,
    by_id: HashMap<String, usize>,
    /// Those who share a mail.
    by_mail: HashMap<String, Vec<usize>>,
    /// Those who share a name, without case and accents, its words in order.
    by_name: HashMap<String, Vec<usize>>,
    /// By label and by wire name, both without case and spaces.
    allotments: HashMap<String, Allotment>,
    /// Labels, to suggest from.
    pub(super) labels: Vec<String>,
    /// To suggest from, by the digits in a subject: whoever differs in a digit is somebody else.
    near: HashMap<String, Vec<Near>>,
    /// Mails and ids, of which a list may have one with a letter wrong.
    near_mails: Vec<Near>,
    near_ids: Vec<Near>,
}

/// Somebody, as far as lists go.
#[derive(Debug)]
struct Who {
    subject: Subject,
    name: String,
    mail: String,
    /// The name's words, without case and accents.
    words: String,
}

/// A subject, mail or id to compare with: which letters it has and how many, so that most need no closer look.
#[derive(Debug)]
struct Near {
    key: String,
    letters: u64,
    length: usize,
    who: usize,
}

impl Near {
    fn new(key: String, who: usize) -> Self {
        Self { letters: letters(&key), length: key.chars().count(), key, who }
    }
}

/// Letters and digits alone, without case.
pub(super) fn squeezed(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Without case and blanks: how a subject looks to somebody who reads it.
fn loose(text: &str) -> String {
    text::same(&text.chars().filter(|c| !c.is_whitespace() && !text::is_invisible(*c)).collect::<String>())
}

/// The words of a name in order, so that “Aalto, Iida” is “Iida Aalto”.
fn words(name: &str) -> String {
    let folded = text::folded(name);
    let mut words: Vec<&str> = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.sort_unstable();
    words.join(" ")
}

fn letters(key: &str) -> u64 {
    key.chars().fold(0, |all, c| all | 1 << (u32::from(c) % 64))
}

fn digits(key: &str) -> String {
    key.chars().filter(char::is_ascii_digit).collect()
}

impl Directory {
    /// What an inventory knows.
    pub fn of(inventory: &Inventory) -> Self {
        let mut directory = Self::default();
        let users: HashSet<String> = inventory.people.iter().map(|person| person.subject.key()).collect();
        for person in &inventory.people {
            let at = directory.add(&person.subject, &person.name, &person.email);
            let id = person.id.as_str().to_lowercase();
            directory.near_ids.push(Near::new(id.clone(), at));
            directory.by_id.insert(id, at);
            if !person.email.is_empty() {
                let mail = text::same(&person.email);
                directory.near_mails.push(Near::new(mail.clone(), at));
                directory.by_mail.entry(mail).or_default().push(at);
            }
        }
        for assignment in &inventory.assignments {
            let key = assignment.subject.key();
            if !users.contains(&key) && !directory.subjects.contains_key(&key) {
                directory.add(&assignment.subject, "", "");
            }
        }
        for allotment in &inventory.allotments {
            directory.allotments.insert(squeezed(allotment.name.as_str()), allotment.clone());
            directory.allotments.insert(squeezed(&allotment.name.label()), allotment.clone());
            if allotment.takes_assignments() {
                directory.labels.push(allotment.name.label());
            }
        }
        directory
    }

    fn add(&mut self, subject: &Subject, name: &str, mail: &str) -> usize {
        let at = self.people.len();
        let (key, words) = (subject.key(), words(name));
        self.loose.entry(loose(subject.as_str())).and_modify(|one| *one = None).or_insert(Some(at));
        self.near.entry(digits(&key)).or_default().push(Near::new(key.clone(), at));
        if !words.is_empty() {
            self.by_name.entry(words.clone()).or_default().push(at);
        }
        self.subjects.insert(key, at);
        self.people.push(Who { subject: subject.clone(), name: name.to_owned(), mail: mail.to_owned(), words });
        at
    }

    fn subject_of(&self, at: usize) -> Option<&Subject> {
        self.people.get(at).map(|who| &who.subject)
    }

    /// Whose subject this is. What differs in blanks alone is the same to whoever reads it.
    pub(super) fn by_subject(&self, subject: &str) -> Option<&Subject> {
        let at = self.subjects.get(&text::same(subject)).or_else(|| self.loose.get(&loose(subject))?.as_ref())?;
        self.subject_of(*at)
    }

    pub(super) fn by_id(&self, id: &str) -> Option<&Subject> {
        self.subject_of(*self.by_id.get(&id.to_lowercase())?)
    }

    /// Everybody with this mail.
    pub(super) fn by_mail(&self, mail: &str) -> Vec<&Subject> {
        let found = self.by_mail.get(&text::same(mail)).map_or(&[][..], Vec::as_slice);
        found.iter().filter_map(|at| self.subject_of(*at)).collect()
    }

    /// Everybody of this name.
    pub(super) fn by_name(&self, name: &str) -> Vec<&Subject> {
        let found = self.by_name.get(&words(name)).map_or(&[][..], Vec::as_slice);
        found.iter().filter_map(|at| self.subject_of(*at)).collect()
    }

    /// An allotment by label or wire name.
    pub(super) fn allotment(&self, cell: &str) -> Option<&Allotment> {
        self.allotments.get(&squeezed(cell))
    }

    /// Whether a name cell names somebody else than this subject: not a word in common with the name known.
    pub(super) fn is_named_otherwise(&self, subject: &Subject, name: &str) -> bool {
        let Some(who) = self.subjects.get(&subject.key()).and_then(|at| self.people.get(*at)) else { return false };
        let said = words(name);
        !said.is_empty()
            && !who.words.is_empty()
            && !said.split(' ').any(|word| who.words.split(' ').any(|directory| directory == word))
    }

    /// Everybody that a subject nobody has may be meant for: near in its letters, and the same in its digits. The nearest first,
    /// with how many letters differ.
    pub(super) fn near(&self, subject: &str) -> Vec<(usize, &Subject)> {
        let key = text::same(subject);
        self.nearest(&key, self.near.get(&digits(&key)).into_iter().flatten())
    }

    /// Everybody that what was typed may be meant for, by subject, mail or id, digits or not: whoever is to be left alone rather
    /// than to lose something.
    pub(super) fn anyhow_near(&self, typed: &str) -> Vec<&Subject> {
        let key = text::same(typed);
        let found = if key.contains('@') {
            self.nearest(&key, self.near_mails.iter().chain(self.near.values().flatten()))
        } else {
            self.nearest(&key, self.near_ids.iter().chain(self.near.values().flatten()))
        };
        found.into_iter().map(|(_, subject)| subject).collect()
    }

    fn nearest<'a>(&'a self, key: &str, candidates: impl Iterator<Item = &'a Near>) -> Vec<(usize, &'a Subject)> {
        let length = key.chars().count();
        let most = if length < 5 { 1 } else { 2 };
        let bag = letters(key);
        let (typed, cutoff) = (levenshtein::BatchComparator::new(key.chars()), levenshtein::Args::default().score_cutoff(most));
        let mut found: Vec<(usize, &Subject)> = candidates
            // Each letter that differs changes two bits at most.
            .filter(|near| near.length.abs_diff(length) <= most && (near.letters ^ bag).count_ones() as usize <= 2 * most)
            .filter_map(|near| Some((typed.distance_with_args(near.key.chars(), &cutoff)?, self.subject_of(near.who)?)))
            .collect();
        found.sort_by(|(one, first), (two, second)| one.cmp(two).then_with(|| first.cmp(second)));
        found
    }

    /// Whom a subject nobody has is most likely meant for; nobody where two are about as near, or where the line's name or mail
    /// says otherwise. A suggestion about a person is for a person to take, one by one.
    pub(super) fn suggest(&self, subject: &str, name: &str, mail: &str) -> Option<&Subject> {
        let near = self.near(subject);
        let (distance, first) = *near.first()?;
        if near.get(1).is_some_and(|(other, _)| *other <= distance + 1) {
            return None;
        }
        let who = self.people.get(*self.subjects.get(&first.key())?)?;
        let says_otherwise = (!name.is_empty() && self.is_named_otherwise(first, name))
            || (!mail.is_empty() && !who.mail.is_empty() && text::same(mail) != text::same(&who.mail));
        (!says_otherwise).then_some(first)
    }

    /// A person's name, for a list that shows whom it recognised.
    pub fn name_of(&self, subject: &Subject) -> &str {
        self.subjects.get(&subject.key()).and_then(|at| self.people.get(*at)).map_or("", |who| who.name.as_str())
    }
}

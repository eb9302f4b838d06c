//! Who of the people made up is somebody whose use is known.

use std::collections::HashMap;

use super::{DAY, Someone};
use crate::options::Options;
use crate::tenant::Tenant;
use crate::usage::{Persona, Placed};

/// People who are needed for one of each kind, and licenses: no more of them than a third of either.
const PEOPLE: usize = 60;
const LICENSES: usize = 50;

/// The people of known use, by their place among all people.
pub(super) struct Cast {
    of_each: usize,
    roles: HashMap<usize, Persona>,
    placed: Vec<Placed>,
}

impl Cast {
    /// Chooses them, makes their users what they are to be, and tells the consumption of everybody.
    pub(super) fn choose(tenant: &mut Tenant, options: &Options, people: &[Someone], today: i64) -> Self {
        let of_each = options.personas.min(people.len() / PEOPLE).min(options.assignments / LICENSES);
        let mut humans = people.iter().enumerate().rev().filter(|(_, person)| person.human);
        let mut bots = people.iter().enumerate().filter(|(_, person)| person.subject.starts_with("qlikbot\\"));
        let mut cast = Self { of_each, roles: HashMap::new(), placed: Vec::new() };
        for persona in Persona::ALL {
            for _ in 0..of_each {
                let place = match persona {
                    Persona::Orphan => None,
                    Persona::Bot => bots.next(),
                    _ => humans.next(),
                };
                let Some((place, person)) = place else { continue };
                cast.roles.insert(place, persona);
                let subject = dress(tenant, person, persona, today);
                cast.placed.push(Placed { persona, id: person.id.to_string(), subject });
            }
        }
        for (place, person) in people.iter().enumerate() {
            let persona = cast.roles.get(&place).copied();
            let is_active = tenant.user(&person.id).is_some_and(|user| user.status == "active");
            let away = match persona {
                _ if is_active => None,
                Some(_) => Some(today - 30 * DAY),
                None => Some(i64::MIN),
            };
            tenant.usage.add_person(&person.id, &person.subject, persona, away);
        }
        tenant.usage.placed.clone_from(&cast.placed);
        cast
    }

    /// How many there are of each kind, where there are enough people.
    pub(super) fn of_each(&self) -> usize {
        self.of_each
    }

    /// Whether this is somebody of known use.
    pub(super) fn has(&self, place: usize) -> bool {
        self.roles.contains_key(&place)
    }

    /// Ids of those of a kind.
    pub(super) fn ids(&self, persona: Persona) -> impl Iterator<Item = String> {
        self.placed.iter().filter(move |placed| placed.persona == persona).map(|placed| placed.id.clone())
    }

    /// What they hold: subject, allotment, and for how many days.
    pub(super) fn licenses(&self) -> impl Iterator<Item = (String, &'static str, i64)> {
        self.placed
            .iter()
            .flat_map(|placed| placed.persona.holds().iter().map(|(allotment, days)| (placed.subject.clone(), *allotment, *days)))
    }
}

/// Makes a user what their persona is to be; their subject as it is spelled from then on.
fn dress(tenant: &mut Tenant, person: &Someone, persona: Persona, today: i64) -> String {
    let admin = tenant.role_named("TenantAdmin").map(|role| role.id.clone());
    let Some(user) = tenant.user_mut(&person.id) else { return person.subject.clone() };
    user.status = persona.status();
    user.invite_expiry = None;
    if persona == Persona::AdminIdle {
        user.roles.extend(admin);
    }
    if persona == Persona::BurnerCase {
        user.subject = match user.subject.split_once('\\') {
            Some((domain, name)) => format!("{}\\{}", domain.to_lowercase(), name.to_uppercase()),
            None => user.subject.to_uppercase(),
        };
    }
    if user.status != "active" {
        user.updated = today - 30 * DAY;
    }
    user.subject.clone()
}

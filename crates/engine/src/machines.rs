//! The portal's own clients at tenants: what they act by when nobody is there. Their tokens are kept in memory only, and asked for anew.

use std::collections::HashMap;

use tokio::sync::Mutex;

use crate::Tenant;
use crate::backend::{Key, Person};
use crate::connection::Tokens;
use crate::fault::Fault;

/// What a tenant gave to the portal's own client, and who that is there.
#[derive(Debug, Clone)]
struct Machine {
    tokens: Tokens,
    person: Person,
}

/// The portal's own clients, by tenant.
#[derive(Debug, Default)]
pub struct Machines(Mutex<HashMap<String, Machine>>);

impl Machines {
    /// What opens a tenant for the portal itself, and as whom. `refused`: the tenant took the newest no more.
    pub async fn open(&self, tenant: &Tenant, now: i64, refused: bool) -> Result<(Key, Person), Fault> {
        // Held while it is asked for: whoever comes meanwhile waits for the same answer.
        let mut all = self.0.lock().await;
        if let Some(machine) = all.get(&tenant.id).filter(|machine| !refused && !machine.tokens.are_due(now)) {
            return Ok((machine.tokens.key(&machine.person.id), machine.person.clone()));
        }
        all.remove(&tenant.id);
        let tokens = Tokens::of(tenant.backend.machine_tokens().await?, "", 0, now);
        let person = tenant.backend.who(&Key::of_a_stranger(tokens.access.clone())).await?;
        let opened = (tokens.key(&person.id), person.clone());
        all.insert(tenant.id.clone(), Machine { tokens, person });
        Ok(opened)
    }
}

//! Entries in the order they came, with sorted views.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::scim::Record;

/// Entries by (sort key without case, number), ascending.
pub(crate) type Order = Vec<(String, u64)>;

/// Entries in the order they came, with sorted views that are kept until something changes.
#[derive(Debug, Clone)]
pub(crate) struct Collection<T> {
    pub(crate) items: BTreeMap<u64, T>,
    next: u64,
    revision: u64,
    orders: HashMap<&'static str, (u64, Arc<Order>)>,
}

impl<T> Default for Collection<T> {
    fn default() -> Self {
        Self { items: BTreeMap::new(), next: 1, revision: 0, orders: HashMap::new() }
    }
}

impl<T: Record> Collection<T> {
    pub(crate) fn push(&mut self, item: T) -> u64 {
        let seq = self.next;
        self.next += 1;
        self.revision += 1;
        self.items.insert(seq, item);
        seq
    }

    pub(crate) fn remove(&mut self, seq: u64) -> Option<T> {
        self.revision += 1;
        self.items.remove(&seq)
    }

    pub(crate) fn get_mut(&mut self, seq: u64) -> Option<&mut T> {
        self.revision += 1;
        self.items.get_mut(&seq)
    }

    /// Entries by (sort key without case, number), ascending.
    pub(crate) fn order(&mut self, attribute: &'static str) -> Arc<Order> {
        if let Some((revision, order)) = self.orders.get(attribute)
            && *revision == self.revision
        {
            return order.clone();
        }
        let mut order: Order = self
            .items
            .iter()
            .map(|(seq, item)| (item.values(attribute).into_iter().next().unwrap_or_default().to_lowercase(), *seq))
            .collect();
        order.sort();
        let order = Arc::new(order);
        self.orders.insert(attribute, (self.revision, order.clone()));
        order
    }
}

//! What each worker remembers of the texts it has seen: the rules cost half a millisecond, and
//! the same few thousand texts come again and again.
//!
//! Every worker has a memory of its own, so that there is no lock and no shared cache line. A memory has
//! two halves: when the newer one is full it becomes the older one, which is then forgotten as a whole.
//! What is asked for moves to the newer half, so what is in use stays.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Weak};

use super::rules::Client;

/// Names the memories of one filter, one in each worker.
pub(super) struct CacheId {
    /// Memories whose filter is gone are dropped: they hold this weakly.
    filter: Arc<()>,
    size: usize,
}

struct Cache {
    filter: Weak<()>,
    newer: HashMap<Box<str>, Rc<Client>>,
    older: HashMap<Box<str>, Rc<Client>>,
}

thread_local! {
    static CACHES: RefCell<Vec<Cache>> = const { RefCell::new(Vec::new()) };
}

impl CacheId {
    /// Memories for `size` texts each.
    pub(super) fn new(size: usize) -> Self {
        Self {
            filter: Arc::new(()),
            size,
        }
    }

    /// What is known of `text`, else what `parse` makes of it.
    pub(super) fn get(
        &self,
        text: &str,
        parse: impl FnOnce() -> Option<Client>,
    ) -> Option<Rc<Client>> {
        CACHES.with_borrow_mut(|caches| {
            let cache = self.cache(caches);
            if let Some(known) = cache.newer.get(text) {
                return Some(known.clone());
            }
            let client = match cache.older.remove(text) {
                Some(known) => known,
                None => Rc::new(parse()?),
            };
            if cache.newer.len() >= self.size.div_ceil(2) {
                cache.older = std::mem::take(&mut cache.newer);
            }
            cache.newer.insert(text.into(), client.clone());
            Some(client)
        })
    }

    fn cache<'c>(&self, caches: &'c mut Vec<Cache>) -> &'c mut Cache {
        let own = Arc::as_ptr(&self.filter);
        let found = caches.iter().position(|cache| cache.filter.as_ptr() == own);
        let at = found.unwrap_or_else(|| {
            caches.retain(|cache| cache.filter.strong_count() > 0);
            caches.push(Cache {
                filter: Arc::downgrade(&self.filter),
                newer: HashMap::new(),
                older: HashMap::new(),
            });
            caches.len() - 1
        });
        &mut caches[at]
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::Software;
    use super::*;

    fn client(device: &str) -> Client {
        let software = || Software {
            family: String::new(),
            version: Default::default(),
        };
        Client {
            agent: software(),
            os: software(),
            device: device.to_owned(),
        }
    }

    #[test]
    fn what_is_in_use_is_remembered() {
        let id = CacheId::new(4);
        let mut parsed = Vec::new();
        for text in ["a", "b", "a", "c", "a", "d", "a", "e", "b", "a"] {
            let found = id.get(text, || {
                parsed.push(text);
                Some(client(text))
            });
            assert_eq!(found.unwrap().device, text);
        }
        assert_eq!(parsed, ["a", "b", "c", "d", "e", "b"]);
    }

    #[test]
    fn filters_do_not_share_and_leave_nothing_behind() {
        let first = CacheId::new(4);
        let second = CacheId::new(4);
        first.get("x", || Some(client("1"))).unwrap();
        assert_eq!(second.get("x", || Some(client("2"))).unwrap().device, "2");
        drop(first);
        CacheId::new(4).get("x", || Some(client("3"))).unwrap();
        CACHES.with_borrow(|caches| assert_eq!(caches.len(), 2));
    }
}

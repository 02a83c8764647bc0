//! Which groups can be set in one match: not those of two branches of an alternation.

use std::collections::BTreeSet;

use super::ast::Node;

/// What `key` gives for two different groups which one match can both set.
pub(super) fn set_together<K: Ord + Clone>(
    node: &Node,
    key: &impl Fn(u32) -> Option<K>,
) -> BTreeSet<K> {
    let twice = BTreeSet::new();
    let mut walk = Walk { key, twice };
    walk.set_in(node);
    walk.twice
}

struct Walk<'k, K, F> {
    key: &'k F,
    twice: BTreeSet<K>,
}

impl<K: Ord + Clone, F: Fn(u32) -> Option<K>> Walk<'_, K, F> {
    /// What the groups of a node may set.
    fn set_in(&mut self, node: &Node) -> BTreeSet<K> {
        match node {
            Node::Concat(nodes) => nodes.iter().fold(BTreeSet::new(), |set, node| {
                let more = self.set_in(node);
                self.join(set, more)
            }),
            Node::Alternate(nodes) => nodes.iter().flat_map(|node| self.set_in(node)).collect(),
            Node::Repeat(repeat) => self.set_in(&repeat.node),
            Node::Atomic(node) => self.set_in(node),
            Node::Look { negate, node, .. } => match negate {
                true => BTreeSet::new(),
                false => self.set_in(node),
            },
            Node::Capture { group, node } => {
                let set = self.set_in(node);
                let own = (self.key)(*group).into_iter().collect();
                self.join(set, own)
            }
            Node::Empty
            | Node::Literal(_)
            | Node::Class(_)
            | Node::Assert(_)
            | Node::Keep
            | Node::Backref { .. }
            | Node::Unresolved(_) => BTreeSet::new(),
        }
    }

    /// Both sets, of which one match may take part in.
    fn join(&mut self, mut set: BTreeSet<K>, more: BTreeSet<K>) -> BTreeSet<K> {
        self.twice.extend(set.intersection(&more).cloned());
        set.extend(more);
        set
    }
}

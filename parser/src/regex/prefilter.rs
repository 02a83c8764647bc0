//! Quick rejection: after the first attempt has failed, is there any match further on?
//!
//! Four filters, none of which ever rejects a text that matches: literals that every match contains, [necessary
//! factors](super::factors), an [`Automaton`] of a rough superset of the pattern, and, once the search is found to take
//! long, one of a finer superset.

use super::ast::{Node, Repeat};
use super::automaton::{Automaton, Caches};
use super::shift_and::Factors;
use super::superset::Precision;
use memchr::memmem::Finder;
use std::sync::Arc;

/// What rejects texts for one pattern.
#[derive(Debug)]
pub(super) struct Prefilter {
    required: Vec<Finder<'static>>,
    pub(super) tree: Arc<Node>,
    factors: Factors,
    rough: Automaton,
    fine: Automaton,
}

impl Prefilter {
    pub(super) fn new(tree: Node) -> Prefilter {
        let tree = Arc::new(tree);
        let mut literals = Vec::new();
        required(&tree, &mut literals);
        literals.sort_by_key(|literal| std::cmp::Reverse(literal.len()));
        literals.dedup();
        let required = literals.iter().take(2).filter(|literal| literal.len() > 1);
        Prefilter {
            required: required
                .map(|literal| Finder::new(literal).into_owned())
                .collect(),
            factors: Factors::default(),
            rough: Automaton::new(vec![tree.clone()], Precision::Rough),
            fine: Automaton::new(vec![tree.clone()], Precision::Fine),
            tree,
        }
    }

    /// Whether a match may begin at byte `from` or later, at first sight.
    pub(super) fn may_match(&self, text: &str, from: usize, caches: &mut Caches) -> bool {
        let rest = text.as_bytes().get(from..).unwrap_or_default();
        let found = |literal: &Finder<'_>| literal.find(rest).is_some();
        self.required.iter().all(found)
            && self.has_factor(rest)
            && is_candidate(&self.rough, text, from, caches)
    }

    fn has_factor(&self, text: &[u8]) -> bool {
        let candidates = self
            .factors
            .candidates(std::slice::from_ref(&self.tree), text);
        candidates.contains(0)
    }

    /// The same at a closer look, which is worth its cost only before a long search.
    pub(super) fn may_well_match(&self, text: &str, from: usize, caches: &mut Caches) -> bool {
        is_candidate(&self.fine, text, from, caches)
    }
}

fn is_candidate(automaton: &Automaton, text: &str, from: usize, caches: &mut Caches) -> bool {
    let candidates = automaton.candidates(text, from, caches);
    candidates.is_none_or(|found| found.contains(0))
}

/// Literals that every match contains.
fn required<'n>(node: &'n Node, out: &mut Vec<&'n str>) {
    match node {
        Node::Literal(text) => out.push(text),
        Node::Concat(nodes) => nodes.iter().for_each(|node| required(node, out)),
        Node::Capture { node, .. } | Node::Atomic(node) => required(node, out),
        Node::Repeat(Repeat { node, min, .. }) if *min > 0 => required(node, out),
        _ => {}
    }
}

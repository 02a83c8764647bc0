//! Quick rejection: after the first attempt has failed, is there any match further on?
//!
//! Two filters, neither of which ever rejects a text that matches: literals that every match contains, and a lazy DFA of
//! a superset of the pattern. The superset is derived here: looks and boundaries are dropped (which only widens the
//! language, since a dropped look is not inside another one), atomic groups and possessive repeats become plain ones,
//! back references anything, and characters beyond ASCII any such character.

use super::ast::{Assertion, Node, Repeat};
use super::class::CharClass;
use memchr::memmem::Finder;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::{Input, MatchKind};
use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, Hir, Look, Repetition};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A pattern whose superset automaton needs more memory than this, in bytes, has none.
const MAX_NFA_BYTES: usize = 2 << 20;
/// The most memory a thread keeps for the states of one automaton, in bytes.
const CACHE_BYTES: usize = 4 << 20;

/// What rejects texts for one pattern.
#[derive(Debug)]
pub(super) struct Prefilter {
    required: Vec<Finder<'static>>,
    tree: Node,
    /// Built when the pattern first misses: many never do.
    automaton: OnceLock<Option<DFA>>,
    /// Index of this automaton's states in [`Caches`].
    id: usize,
}

/// The states that automata have come by so far, of all patterns used by one thread.
#[derive(Debug, Default)]
pub(super) struct Caches(Vec<Option<Box<Cache>>>);

impl Prefilter {
    pub(super) fn new(tree: &Node) -> Prefilter {
        static NEXT_ID: AtomicUsize = AtomicUsize::new(0);
        let mut literals = Vec::new();
        required(tree, &mut literals);
        literals.sort_by_key(|literal| std::cmp::Reverse(literal.len()));
        literals.dedup();
        let required = literals.iter().take(2).filter(|literal| literal.len() > 1);
        Prefilter {
            required: required
                .map(|literal| Finder::new(literal).into_owned())
                .collect(),
            tree: tree.clone(),
            automaton: OnceLock::new(),
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Whether a match may begin at byte `from` or later.
    pub(super) fn may_match(&self, text: &str, from: usize, caches: &mut Caches) -> bool {
        let rest = text.as_bytes().get(from..).unwrap_or_default();
        if self
            .required
            .iter()
            .any(|literal| literal.find(rest).is_none())
        {
            return false;
        }
        let Some(automaton) = self
            .automaton
            .get_or_init(|| superset_automaton(&self.tree))
        else {
            return true;
        };
        if caches.0.len() <= self.id {
            caches.0.resize_with(self.id + 1, || None);
        }
        let cache = caches.0[self.id].get_or_insert_with(|| Box::new(automaton.create_cache()));
        let input = Input::new(text).span(from..text.len()).earliest(true);
        // An automaton that gives up, because its cache is cleared too often, rejects nothing.
        !matches!(automaton.try_search_fwd(cache, &input), Ok(None))
    }
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

fn superset_automaton(tree: &Node) -> Option<DFA> {
    let nfa = thompson::Compiler::new()
        .configure(
            thompson::Config::new()
                .utf8(false)
                .nfa_size_limit(Some(MAX_NFA_BYTES))
                .which_captures(WhichCaptures::None),
        )
        .build_from_hir(&superset(tree))
        .ok()?;
    let config = DFA::config()
        .match_kind(MatchKind::All)
        .cache_capacity(CACHE_BYTES)
        .skip_cache_capacity_check(true)
        .minimum_cache_clear_count(Some(2));
    DFA::builder().configure(config).build_from_nfa(nfa).ok()
}

/// An expression that matches wherever the node does.
fn superset(node: &Node) -> Hir {
    match node {
        Node::Empty | Node::Keep | Node::Look { .. } => Hir::empty(),
        Node::Literal(text) => Hir::literal(text.as_bytes()),
        Node::Class(class) => superset_class(class),
        Node::Concat(nodes) => Hir::concat(nodes.iter().map(superset).collect()),
        Node::Alternate(nodes) => Hir::alternation(nodes.iter().map(superset).collect()),
        Node::Repeat(Repeat { node, min, max, .. }) => repetition(superset(node), *min, *max),
        Node::Capture { node, .. } | Node::Atomic(node) => superset(node),
        Node::Assert(assertion) => match assertion {
            Assertion::LineStart => Hir::look(Look::StartLF),
            Assertion::LineEnd => Hir::look(Look::EndLF),
            Assertion::TextStart => Hir::look(Look::Start),
            Assertion::TextEnd => Hir::look(Look::End),
            _ => Hir::empty(),
        },
        Node::Backref { .. } | Node::Unresolved(_) => repetition(bytes(&[(0, 0xff)]), 0, None),
    }
}

fn superset_class(class: &CharClass) -> Hir {
    let beyond = CharClass::range('\u{80}', char::MAX);
    let ascii = class.clone().intersect(&CharClass::range('\0', '\x7f'));
    let ascii: Vec<_> = ascii
        .ranges()
        .map(|(first, last)| (first as u8, last as u8))
        .collect();
    let mut ways = vec![bytes(&ascii)];
    if !class.clone().intersect(&beyond).is_empty() {
        let tail = repetition(bytes(&[(0x80, 0xbf)]), 1, Some(3));
        ways.push(Hir::concat(vec![bytes(&[(0xc2, 0xf4)]), tail]));
    }
    Hir::alternation(ways)
}

fn bytes(ranges: &[(u8, u8)]) -> Hir {
    let ranges = ranges
        .iter()
        .map(|&(first, last)| ClassBytesRange::new(first, last));
    Hir::class(Class::Bytes(ClassBytes::new(ranges)))
}

fn repetition(sub: Hir, min: u32, max: Option<u32>) -> Hir {
    Hir::repetition(Repetition {
        min,
        max,
        greedy: true,
        sub: Box::new(sub),
    })
}

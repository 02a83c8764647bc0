//! A regular language that holds every text that a pattern matches: what an automaton can reject texts with.
//!
//! It is derived from the tree, never written by hand. Looks and boundaries are dropped (which only widens the language,
//! since a dropped look is not inside another one), atomic groups and possessive repeats become plain ones, back
//! references anything, and characters beyond ASCII any such character. What the pattern may end with is dropped too:
//! whether there is a match does not hang on it, and an automaton is done earlier.

use super::analysis::nullable;
use super::ast::{Assertion, Node, Repeat};
use super::class::CharClass;
use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, Hir, HirKind, Look, Repetition};

/// How close a superset is to the pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precision {
    /// Words whose inner structure matters little are runs of the characters that they are made of: an automaton of
    /// many patterns has few states then, and rejects nearly as much.
    Rough,
    /// All that a regular language without looks can say.
    Fine,
}

/// An expression that is found in every text in which the node is found.
pub(super) fn found_with(node: &Node, precision: Precision) -> Hir {
    let superset = match precision {
        Precision::Rough => rough,
        Precision::Fine => superset,
    };
    found(node, superset)
}

fn found(node: &Node, superset: fn(&Node) -> Hir) -> Hir {
    match node {
        Node::Concat(nodes) => {
            let end = nodes.iter().rposition(|node| !is_optional(node));
            let nodes = &nodes[..end.map_or(0, |last| last + 1)];
            match nodes.split_last() {
                Some((last, before)) => {
                    let before = before.iter().map(superset);
                    Hir::concat(before.chain([found(last, superset)]).collect())
                }
                None => Hir::empty(),
            }
        }
        Node::Alternate(nodes) => {
            Hir::alternation(nodes.iter().map(|node| found(node, superset)).collect())
        }
        Node::Capture { node, .. } | Node::Atomic(node) => found(node, superset),
        Node::Repeat(Repeat { node, min: 1, .. }) => found(node, superset),
        node if is_optional(node) => Hir::empty(),
        node => superset(node),
    }
}

/// Whether the superset of the node matches the empty string, whatever is around it.
fn is_optional(node: &Node) -> bool {
    match node {
        Node::Assert(_) => matches!(superset(node).kind(), HirKind::Empty),
        Node::Concat(nodes) => nodes.iter().all(is_optional),
        Node::Alternate(nodes) => nodes.iter().any(is_optional),
        Node::Repeat(Repeat { node, min, .. }) => *min == 0 || is_optional(node),
        Node::Capture { node, .. } | Node::Atomic(node) => is_optional(node),
        node => nullable(node),
    }
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

/// As [`superset`], in which alternatives, repeats and captures that match no space are runs of their bytes.
fn rough(node: &Node) -> Hir {
    if let Node::Alternate(_) | Node::Repeat(_) | Node::Capture { .. } = node
        && let Some(word) = word(node)
    {
        return repetition(bytes(&word), u32::from(!is_optional(node)), None);
    }
    match node {
        Node::Concat(nodes) => Hir::concat(nodes.iter().map(rough).collect()),
        Node::Alternate(nodes) => Hir::alternation(nodes.iter().map(rough).collect()),
        Node::Repeat(Repeat { node, min, max, .. }) => {
            repetition(rough(node), (*min).min(1), max.filter(|max| *max == 1))
        }
        Node::Capture { node, .. } | Node::Atomic(node) => rough(node),
        node => superset(node),
    }
}

/// The bytes that a node is made of, when a space is none of them.
fn word(node: &Node) -> Option<Vec<(u8, u8)>> {
    let mut members = [false; 256];
    let known = add_bytes(node, &mut members);
    let ranges = (0..=u8::MAX).filter(|&byte| members[usize::from(byte)]);
    (known && !members[usize::from(b' ')]).then(|| ranges.map(|byte| (byte, byte)).collect())
}

/// Adds the bytes of what a node matches; false where they are not known, or the place matters.
fn add_bytes(node: &Node, members: &mut [bool; 256]) -> bool {
    match node {
        Node::Empty | Node::Keep | Node::Look { .. } => true,
        Node::Literal(text) => {
            text.bytes()
                .for_each(|byte| members[usize::from(byte)] = true);
            true
        }
        Node::Class(class) => {
            for byte in class.first_bytes().bytes() {
                members[usize::from(byte)] = true;
                if !byte.is_ascii() {
                    members[0x80..].fill(true);
                }
            }
            true
        }
        Node::Assert(_) => is_optional(node),
        Node::Concat(nodes) | Node::Alternate(nodes) => {
            nodes.iter().all(|node| add_bytes(node, members))
        }
        Node::Repeat(Repeat { node, .. }) | Node::Capture { node, .. } | Node::Atomic(node) => {
            add_bytes(node, members)
        }
        Node::Backref { .. } | Node::Unresolved(_) => false,
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

//! What can be said of a node without running it: what it can begin with, whether it can be empty, how long it is.
//!
//! All answers are safe sides: a first set may be too large, never too small.

use super::ast::{Assertion, Node, Repeat};
use super::byteset::ByteSet;
use super::class::{self, CharClass};

/// The bytes that can come next where `node`, followed by something that begins with `follow`, matches.
pub(super) fn first(node: &Node, follow: ByteSet) -> ByteSet {
    match node {
        Node::Empty | Node::Keep => follow,
        Node::Literal(text) => text.bytes().next().map_or(follow, ByteSet::of_byte),
        Node::Class(class) => class.first_bytes(),
        Node::Concat(nodes) => {
            // What a node that is never empty begins with does not hang on what follows it.
            let whole = nodes.iter().position(|node| !nullable(node));
            let nodes = whole.map_or(&nodes[..], |at| &nodes[..=at]).iter();
            nodes.rev().fold(follow, |follow, node| first(node, follow))
        }
        Node::Alternate(nodes) => nodes
            .iter()
            .fold(ByteSet::EMPTY, |set, node| set.union(first(node, follow))),
        Node::Repeat(Repeat { node, min, .. }) => {
            // Of what follows, a node takes away but adds nothing to it; so what begins the next time round
            // begins the first time too, and asking again (in nested repeats twice, four times, ...) is of no use.
            let once = first(node, follow);
            if *min == 0 || nullable(node) {
                once.union(follow)
            } else {
                once
            }
        }
        Node::Capture { node, .. } | Node::Atomic(node) => first(node, follow),
        Node::Look { behind: true, .. } => follow,
        Node::Look {
            negate: false,
            node,
            ..
        } => first(node, ByteSet::ALL).intersect(follow),
        Node::Look {
            negate: true, node, ..
        } => match single_class(node) {
            Some(class) => follow.without(whole_bytes(&class)),
            None => follow,
        },
        Node::Assert(Assertion::TextEnd) => follow.intersect(ByteSet::END),
        Node::Assert(Assertion::LineEnd | Assertion::TextEndNewline) => {
            follow.intersect(ByteSet::END.union(ByteSet::of_byte(b'\n')))
        }
        Node::Assert(_) => follow,
        Node::Backref { .. } | Node::Unresolved(_) => ByteSet::ALL,
    }
}

/// The bytes that, wherever a character begins with them, mean that the character is in the class.
fn whole_bytes(class: &CharClass) -> ByteSet {
    let set = class.first_bytes();
    match CharClass::range('\u{80}', char::MAX).is_subset(class) {
        true => set,
        false => set.ascii(),
    }
}

/// The class of a node that matches exactly one character.
pub(super) fn single_class(node: &Node) -> Option<CharClass> {
    match node {
        Node::Class(class) => Some(class.clone()),
        Node::Literal(text) => {
            let mut characters = text.chars();
            characters
                .next()
                .filter(|_| characters.next().is_none())
                .map(CharClass::single)
        }
        _ => None,
    }
}

/// Whether the node can match the empty string.
pub(super) fn nullable(node: &Node) -> bool {
    match node {
        Node::Literal(text) => text.is_empty(),
        Node::Class(_) => false,
        Node::Concat(nodes) => nodes.iter().all(nullable),
        Node::Alternate(nodes) => nodes.iter().any(nullable),
        Node::Repeat(Repeat { node, min, .. }) => *min == 0 || nullable(node),
        Node::Capture { node, .. } | Node::Atomic(node) => nullable(node),
        Node::Empty
        | Node::Look { .. }
        | Node::Assert(_)
        | Node::Keep
        | Node::Backref { .. }
        | Node::Unresolved(_) => true,
    }
}

/// Whether the node matches wherever it is tried, if only the empty string.
pub(super) fn always_matches(node: &Node) -> bool {
    match node {
        Node::Empty | Node::Keep => true,
        Node::Literal(text) => text.is_empty(),
        Node::Concat(nodes) => nodes.iter().all(always_matches),
        Node::Alternate(nodes) => nodes.iter().any(always_matches),
        Node::Repeat(Repeat { node, min, .. }) => *min == 0 || always_matches(node),
        Node::Capture { node, .. } | Node::Atomic(node) => always_matches(node),
        Node::Class(_)
        | Node::Look { .. }
        | Node::Assert(_)
        | Node::Backref { .. }
        | Node::Unresolved(_) => false,
    }
}

/// How many characters the node matches, when that is always the same number.
pub(super) fn fixed_length(node: &Node) -> Option<usize> {
    match node {
        Node::Empty | Node::Look { .. } | Node::Assert(_) | Node::Keep => Some(0),
        Node::Literal(text) => Some(text.chars().count()),
        Node::Class(_) => Some(1),
        Node::Concat(nodes) => nodes.iter().map(fixed_length).sum(),
        Node::Alternate(nodes) => {
            let length = fixed_length(nodes.first()?)?;
            nodes
                .iter()
                .all(|node| fixed_length(node) == Some(length))
                .then_some(length)
        }
        Node::Repeat(Repeat { node, min, max, .. }) if *max == Some(*min) => {
            fixed_length(node)?.checked_mul(*min as usize)
        }
        Node::Repeat(_) | Node::Backref { .. } | Node::Unresolved(_) => None,
        Node::Capture { node, .. } | Node::Atomic(node) => fixed_length(node),
    }
}

/// The children of a node.
pub(super) fn children(node: &Node) -> &[Node] {
    match node {
        Node::Concat(nodes) | Node::Alternate(nodes) => nodes,
        Node::Capture { node, .. }
        | Node::Atomic(node)
        | Node::Look { node, .. }
        | Node::Repeat(Repeat { node, .. }) => std::slice::from_ref(node),
        _ => &[],
    }
}

/// Whether the tree holds a node of this kind.
pub(super) fn any(node: &Node, wanted: &dyn Fn(&Node) -> bool) -> bool {
    wanted(node) || children(node).iter().any(|child| any(child, wanted))
}

/// The highest number of a capture in the tree.
pub(super) fn last_group(node: &Node) -> Option<u32> {
    let here = match node {
        Node::Capture { group, .. } => Some(*group),
        _ => None,
    };
    children(node)
        .iter()
        .filter_map(last_group)
        .chain(here)
        .max()
}

/// Whether captures come by in the order of their numbers, each once.
pub(super) fn captures_in_order(node: &Node) -> bool {
    fn walk(node: &Node, last: &mut u32) -> bool {
        if let Node::Capture { group, .. } = node {
            if *group <= *last {
                return false;
            }
            *last = *group;
        }
        children(node).iter().all(|child| walk(child, last))
    }
    walk(node, &mut 0)
}

/// Replaces word boundaries whose one side is known by a look at the other side: `\w+\b` is `\w+(?!word)`, which tells
/// the follow-set analysis that the run cannot end earlier.
pub(super) fn resolve_boundaries(node: &mut Node) {
    if let Node::Concat(nodes) = node {
        for at in 0..nodes.len() {
            if nodes[at] != Node::Assert(Assertion::WordBoundary) {
                continue;
            }
            let not_word = |behind| Node::Look {
                behind,
                negate: true,
                node: Box::new(Node::Class(class::unicode_word().clone())),
            };
            let in_word = |class: Option<CharClass>| {
                class.is_some_and(|class| class.is_subset(class::unicode_word()))
            };
            if in_word(edge_of_sequence(&nodes[..at], &LAST)) {
                nodes[at] = not_word(false);
            } else if in_word(edge_of_sequence(&nodes[at + 1..], &FIRST)) {
                nodes[at] = not_word(true);
            }
        }
    }
    match node {
        Node::Concat(nodes) | Node::Alternate(nodes) => {
            nodes.iter_mut().for_each(resolve_boundaries)
        }
        Node::Capture { node, .. }
        | Node::Atomic(node)
        | Node::Look { node, .. }
        | Node::Repeat(Repeat { node, .. }) => resolve_boundaries(node),
        _ => {}
    }
}

/// A superset of the last characters of a node that is never empty.
pub(super) fn last_class(node: &Node) -> Option<CharClass> {
    edge_class(node, &LAST)
}

/// The node at an edge of a sequence, and the others.
type PickNode = fn(&[Node]) -> Option<(&Node, &[Node])>;

/// Which edge of nodes and texts is looked at.
struct Edge {
    node: PickNode,
    character: fn(&str) -> Option<char>,
}

const FIRST: Edge = Edge {
    node: <[Node]>::split_first,
    character: |text| text.chars().next(),
};
const LAST: Edge = Edge {
    node: <[Node]>::split_last,
    character: |text| text.chars().last(),
};

/// A superset of the characters at an edge of a node that is never empty.
fn edge_class(node: &Node, edge: &Edge) -> Option<CharClass> {
    match node {
        Node::Class(class) => Some(class.clone()),
        Node::Literal(text) => (edge.character)(text).map(CharClass::single),
        Node::Concat(nodes) => edge_of_sequence(nodes, edge),
        Node::Alternate(nodes) => nodes.iter().try_fold(CharClass::empty(), |class, node| {
            edge_class(node, edge).map(|edge| class.union(edge))
        }),
        Node::Repeat(Repeat { node, min, .. }) if *min > 0 => edge_class(node, edge),
        Node::Capture { node, .. } | Node::Atomic(node) => edge_class(node, edge),
        _ => None,
    }
}

/// The same of nodes one after the other.
fn edge_of_sequence(nodes: &[Node], edge: &Edge) -> Option<CharClass> {
    // Of nodes that may be empty, what comes before (or after) them can be at the edge too.
    let (outermost, rest) = (edge.node)(nodes)?;
    let own = edge_class(outermost, edge).or_else(|| match outermost {
        Node::Repeat(Repeat { node, .. }) => single_class(node),
        _ => None,
    })?;
    match nullable(outermost) {
        true => Some(own.union(edge_of_sequence(rest, edge)?)),
        false => Some(own),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regex::{Options, parse};

    fn tree(pattern: &str) -> Node {
        parse::parse(pattern, Options::default()).unwrap().node
    }

    fn firsts(pattern: &str) -> String {
        let set = first(&tree(pattern), ByteSet::END);
        let end = if set.contains_end() { "$" } else { "" };
        set.bytes()
            .filter(u8::is_ascii)
            .map(char::from)
            .collect::<String>()
            + end
    }

    #[test]
    fn first_sets() {
        assert_eq!(firsts("a|bc|[x-z]"), "abxyz");
        assert_eq!(firsts("a*b?"), "ab$");
        assert_eq!(firsts("(?=[abc])[bcd]"), "bc");
        assert_eq!(firsts("(?![b])[abc]"), "ac");
        assert_eq!(
            firsts("x?$"),
            "\nx$".replace('\n', ""),
            "what follows here is only the end"
        );
        assert_eq!(firsts("(?:a?b?)*c"), "abc");
    }

    #[test]
    fn lengths() {
        assert_eq!(fixed_length(&tree("ab[cé]{3}")), Some(5));
        assert_eq!(fixed_length(&tree("a|bc")), None);
        assert!(nullable(&tree("(?:a*|b)")) && !nullable(&tree("a*b")));
    }

    #[test]
    fn boundaries_after_words_look_ahead_only() {
        let mut node = tree(r"\b\w+\b");
        resolve_boundaries(&mut node);
        let looks = children(&node)
            .iter()
            .filter(|node| matches!(node, Node::Look { .. }))
            .count();
        assert_eq!(looks, 2);
        let mut node = tree(r"\b[1-9][0-9]*\b");
        resolve_boundaries(&mut node);
        assert!(!any(&node, &|node| matches!(node, Node::Assert(_))));
    }

    #[test]
    fn what_always_matches() {
        for pattern in ["", "a*", "a??", "(?:a|b*|c)", "(a?)(?>b*+)", "(?:a*){3}"] {
            assert!(always_matches(&tree(pattern)), "{pattern}");
        }
        for pattern in ["a", "a*b", "(?:a|b)", "a+", "(?=a*)", "$", r"(a)?\1"] {
            assert!(!always_matches(&tree(pattern)), "{pattern}");
        }
    }
}

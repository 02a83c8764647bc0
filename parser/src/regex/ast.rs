//! The syntax tree of a pattern, as the parser builds it and the analyses and the compiler read it.
//!
//! Group numbers, option scopes and names are already resolved here: what is left is structure.

use super::class::CharClass;

/// One node of the tree. Every node matches whole characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Node {
    /// Matches the empty string.
    Empty,
    /// A run of characters, case-sensitive.
    Literal(String),
    /// One character of a set (`.` included).
    Class(CharClass),
    Concat(Vec<Node>),
    Alternate(Vec<Node>),
    Repeat(Repeat),
    Capture {
        group: u32,
        node: Box<Node>,
    },
    /// `(?>...)`: once left, never re-entered by backtracking.
    Atomic(Box<Node>),
    Look {
        behind: bool,
        negate: bool,
        node: Box<Node>,
    },
    Assert(Assertion),
    /// `\K`: the match begins here.
    Keep,
    /// The text of the first of these groups that is set and matches here.
    Backref {
        groups: Vec<u32>,
        ignore_case: bool,
    },
    /// A reference that waits for all groups to be known; the parser leaves none behind.
    Unresolved(usize),
}

/// A quantified node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Repeat {
    pub(super) node: Box<Node>,
    pub(super) min: u32,
    /// `None`: without bound.
    pub(super) max: Option<u32>,
    pub(super) kind: RepeatKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum RepeatKind {
    Greedy,
    Lazy,
    Possessive,
}

/// Conditions on a position that consume nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Assertion {
    /// `^`: at the start, or after a newline that is not the last character.
    LineStart,
    /// `$`: at the end or before a newline.
    LineEnd,
    /// `\A`
    TextStart,
    /// `\z`
    TextEnd,
    /// `\Z`: at the end, or before a newline that ends the text.
    TextEndNewline,
    /// `\b`, by Unicode word characters.
    WordBoundary,
    /// `\B`
    NotWordBoundary,
    /// `\G`: where the search began.
    SearchStart,
}

impl Node {
    /// Flattens nested sequences, joins literals, and turns alternations of single characters into classes.
    pub(super) fn simplify(self) -> Node {
        match self {
            Node::Concat(nodes) => simplify_concat(nodes),
            Node::Alternate(nodes) => simplify_alternate(nodes),
            Node::Repeat(Repeat {
                node,
                min: 1,
                max: Some(1),
                kind: _,
            }) => node.simplify(),
            Node::Repeat(Repeat { max: Some(0), .. }) => Node::Empty,
            Node::Repeat(repeat) => {
                let node = match repeat.node.simplify() {
                    Node::Literal(text) if text.chars().count() == 1 => Node::Class(
                        text.chars()
                            .map(CharClass::single)
                            .fold(CharClass::empty(), CharClass::union),
                    ),
                    node => node,
                };
                if node == Node::Empty {
                    return Node::Empty;
                }
                simplify_nested(Repeat {
                    node: Box::new(node),
                    ..repeat
                })
            }
            Node::Capture { group, node } => Node::Capture {
                group,
                node: Box::new(node.simplify()),
            },
            Node::Atomic(node) => match node.simplify() {
                node @ (Node::Empty | Node::Literal(_) | Node::Class(_) | Node::Assert(_)) => node,
                node => Node::Atomic(Box::new(node)),
            },
            Node::Look {
                behind,
                negate,
                node,
            } => Node::Look {
                behind,
                negate,
                node: Box::new(node.simplify()),
            },
            Node::Class(class) => match class.as_single() {
                Some(only) => Node::Literal(only.to_string()),
                None => Node::Class(class),
            },
            other => other,
        }
    }
}

/// Takes the outer of two nested repeats away where it changes neither where the whole may end nor in which order:
/// `(?:x+)+` is `x+`, and `(?:/x*)+` is `/[/x]*` if no `x` is `/`.
fn simplify_nested(outer: Repeat) -> Node {
    let greedy = |repeat: &Repeat, min| {
        repeat.kind == RepeatKind::Greedy && repeat.max.is_none() && repeat.min == min
    };
    if outer.kind != RepeatKind::Greedy || outer.max.is_some() || outer.min > 1 {
        return Node::Repeat(outer);
    }
    match &*outer.node {
        Node::Repeat(inner) if greedy(inner, 1) && matches!(*inner.node, Node::Class(_)) => {
            Node::Repeat(Repeat {
                min: outer.min,
                ..inner.clone()
            })
        }
        Node::Concat(nodes) if outer.min == 1 => match &nodes[..] {
            [Node::Literal(text), Node::Repeat(inner)] if greedy(inner, 0) => {
                match (text.chars().collect::<Vec<_>>()[..].first(), &*inner.node) {
                    (Some(&first), Node::Class(class))
                        if text.len() == first.len_utf8() && !class.contains(first) =>
                    {
                        let either = class.clone().union(CharClass::single(first));
                        let rest = Node::Repeat(Repeat {
                            node: Box::new(Node::Class(either)),
                            ..inner.clone()
                        });
                        Node::Concat(vec![nodes[0].clone(), rest])
                    }
                    _ => Node::Repeat(outer),
                }
            }
            _ => Node::Repeat(outer),
        },
        _ => Node::Repeat(outer),
    }
}

fn simplify_concat(nodes: Vec<Node>) -> Node {
    fn push(out: &mut Vec<Node>, node: Node) {
        match node {
            Node::Empty => {}
            Node::Concat(inner) => inner.into_iter().for_each(|node| push(out, node)),
            Node::Literal(text) => match out.last_mut() {
                Some(Node::Literal(last)) => last.push_str(&text),
                _ => out.push(Node::Literal(text)),
            },
            node => out.push(node),
        }
    }
    let mut out = Vec::with_capacity(nodes.len());
    nodes
        .into_iter()
        .for_each(|node| push(&mut out, node.simplify()));
    match out.len() {
        0 => Node::Empty,
        1 => out.remove(0),
        _ => Node::Concat(out),
    }
}

fn simplify_alternate(nodes: Vec<Node>) -> Node {
    let mut out: Vec<Node> = Vec::with_capacity(nodes.len());
    for node in nodes {
        match node.simplify() {
            Node::Alternate(inner) => out.extend(inner),
            node => out.push(node),
        }
    }
    let mut class = CharClass::empty();
    for node in &out {
        class = match node {
            Node::Class(members) => class.union(members.clone()),
            Node::Literal(text) => match text.chars().collect::<Vec<_>>()[..] {
                [only] => class.union(CharClass::single(only)),
                _ => return Node::Alternate(out),
            },
            _ => return Node::Alternate(out),
        };
    }
    Node::Class(class).simplify()
}

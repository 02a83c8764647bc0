//! A pattern that is easier to refuse: counted repeats without their upper bounds.
//!
//! `(?:\.[a-z]{1,62}){0,63}` is 63 copies, each with states of its own, so that to fail from everywhere in a line takes
//! thousands of steps for each of its bytes. Without the bounds it is one loop. Whatever the pattern matches, the relaxed one
//! matches, from the same place or an earlier one: where that finds nothing, neither would the pattern.

use super::analysis::any;
use super::ast::{Node, Repeat, RepeatKind};

/// Fewest repeats that are taken down to one: below, their copies say more than they cost.
const MANY: u32 = 16;

/// The pattern without bounds and captures, if that makes a difference; not for one with back references.
pub(super) fn relaxed(root: &Node) -> Option<Node> {
    if any(root, &|node| matches!(node, Node::Backref { .. })) {
        return None;
    }
    let mut changed = false;
    let node = relax(root, &mut changed);
    changed.then(|| node.simplify())
}

/// Takes bounds away wherever more text for a part means more for the whole: not in what is matched for itself, nor in
/// what is not to match.
fn relax(node: &Node, changed: &mut bool) -> Node {
    match node {
        Node::Concat(nodes) => {
            Node::Concat(nodes.iter().map(|node| relax(node, changed)).collect())
        }
        Node::Alternate(nodes) => {
            Node::Alternate(nodes.iter().map(|node| relax(node, changed)).collect())
        }
        Node::Repeat(repeat) if repeat.kind != RepeatKind::Possessive => {
            let bound = repeat.max.filter(|&max| max > 1);
            *changed |= bound.is_some();
            let many = bound.is_some() && repeat.min >= MANY;
            Node::Repeat(Repeat {
                node: Box::new(relax(&repeat.node, changed)),
                min: if many { 1 } else { repeat.min },
                max: if bound.is_some() { None } else { repeat.max },
                kind: repeat.kind,
            })
        }
        Node::Capture { node, .. } => relax(node, changed),
        Node::Keep => Node::Empty,
        other => without_captures(other),
    }
}

fn without_captures(node: &Node) -> Node {
    let all = |nodes: &[Node]| nodes.iter().map(without_captures).collect();
    let boxed = |node: &Node| Box::new(without_captures(node));
    match node {
        Node::Concat(nodes) => Node::Concat(all(nodes)),
        Node::Alternate(nodes) => Node::Alternate(all(nodes)),
        Node::Repeat(repeat) => Node::Repeat(Repeat {
            node: boxed(&repeat.node),
            ..repeat.clone()
        }),
        Node::Capture { node, .. } => without_captures(node),
        Node::Atomic(node) => Node::Atomic(boxed(node)),
        Node::Look {
            behind,
            negate,
            node,
        } => Node::Look {
            behind: *behind,
            negate: *negate,
            node: boxed(node),
        },
        Node::Keep => Node::Empty,
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regex::test_cases::Generator;
    use crate::regex::{Options, Regex, Scratch, compile, parse, search};

    fn tree(pattern: &str) -> Node {
        let options = Options {
            multiline: true,
            ..Options::default()
        };
        parse::parse(pattern, options).unwrap().node
    }

    #[test]
    fn bounds_are_taken_away_where_that_lets_more_match() {
        for (pattern, relaxed_to) in [
            ("a{2,5}b", Some("a{2,}b")),
            ("(a{0,3}\\.){1,64}", Some("(?:a*\\.)+")),
            ("[0-9a-f]{32}", Some("[0-9a-f]+")),
            ("a?b*", None),
            ("(?>a{2,5})(?!b{2,5})", None),
            ("(a{2,5})\\1", None),
        ] {
            let wanted = relaxed_to.map(tree);
            assert_eq!(relaxed(&tree(pattern)), wanted, "{pattern}");
        }
    }

    #[test]
    fn what_a_pattern_matches_the_relaxed_one_matches_from_there_or_before() {
        let mut generator = Generator(0x5d58_8b65_6c07_8965);
        let mut scratch = Scratch::default();
        let mut compared = 0;
        for _ in 0..4000 {
            let pattern = generator.pattern();
            let options = Options {
                multiline: true,
                ..Options::default()
            };
            let Ok(regex) = Regex::new(&pattern, options) else {
                continue;
            };
            let tree = &regex.0.program.prefilter.tree;
            let Some(relaxed) = relaxed(tree) else {
                continue;
            };
            let program = compile::compile(relaxed, 0, &pattern).unwrap();
            for _ in 0..5 {
                let text = generator.text();
                if !regex.is_match(&text, &mut scratch).unwrap() {
                    continue;
                }
                let wanted = scratch.span(0).unwrap().0;
                let budget = search::Budget::default();
                let found =
                    search::search(&program, &text, 0, &mut scratch, budget, &mut |_, _| true);
                assert_eq!(found, Ok(true), "/{pattern}/ on {text:?}");
                let start = scratch.span(0).unwrap().0;
                assert!(
                    start <= wanted || pattern.contains("\\K"),
                    "/{pattern}/ on {text:?}"
                );
                compared += 1;
            }
        }
        assert!(compared > 500, "{compared}");
    }
}

//! Literal text under `(?i)`: each character becomes the class of its case variants, and sequences that are the full
//! folding of one character (`ss` and `ß`, `fi` and `ﬁ`) match that character too, and the other way round.

use super::ast::{Node, Repeat};
use super::class::{CharClass, multi_folds};

/// How long a stretch of overlapping multi-character foldings is expanded as a whole; longer ones are cut.
const MAX_CLUSTER: usize = 6;

/// A sequence of atoms as written, with its own literals (not those of groups in it) made to ignore case.
pub(super) fn expand(atoms: Vec<Node>) -> Node {
    let mut out = Vec::with_capacity(atoms.len());
    let mut run: Vec<char> = Vec::new();
    for atom in atoms {
        match atom {
            Node::Literal(text) => run.extend(text.chars()),
            other => {
                expand_run(&std::mem::take(&mut run), &mut out);
                out.push(expand_repeat(other));
            }
        }
    }
    expand_run(&run, &mut out);
    Node::Concat(out)
}

/// A class with members like `ß` matches their foldings too. A folding that begins with a member is left out: the class
/// itself takes that text, one character at a time.
pub(super) fn expand_class(class: CharClass) -> Node {
    let mut branches = Vec::new();
    for (member, fold) in multi_folds() {
        if class.contains(*member)
            && !fold
                .chars()
                .next()
                .is_some_and(|first| class.contains(first))
        {
            let fold = fold
                .chars()
                .map(|c| Node::Class(CharClass::single(c).fold_case()));
            branches.push(Node::Concat(fold.collect()));
        }
    }
    if branches.is_empty() {
        return Node::Class(class);
    }
    branches.insert(0, Node::Class(class));
    Node::Alternate(branches)
}

/// A quantified literal is an atom of its own.
fn expand_repeat(node: Node) -> Node {
    match node {
        Node::Repeat(Repeat {
            node,
            min,
            max,
            kind,
        }) => {
            let node = match *node {
                Node::Literal(text) => expand(vec![Node::Literal(text)]),
                other => expand_repeat(other),
            };
            Node::Repeat(Repeat {
                node: Box::new(node),
                min,
                max,
                kind,
            })
        }
        other => other,
    }
}

fn expand_run(run: &[char], out: &mut Vec<Node>) {
    let mut at = 0;
    while at < run.len() {
        let mut end = at + 1;
        let mut next = at;
        while next < end && next < at + MAX_CLUSTER {
            let reach = folds_at(run, next)
                .map(|(_, length)| next + length)
                .max()
                .unwrap_or(0);
            end = end.max(reach.min(at + MAX_CLUSTER));
            next += 1;
        }
        out.push(paths(&run[at..end]));
        at = end;
    }
}

/// All ways to spell this stretch.
fn paths(run: &[char]) -> Node {
    let Some(&first) = run.first() else {
        return Node::Empty;
    };
    let then = |head: Node, rest: &[char]| match rest.is_empty() {
        true => head,
        false => Node::Concat(vec![head, paths(rest)]),
    };
    let mut branches = vec![then(variants(first), &run[1..])];
    for (member, length) in folds_at(run, 0) {
        branches.push(then(
            Node::Class(CharClass::single(member).fold_case()),
            &run[length..],
        ));
    }
    if branches.len() == 1 {
        branches.remove(0)
    } else {
        Node::Alternate(branches)
    }
}

/// One character: its simple variants, and its full folding if that is longer.
fn variants(character: char) -> Node {
    let class = Node::Class(CharClass::single(character).fold_case());
    match multi_folds()
        .iter()
        .find(|(member, _)| *member == character)
    {
        None => class,
        Some((_, fold)) => {
            let fold = fold
                .chars()
                .map(|c| Node::Class(CharClass::single(c).fold_case()))
                .collect();
            Node::Alternate(vec![class, Node::Concat(fold)])
        }
    }
}

/// The characters whose full folding the run spells at `at`, with the length of that folding.
fn folds_at(run: &[char], at: usize) -> impl Iterator<Item = (char, usize)> + '_ {
    multi_folds().iter().filter_map(move |(member, fold)| {
        let length = fold.chars().count();
        let spelled = run.get(at..at + length)?;
        let equal = |(&c, f): (&char, char)| c == f || c.to_lowercase().eq([f]);
        spelled
            .iter()
            .zip(fold.chars())
            .all(equal)
            .then_some((*member, length))
    })
}

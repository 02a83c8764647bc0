//! Back references (`\k<name>`, `\1`) and calls of groups (`\g<name>`).
//!
//! They may name groups that come later, so the parser notes them and they are resolved at the end. A call is replaced
//! by a copy of its group (which captures into the same group); recursive calls are refused.

use super::RegexError;
use super::ast::{Node, Repeat};
use super::parse::{Parsed, Parser};
use std::ops::Range;

/// A pattern whose calls, copied in, come to more nodes than this is refused.
const MAX_COPIED_NODES: usize = 20_000;

/// A reference as written.
#[derive(Debug, Clone)]
pub(super) struct Reference {
    target: Target,
    call: bool,
    ignore_case: bool,
    span: Range<usize>,
}

#[derive(Debug, Clone)]
enum Target {
    Name(String),
    Group(u32),
}

impl Parser<'_> {
    /// `\k...`, `\g...` or `\N` at its letter. `None` when it is no reference after all.
    pub(super) fn reference(&mut self, begin: usize) -> Result<Option<Node>, RegexError> {
        let rest = &self.pattern[self.at..];
        let target = if rest.starts_with(|c: char| c.is_ascii_digit()) {
            let length = rest.bytes().take_while(u8::is_ascii_digit).count();
            let number = rest[..length].parse().unwrap_or(u32::MAX);
            if number > 9 && number > self.group_count {
                return Ok(None);
            }
            self.at += length;
            Target::Group(number)
        } else {
            let close = match rest.as_bytes().get(1) {
                Some(b'<') => '>',
                Some(b'\'') => '\'',
                _ => return Ok(None),
            };
            let Some(length) = rest[2..].find(close) else {
                return Err(self.error(begin, "the group name is never closed"));
            };
            self.at += 2 + length + 1;
            self.target(begin, &rest[2..2 + length])?
        };
        let call = rest.starts_with('g');
        let ignore_case = self.flags.ignore_case;
        self.references.push(Reference {
            target,
            call,
            ignore_case,
            span: begin..self.at,
        });
        Ok(Some(Node::Unresolved(self.references.len() - 1)))
    }

    fn target(&self, begin: usize, name: &str) -> Result<Target, RegexError> {
        let group = |number: i64| match u32::try_from(number) {
            Ok(number) => Ok(Target::Group(number)),
            Err(_) => Err(self.error(begin, "invalid backref number/name")),
        };
        let known = i64::from(self.group_count);
        match name.parse::<i64>() {
            Ok(number) if name.starts_with('-') => group(known + 1 + number),
            Ok(number) if name.starts_with('+') => group(known + number),
            Ok(number) => group(number),
            Err(_) if name.is_empty() => Err(self.error(begin, "group name is empty")),
            Err(_) if name.contains('+') && name.starts_with(|c: char| c.is_alphanumeric()) => {
                Err(self.unsupported(begin, self.at, "a back reference with a nest level"))
            }
            Err(_) => Ok(Target::Name(name.to_owned())),
        }
    }
}

/// The finished tree of a parser that has read its whole pattern.
pub(super) fn resolve(mut parser: Parser<'_>) -> Result<Parsed, RegexError> {
    let mut node = std::mem::replace(&mut parser.root, Node::Empty);
    if !parser.references.is_empty() {
        let root = node.clone();
        let mut resolver = Resolver {
            parser: &parser,
            root: &root,
            open: Vec::new(),
            copied: 0,
        };
        resolver.walk(&mut node)?;
    }
    let node = node.simplify();
    Ok(Parsed {
        node,
        group_count: parser.group_count,
        names: parser.names,
    })
}

struct Resolver<'a, 'p> {
    parser: &'a Parser<'p>,
    root: &'a Node,
    /// The groups around the node being walked: a call of one of them would recurse.
    open: Vec<u32>,
    copied: usize,
}

impl Resolver<'_, '_> {
    fn walk(&mut self, node: &mut Node) -> Result<(), RegexError> {
        match node {
            Node::Unresolved(index) => {
                let reference = self.parser.references[*index].clone();
                *node = self.replacement(&reference)?;
                if reference.call {
                    self.walk(node)
                } else {
                    Ok(())
                }
            }
            Node::Capture { group, node } => {
                self.open.push(*group);
                self.walk(node)?;
                self.open.pop();
                Ok(())
            }
            Node::Concat(nodes) | Node::Alternate(nodes) => {
                nodes.iter_mut().try_for_each(|node| self.walk(node))
            }
            Node::Atomic(node) | Node::Look { node, .. } | Node::Repeat(Repeat { node, .. }) => {
                self.walk(node)
            }
            Node::Empty
            | Node::Literal(_)
            | Node::Class(_)
            | Node::Assert(_)
            | Node::Keep
            | Node::Backref { .. } => Ok(()),
        }
    }

    fn replacement(&mut self, reference: &Reference) -> Result<Node, RegexError> {
        let fail = |message: String| RegexError::new(message, reference.span.clone());
        let groups = match &reference.target {
            Target::Group(_) if !self.parser.names.is_empty() => {
                return Err(fail(
                    "numbered backref/call is not allowed. (use name)".to_owned(),
                ));
            }
            Target::Group(0) if reference.call => {
                return Err(fail(
                    "a recursive call of the whole pattern is not supported".to_owned(),
                ));
            }
            Target::Group(number) if *number == 0 || *number > self.parser.group_count => {
                return Err(fail("invalid backref number/name".to_owned()));
            }
            Target::Group(number) => vec![*number],
            Target::Name(name) => match self.parser.names.iter().find(|(known, _)| known == name) {
                Some((_, groups)) => groups.clone(),
                None => return Err(fail(format!("undefined name <{name}> reference"))),
            },
        };
        if !reference.call {
            // Of several groups with one name the last is tried first.
            let groups = groups.into_iter().rev().collect();
            return Ok(Node::Backref {
                groups,
                ignore_case: reference.ignore_case,
            });
        }
        let [group] = groups[..] else {
            return Err(fail(
                "multiplex definition name call: several groups have this name".to_owned(),
            ));
        };
        if self.open.contains(&group) {
            return Err(fail("a recursive group call is not supported".to_owned()));
        }
        let copy = find_group(self.root, group).cloned().unwrap_or(Node::Empty);
        self.copied += count(&copy);
        if self.copied > MAX_COPIED_NODES {
            return Err(fail(
                "the pattern is too large: its group calls expand to too much".to_owned(),
            ));
        }
        Ok(copy)
    }
}

fn children(node: &Node) -> &[Node] {
    match node {
        Node::Concat(nodes) | Node::Alternate(nodes) => nodes,
        Node::Capture { node, .. }
        | Node::Atomic(node)
        | Node::Look { node, .. }
        | Node::Repeat(Repeat { node, .. }) => std::slice::from_ref(node),
        _ => &[],
    }
}

fn find_group(node: &Node, wanted: u32) -> Option<&Node> {
    match node {
        Node::Capture { group, .. } if *group == wanted => Some(node),
        node => children(node)
            .iter()
            .find_map(|child| find_group(child, wanted)),
    }
}

fn count(node: &Node) -> usize {
    1 + children(node).iter().map(count).sum::<usize>()
}

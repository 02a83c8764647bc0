//! Syntax tree to program.
//!
//! The compiler knows, at each node, what can come after it (its follow set). Alternatives and loops become dispatches
//! on the next byte, with choice points only where several branches can begin alike; a run of a class that what
//! follows cannot begin with becomes possessive, because giving back could not help.

mod repeat;
mod scope;

use super::RegexError;
use super::analysis::{
    always_matches, any, captures_in_order, first, nullable, resolve_boundaries, single_class,
};
use super::ast::{Assertion, Node, Repeat, RepeatKind};
use super::byteset::ByteSet;
use super::class::CharClass;
use super::fuse::fuse;
use super::known::{self, Recognized};
use super::prefilter::Prefilter;
use super::program::{Backref, DispatchTable, FAIL, Known, NO_BYTE, Op, Pc, Program, Run};
use super::table::{ClassTable, NextTable};
use foldhash::fast::RandomState;
use scope::is_implied;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// Programs longer than this are refused.
const MAX_OPS: usize = 60_000;

/// More groups than this are refused: the slots of their spans are numbered with 16 bits, and others are needed too.
const MAX_GROUPS: u32 = 32_000;

/// Compiles the tree of a pattern, which the program keeps.
pub(super) fn compile(
    mut root: Node,
    group_count: u32,
    pattern: &str,
) -> Result<Program, RegexError> {
    let whole = 0..pattern.len();
    if group_count > MAX_GROUPS {
        let message = format!("the pattern has {group_count} groups; {MAX_GROUPS} are possible");
        return Err(RegexError::new(message, whole));
    }
    resolve_boundaries(&mut root);
    let groups = group_count as usize + 1;
    let captures = 2 * groups;
    let memoizable = !any(&root, &|node| matches!(node, Node::Backref { .. }));
    let mut compiler = Compiler {
        slots: captures,
        undo_all: !memoizable || !captures_in_order(&root),
        first_unset: 2,
        ..Compiler::default()
    };
    compiler.emit_op(Op::Fail);
    compiler.emit(&root, &After::END);
    compiler.emit_op(Op::Match);
    if let Some(message) = compiler.error {
        return Err(RegexError::new(message, whole));
    }
    if compiler.ops.len() > MAX_OPS || compiler.slots + 2 > usize::from(u16::MAX) {
        return Err(RegexError::new(
            "the pattern is too large: its repeats expand to too much",
            whole,
        ));
    }
    thread_jumps(&mut compiler.ops, &mut compiler.dispatches);
    let classes: Vec<_> = compiler.classes.iter().map(ClassTable::new).collect();
    let is_choice = |op: &&Op| {
        matches!(
            op,
            Op::Split { .. } | Op::Loop(_) | Op::RunGreedy(_) | Op::RunLazy(_)
        )
    };
    let choices = compiler.ops.iter().filter(is_choice).count();
    let unused = compiler.slot();
    compiler.slot();
    let fields = fuse(&mut compiler, &classes, unused);
    Ok(Program {
        choices,
        first: NextTable::new(&first(&root, ByteSet::ALL)),
        anchored: is_anchored(&root),
        first_only: memoizable && begins_with_everything(&root),
        memoizable,
        classes,
        nexts: compiler.nexts.iter().map(NextTable::new).collect(),
        literals: compiler.literals,
        runs: compiler.runs,
        dispatches: compiler.dispatches,
        backrefs: compiler.backrefs,
        slots: compiler.slots,
        groups,
        scopes: compiler.scopes,
        resets: compiler.resets,
        knowns: compiler.knowns,
        fields,
        ops: compiler.ops,
        iterations: compiler.iterations,
        scope_count: compiler.scope_count + 1,
        prefilter: Prefilter::new(root),
        relaxed: OnceLock::new(),
    })
}

/// What comes after a node.
#[derive(Clone, Copy)]
struct After<'n> {
    /// What the rest can begin with.
    follow: ByteSet,
    /// Nothing that can fail follows: the first way through is the match.
    tail: bool,
    /// Text that the rest begins with.
    literal: Option<&'n str>,
    /// What comes right before the node, where that is known and not empty.
    before: Option<&'n Node>,
}

impl After<'_> {
    /// The end of the pattern, or of what is matched for itself.
    const END: After<'static> = After {
        follow: ByteSet::ALL,
        tail: true,
        literal: None,
        before: None,
    };
}

#[derive(Default)]
pub(super) struct Compiler {
    pub(super) ops: Vec<Op>,
    resets: Vec<u16>,
    /// The slot of the next capture.
    first_unset: u16,
    /// Inside of a loop with captures: the slot of the first capture after it.
    after_loop: Option<u16>,
    /// The numbers of captures are no order to go by: each restores its slots itself.
    undo_all: bool,
    pub(super) knowns: Vec<Known>,
    scopes: Vec<u16>,
    scope: u16,
    scope_count: u16,
    loops: Vec<u16>,
    iterations: Vec<Option<Arc<[u16]>>>,
    pub(super) classes: Vec<CharClass>,
    class_index: HashMap<CharClass, u16, RandomState>,
    nexts: Vec<ByteSet>,
    pub(super) literals: Vec<Box<[u8]>>,
    pub(super) runs: Vec<Run>,
    dispatches: Vec<DispatchTable>,
    backrefs: Vec<Backref>,
    slots: usize,
    error: Option<&'static str>,
}

impl Compiler {
    fn emit(&mut self, node: &Node, after: &After<'_>) {
        if self.ops.len() > MAX_OPS {
            return;
        }
        let known = known::recognize(node)
            .filter(|(_, inside)| {
                inside.is_empty() || !(self.undo_all || self.after_loop.is_some())
            })
            .map(|(recognized, inside)| self.known(recognized, inside, after));
        self.emit_generic(node, after);
        if let Some(known) = known {
            self.knowns[known].next = self.here();
        }
    }

    /// What is in for a sub-pattern that has a matcher of its own; the generic code follows.
    fn known(
        &mut self,
        recognized: &Recognized,
        inside: Vec<(u16, u8)>,
        after: &After<'_>,
    ) -> usize {
        self.knowns.push(Known {
            matcher: recognized.matcher,
            settled: after.tail || recognized.interior.is_disjoint(after.follow),
            next: FAIL,
            inside: inside.into(),
        });
        self.emit_op(Op::Known(self.knowns.len() as u16 - 1));
        self.knowns.len() - 1
    }

    fn emit_generic(&mut self, node: &Node, after: &After<'_>) {
        match node {
            Node::Empty => {}
            Node::Literal(text) => self.literal(text),
            Node::Class(class) => {
                let class = self.class(class);
                self.emit_op(Op::Class(class));
            }
            Node::Concat(nodes) => self.concat(nodes, after),
            Node::Alternate(nodes) => self.alternate(nodes, after),
            Node::Repeat(repeat) => self.repeat(repeat, after),
            Node::Capture { group, node } => {
                if let Some(outside) = looks_outside(*group, node) {
                    return self.emit(&outside, after);
                }
                let slot = 2 * *group as u16;
                let undo = self.undo_all || self.after_loop.is_some();
                let save = if undo { Op::SaveUndo } else { Op::Save };
                self.emit_op(save(slot));
                self.first_unset = self.first_unset.max(slot + 2);
                self.emit(node, after);
                self.emit_op(save(slot + 1));
            }
            Node::Atomic(node) => self.atomic(node),
            Node::Look {
                behind,
                negate,
                node,
            } => {
                if !is_implied(*behind, *negate, node, after) {
                    self.look(*behind, *negate, node);
                }
            }
            Node::Assert(assertion) => self.assertion(*assertion),
            Node::Keep => drop(self.emit_op(Op::Keep)),
            Node::Backref {
                groups,
                ignore_case,
            } => {
                self.backrefs.push(Backref {
                    groups: groups.clone(),
                    ignore_case: *ignore_case,
                });
                self.emit_op(Op::Backref(self.backrefs.len() as u16 - 1));
            }
            Node::Unresolved(_) => drop(self.emit_op(Op::Fail)),
        }
    }

    fn literal(&mut self, text: &str) {
        match text.as_bytes() {
            [] => {}
            [byte] => drop(self.emit_op(Op::Byte(*byte))),
            _ => {
                let literal = self.literal_index(text);
                self.emit_op(Op::Literal(literal));
            }
        }
    }

    fn concat(&mut self, nodes: &[Node], after: &After<'_>) {
        let mut follows = vec![(after.follow, after.tail); nodes.len()];
        for at in (1..nodes.len()).rev() {
            let (follow, tail) = follows[at];
            follows[at - 1] = (
                first(&nodes[at], follow),
                tail && always_matches(&nodes[at]),
            );
        }
        for (at, node) in nodes.iter().enumerate() {
            let (follow, tail) = follows[at];
            let literal = match nodes.get(at + 1) {
                None => after.literal,
                Some(Node::Literal(text)) => Some(&text[..]),
                Some(_) => None,
            };
            let before = match at.checked_sub(1) {
                None => after.before,
                Some(previous) => Some(&nodes[previous]).filter(|node| !nullable(node)),
            };
            self.emit(
                node,
                &After {
                    follow,
                    tail,
                    literal,
                    before,
                },
            );
        }
    }

    /// Ordered branches, dispatched by the next byte.
    fn alternate(&mut self, nodes: &[Node], after: &After<'_>) {
        let dispatch = self.emit_op(Op::Fail);
        let reset = self.resets[dispatch as usize];
        let mut entries = Vec::with_capacity(nodes.len());
        let mut jumps = Vec::with_capacity(nodes.len());
        for node in nodes {
            entries.push((first(node, after.follow), self.here()));
            self.emit(node, after);
            jumps.push(self.emit_op(Op::Jump(FAIL)));
        }
        self.dispatch(dispatch, &entries, reset);
        self.land(&jumps);
    }

    /// Fills in the dispatch at `at` over branches given, in order, by what they begin with and where they are.
    fn dispatch(&mut self, at: Pc, branches: &[(ByteSet, Pc)], reset: u16) {
        let mut table: DispatchTable = [FAIL as u16; NO_BYTE + 1];
        let mut known: Vec<(Vec<Pc>, Pc)> = Vec::new();
        // Neighbouring bytes mostly lead to the same branches: only where one begins or ends need they be looked through.
        let changes = branches.iter().fold(ByteSet::EMPTY, |changes, (set, _)| {
            changes.union(set.edges())
        });
        let mut next = Some(0);
        let mut changes = changes
            .bytes()
            .map(usize::from)
            .skip_while(|&byte| byte == 0);
        while let Some(byte) = next {
            next = match byte {
                NO_BYTE => None,
                _ => Some(changes.next().unwrap_or(NO_BYTE)),
            };
            let is_in = |set: &ByteSet| {
                u8::try_from(byte).map_or(set.contains_end(), |byte| set.contains(byte))
            };
            let admits = |(set, pc): &(ByteSet, Pc)| is_in(set).then_some(*pc);
            let viable: Vec<Pc> = branches.iter().filter_map(admits).collect();
            let target = match viable[..] {
                [] => FAIL,
                [only] => only,
                _ => match known.iter().find(|(branches, _)| *branches == viable) {
                    Some(&(_, target)) => target,
                    None => {
                        let target = self.splits(&viable, reset);
                        known.push((viable, target));
                        target
                    }
                },
            };
            table[byte..next.unwrap_or(NO_BYTE + 1)].fill(target as u16);
        }
        self.dispatches.push(table);
        self.ops[at as usize] = Op::Dispatch(self.dispatches.len() as u16 - 1);
    }

    /// A chain of choices between at least two branches; going back to one unsets the captures from `reset` on.
    fn splits(&mut self, branches: &[Pc], reset: u16) -> Pc {
        let begin = self.here();
        for (at, &first) in branches[..branches.len() - 1].iter().enumerate() {
            let second = if at + 2 == branches.len() {
                branches[at + 1]
            } else {
                self.here() + 1
            };
            let split = self.emit_op(Op::Split { first, second });
            self.resets[split as usize] = reset;
        }
        begin
    }

    fn assertion(&mut self, assertion: Assertion) {
        self.emit_op(match assertion {
            Assertion::LineStart => Op::LineStart,
            Assertion::LineEnd => Op::LineEnd,
            Assertion::TextStart => Op::TextStart,
            Assertion::TextEnd => Op::TextEnd,
            Assertion::TextEndNewline => Op::TextEndNewline,
            Assertion::WordBoundary => Op::WordBoundary { negate: false },
            Assertion::NotWordBoundary => Op::WordBoundary { negate: true },
            Assertion::SearchStart => Op::SearchStart,
        });
    }

    fn emit_op(&mut self, op: Op) -> Pc {
        self.ops.push(op);
        self.scopes.push(self.scope);
        self.resets.push(match self.after_loop {
            _ if self.undo_all => u16::MAX,
            Some(after) => after,
            None => self.first_unset,
        });
        let before = self.iterations.last().cloned().flatten();
        self.iterations.push(match &self.loops[..] {
            [] => None,
            loops => Some(
                before
                    .filter(|before| before[..] == *loops)
                    .unwrap_or_else(|| loops.into()),
            ),
        });
        self.ops.len() as Pc - 1
    }

    fn here(&self) -> Pc {
        self.ops.len() as Pc
    }

    /// Makes these jumps lead to what comes next.
    fn land(&mut self, jumps: &[Pc]) {
        let here = self.here();
        jumps
            .iter()
            .for_each(|&jump| self.ops[jump as usize] = Op::Jump(here));
    }

    fn slot(&mut self) -> u16 {
        self.slots += 1;
        (self.slots - 1) as u16
    }

    fn class(&mut self, class: &CharClass) -> u16 {
        if let Some(&known) = self.class_index.get(class) {
            return known;
        }
        let index = self.classes.len() as u16;
        self.classes.push(class.clone());
        self.class_index.insert(class.clone(), index);
        index
    }

    fn next(&mut self, set: ByteSet) -> u16 {
        position_or_push(&mut self.nexts, set)
    }

    fn literal_index(&mut self, text: &str) -> u16 {
        position_or_push(&mut self.literals, text.as_bytes().into())
    }
}

/// A capture without the looks at its edges, which then stand outside of it, where they match the same.
fn looks_outside(group: u32, node: &Node) -> Option<Node> {
    let Node::Concat(nodes) = node else {
        return None;
    };
    let is_look = |node: &Node| match node {
        Node::Look { node, .. } => single_class(node).is_some(),
        _ => false,
    };
    let begin = nodes.iter().take_while(|node| is_look(node)).count();
    let end = nodes.iter().rposition(|node| !is_look(node))? + 1;
    if (begin, end) == (0, nodes.len()) || known::recognize(node).is_some() {
        return None;
    }
    let inside = Node::Capture {
        group,
        node: Box::new(Node::Concat(nodes[begin..end].to_vec())),
    };
    let (before, after) = (&nodes[..begin], &nodes[end..]);
    Some(Node::Concat([before, &[inside], after].concat()))
}

/// Makes everything that leads to a jump lead to where the jump leads.
fn thread_jumps(ops: &mut [Op], dispatches: &mut [DispatchTable]) {
    let target = |ops: &[Op], mut pc: Pc| {
        while let Op::Jump(next) = ops[pc as usize] {
            pc = next;
        }
        pc
    };
    for at in 0..ops.len() {
        ops[at] = match ops[at] {
            Op::Jump(to) => Op::Jump(target(ops, to)),
            Op::Split { first, second } => Op::Split {
                first: target(ops, first),
                second: target(ops, second),
            },
            Op::IterationEnd { slot, exit } => Op::IterationEnd {
                slot,
                exit: target(ops, exit),
            },
            Op::NegativeStart { slot, otherwise } => Op::NegativeStart {
                slot,
                otherwise: target(ops, otherwise),
            },
            op => op,
        };
    }
    for number in 0..dispatches.len() {
        let mut table = dispatches[number];
        // Neighbouring bytes mostly lead to the same place.
        let mut last = None;
        for (byte, entry) in table.iter_mut().enumerate() {
            let mut to = match last {
                Some((from, to)) if from == *entry => to,
                _ => target(ops, Pc::from(*entry)),
            };
            last = Some((*entry, to));
            // On to where another dispatch leads by the same byte.
            while let Op::Dispatch(other) = ops[to as usize] {
                to = target(ops, Pc::from(dispatches[usize::from(other)][byte]));
            }
            *entry = to as u16;
        }
        dispatches[number] = table;
    }
}

fn position_or_push<T: PartialEq>(items: &mut Vec<T>, item: T) -> u16 {
    let known = items.iter().position(|known| *known == item);
    known.unwrap_or_else(|| {
        items.push(item);
        items.len() - 1
    }) as u16
}

/// Whether every match begins at the start of the text.
fn is_anchored(node: &Node) -> bool {
    match node {
        Node::Assert(Assertion::TextStart) => true,
        Node::Concat(nodes) => nodes.first().is_some_and(is_anchored),
        Node::Alternate(nodes) => nodes.iter().all(is_anchored),
        Node::Capture { node, .. } | Node::Atomic(node) => is_anchored(node),
        _ => false,
    }
}

/// Whether the pattern begins with a `.*` over every character, so that a later start cannot match when the first
/// does not.
fn begins_with_everything(node: &Node) -> bool {
    match node {
        Node::Repeat(Repeat {
            node,
            min: 0,
            max: None,
            kind,
        }) => *kind != RepeatKind::Possessive && single_class(node) == Some(CharClass::any()),
        Node::Concat(nodes) => nodes.first().is_some_and(begins_with_everything),
        Node::Capture { node, .. } => begins_with_everything(node),
        _ => false,
    }
}

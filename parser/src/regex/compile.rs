//! Syntax tree to program.
//!
//! The compiler knows, at each node, what can come after it (its follow set). Alternatives and loops become dispatches
//! on the next byte, with choice points only where several branches can begin alike; a run of a class that what
//! follows cannot begin with becomes possessive, because giving back could not help.

use super::RegexError;
use super::analysis::{
    any, captures_in_order, first, fixed_length, last_class, last_group, nullable,
    resolve_boundaries, single_class,
};
use super::ast::{Assertion, Node, Repeat, RepeatKind};
use super::byteset::ByteSet;
use super::class::CharClass;
use super::fuse::fuse;
use super::known::{self, Recognized};
use super::parse::Parsed;
use super::prefilter::Prefilter;
use super::program::{Backref, DispatchTable, FAIL, Known, Op, Pc, Program, Run, UNBOUNDED};
use super::scan::Scan;
use super::table::{ClassTable, NextTable, lazy_stops};
use std::collections::HashMap;

/// Programs longer than this are refused.
const MAX_OPS: usize = 60_000;

/// Compiles a parsed pattern.
pub(super) fn compile(parsed: &Parsed, pattern: &str) -> Result<Program, RegexError> {
    let mut root = parsed.node.clone();
    resolve_boundaries(&mut root);
    let captures = 2 * (parsed.group_count as usize + 1);
    let memoizable = !any(&root, &|node| matches!(node, Node::Backref { .. }));
    let mut compiler = Compiler {
        slots: captures,
        undo_all: !memoizable || !captures_in_order(&root),
        first_unset: 2,
        ..Compiler::default()
    };
    compiler.emit_op(Op::Fail);
    let after = After {
        follow: ByteSet::ALL,
        tail: true,
        literal: None,
        before: None,
    };
    compiler.emit(&root, &after);
    compiler.emit_op(Op::Match);
    let whole = 0..pattern.len();
    if let Some(message) = compiler.error {
        return Err(RegexError::new(message, whole));
    }
    if compiler.ops.len() > MAX_OPS || compiler.slots > usize::from(u16::MAX) {
        return Err(RegexError::new(
            "the pattern is too large: its repeats expand to too much",
            whole,
        ));
    }
    thread_jumps(&mut compiler.ops, &mut compiler.dispatches);
    let fused = fuse(&mut compiler);
    let is_choice = |op: &&Op| {
        matches!(
            op,
            Op::Split { .. } | Op::Loop(_) | Op::RunGreedy(_) | Op::RunLazy(_)
        )
    };
    Ok(Program {
        choices: compiler.ops.iter().filter(is_choice).count(),
        first: NextTable::new(&first(&root, ByteSet::ALL)),
        prefilter: Prefilter::new(&root),
        anchored: is_anchored(&root),
        first_only: memoizable && begins_with_everything(&root),
        memoizable,
        ops: compiler.ops,
        classes: compiler.classes.iter().map(ClassTable::new).collect(),
        nexts: compiler.nexts.iter().map(NextTable::new).collect(),
        literals: compiler.literals,
        runs: compiler.runs,
        dispatches: compiler.dispatches,
        backrefs: compiler.backrefs,
        slots: compiler.slots,
        groups: parsed.group_count as usize + 1,
        scopes: compiler.scopes,
        resets: compiler.resets,
        knowns: compiler.knowns,
        fields: fused,
        iterations: compiler.iterations,
        scope_count: compiler.scope_count + 1,
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
    iterations: Vec<Option<Box<[u16]>>>,
    classes: Vec<CharClass>,
    class_index: HashMap<CharClass, u16>,
    nexts: Vec<ByteSet>,
    pub(super) literals: Vec<Box<[u8]>>,
    runs: Vec<Run>,
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
        let known = known::recognize(node).map(|recognized| self.known(recognized, after));
        self.emit_generic(node, after);
        if let Some(known) = known {
            self.knowns[known].next = self.here();
        }
    }

    /// What is in for a sub-pattern that has a matcher of its own; the generic code follows.
    fn known(&mut self, recognized: &Recognized, after: &After<'_>) -> usize {
        self.knowns.push(Known {
            matcher: recognized.matcher,
            settled: after.tail || recognized.interior.is_disjoint(after.follow),
            next: FAIL,
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
        let mut follows = vec![after.follow; nodes.len()];
        for at in (1..nodes.len()).rev() {
            follows[at - 1] = first(&nodes[at], follows[at]);
        }
        for (at, node) in nodes.iter().enumerate() {
            let last = at + 1 == nodes.len();
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
                    follow: follows[at],
                    tail: after.tail && last,
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
        let mut table: DispatchTable = [FAIL as u16; 257];
        let mut known: HashMap<Vec<Pc>, Pc> = HashMap::new();
        for (byte, entry) in table.iter_mut().enumerate() {
            let admits = |set: &ByteSet| {
                u8::try_from(byte).map_or(set.contains_end(), |byte| set.contains(byte))
            };
            let viable: Vec<Pc> = branches
                .iter()
                .filter(|(set, _)| admits(set))
                .map(|(_, pc)| *pc)
                .collect();
            let target = match viable[..] {
                [] => FAIL,
                [only] => only,
                _ => *known
                    .entry(viable)
                    .or_insert_with_key(|viable| self.splits(viable, reset)),
            };
            *entry = target as u16;
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

    fn repeat(&mut self, repeat: &Repeat, after: &After<'_>) {
        let Repeat {
            node, max, kind, ..
        } = repeat;
        if let Some(class) = single_class(node) {
            return self.class_run(&class, repeat, after);
        }
        if *kind == RepeatKind::Possessive {
            let greedy = Node::Repeat(Repeat {
                kind: RepeatKind::Greedy,
                ..repeat.clone()
            });
            return self.atomic(&greedy);
        }
        let looped = (*max != Some(1)).then(|| last_group(node)).flatten();
        let outer = self.after_loop;
        if let Some(last) = looped {
            self.after_loop = outer.or(Some(2 * last as u16 + 2));
        }
        self.repeat_copies(repeat, after);
        self.after_loop = outer;
    }

    fn repeat_copies(&mut self, repeat: &Repeat, after: &After<'_>) {
        let Repeat {
            node,
            min,
            max,
            kind,
        } = repeat;
        let again = first(node, after.follow).union(after.follow);
        let begins = if nullable(node) {
            first(node, again).union(again)
        } else {
            first(node, ByteSet::ALL)
        };
        let between = After {
            follow: begins.union(after.follow),
            tail: false,
            literal: None,
            before: None,
        };
        for copy in 0..*min {
            let last = copy + 1 == *min && *max == Some(*min);
            self.emit(node, if last { after } else { &between });
            if self.ops.len() > MAX_OPS {
                return;
            }
        }
        let ways = Ways {
            begins,
            exits: after.follow,
            lazy: *kind == RepeatKind::Lazy,
        };
        match max {
            None => self.unbounded_loop(node, &ways, &between),
            Some(max) => self.optional_copies(node, max - min, &ways, &between, after),
        }
    }

    fn unbounded_loop(&mut self, node: &Node, ways: &Ways, between: &After<'_>) {
        let head = self.emit_op(Op::Fail);
        let body = self.here();
        let slot = nullable(node).then(|| self.slot());
        if let Some(slot) = slot {
            self.emit_op(Op::IterationStart(slot));
            self.loops.push(slot);
        }
        self.emit(node, between);
        if slot.is_some() {
            self.loops.pop();
        }
        let check = slot.map(|slot| (self.emit_op(Op::Fail), slot));
        self.emit_op(Op::Jump(head));
        let exit = self.emit_op(Op::Jump(FAIL));
        if let Some((check, slot)) = check {
            self.ops[check as usize] = Op::IterationEnd { slot, exit };
        }
        let reset = self.resets[head as usize];
        self.dispatch(head, &ways.branches(body, exit), reset);
        if let Op::Dispatch(table) = self.ops[head as usize] {
            self.ops[head as usize] = Op::Loop(table);
        }
        self.land(&[exit]);
    }

    /// `count` further copies, each optional: the first that is not taken ends the repeat.
    fn optional_copies(
        &mut self,
        node: &Node,
        count: u32,
        ways: &Ways,
        between: &After<'_>,
        after: &After<'_>,
    ) {
        let mut heads = Vec::new();
        for copy in 0..count {
            let head = self.emit_op(Op::Fail);
            heads.push((head, self.here()));
            self.emit(node, if copy + 1 == count { after } else { between });
            if self.ops.len() > MAX_OPS {
                return;
            }
        }
        if heads.is_empty() {
            return;
        }
        let exit = self.emit_op(Op::Jump(FAIL));
        for (head, body) in heads {
            let reset = self.resets[head as usize];
            self.dispatch(head, &ways.branches(body, exit), reset);
        }
        self.land(&[exit]);
    }

    fn class_run(&mut self, members: &CharClass, repeat: &Repeat, after: &After<'_>) {
        let Repeat { min, max, kind, .. } = *repeat;
        let settled = ByteSet::of_class(members).is_disjoint(after.follow);
        let class = self.class(members);
        let bound = max.unwrap_or(UNBOUNDED);
        let possessive = match kind {
            RepeatKind::Possessive => true,
            RepeatKind::Greedy => settled || after.tail || max == Some(min),
            RepeatKind::Lazy => max == Some(min),
        };
        if possessive {
            self.emit_op(Op::Run {
                class,
                min,
                max: bound,
            });
        } else if kind == RepeatKind::Lazy && after.tail {
            self.emit_op(Op::Run {
                class,
                min,
                max: min,
            });
        } else {
            let next = self.next(after.follow);
            let literal = after
                .literal
                .filter(|text| text.len() > 1)
                .map(|text| self.literal_index(text));
            let stops = match kind {
                RepeatKind::Lazy => {
                    lazy_stops(&ClassTable::new(members), &NextTable::new(&after.follow))
                }
                _ => Scan::new([false; 256]),
            };
            self.runs.push(Run {
                class,
                min,
                max: bound,
                next,
                stops,
                literal,
            });
            let run = self.runs.len() as u16 - 1;
            self.emit_op(if kind == RepeatKind::Lazy {
                Op::RunLazy(run)
            } else {
                Op::RunGreedy(run)
            });
        }
    }

    /// What is inside a scope is never re-entered, so its end is a tail of its own.
    fn inside_scope(&mut self, node: &Node) -> u16 {
        let outer = self.scope;
        self.scope_count += 1;
        self.scope = self.scope_count;
        self.emit(
            node,
            &After {
                follow: ByteSet::ALL,
                tail: true,
                literal: None,
                before: None,
            },
        );
        std::mem::replace(&mut self.scope, outer)
    }

    fn atomic(&mut self, node: &Node) {
        let slot = self.slot();
        self.emit_op(Op::ScopeStart { slot, look: false });
        let scope = self.inside_scope(node);
        self.emit_op(Op::ScopeEnd {
            slot,
            scope,
            look: false,
        });
    }

    fn look(&mut self, behind: bool, negate: bool, node: &Node) {
        if let Some(class) = single_class(node) {
            let class = self.class(&class);
            self.emit_op(Op::LookClass {
                behind,
                negate,
                class,
            });
            return;
        }
        let slot = self.slot();
        self.slot(); // the position, after the height of the stack
        let start = self.emit_op(Op::ScopeStart { slot, look: true });
        let scope = match behind {
            false => self.inside_scope(node),
            true => self.look_behind_body(node),
        };
        if negate {
            self.emit_op(Op::NegativeEnd { slot, scope });
            self.ops[start as usize] = Op::NegativeStart {
                slot,
                otherwise: self.here(),
            };
        } else {
            self.emit_op(Op::ScopeEnd {
                slot,
                scope,
                look: true,
            });
        }
    }

    /// Alternatives of a look-behind may differ in length, each must have one.
    fn look_behind_body(&mut self, node: &Node) -> u16 {
        let alternatives = match node {
            Node::Alternate(nodes) => &nodes[..],
            node => std::slice::from_ref(node),
        };
        let outer = self.scope;
        self.scope_count += 1;
        self.scope = self.scope_count;
        let mut jumps = Vec::new();
        for (at, node) in alternatives.iter().enumerate() {
            let Some(length) = fixed_length(node) else {
                self.error = Some("invalid pattern in look-behind: its length varies");
                break;
            };
            let split = (at + 1 < alternatives.len()).then(|| self.emit_op(Op::Fail));
            let begin = self.here();
            self.emit_op(Op::StepBack(length as u32));
            self.emit(
                node,
                &After {
                    follow: ByteSet::ALL,
                    tail: true,
                    literal: None,
                    before: None,
                },
            );
            jumps.push(self.emit_op(Op::Jump(FAIL)));
            if let Some(split) = split {
                self.ops[split as usize] = Op::Split {
                    first: begin,
                    second: self.here(),
                };
            }
        }
        self.land(&jumps);
        std::mem::replace(&mut self.scope, outer)
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
        self.iterations
            .push((!self.loops.is_empty()).then(|| self.loops[..].into()));
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

/// How a loop goes on.
struct Ways {
    begins: ByteSet,
    exits: ByteSet,
    lazy: bool,
}

impl Ways {
    /// Body and exit in the order in which they are tried.
    fn branches(&self, body: Pc, exit: Pc) -> [(ByteSet, Pc); 2] {
        match self.lazy {
            true => [(self.exits, exit), (self.begins, body)],
            false => [(self.begins, body), (self.exits, exit)],
        }
    }
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
    for entry in dispatches.iter_mut().flatten() {
        *entry = target(ops, Pc::from(*entry)) as u16;
    }
}

fn position_or_push<T: PartialEq>(items: &mut Vec<T>, item: T) -> u16 {
    let known = items.iter().position(|known| *known == item);
    known.unwrap_or_else(|| {
        items.push(item);
        items.len() - 1
    }) as u16
}

/// Whether a negative look-around can be left out: what comes before or after the place excludes it anyway.
fn is_implied(behind: bool, negate: bool, node: &Node, after: &After<'_>) -> bool {
    if !negate || nullable(node) {
        return false;
    }
    match behind {
        false => first(node, ByteSet::ALL).is_disjoint(after.follow),
        true => match (after.before.and_then(last_class), single_class(node)) {
            (Some(before), Some(excluded)) => before.intersect(&excluded).is_empty(),
            _ => false,
        },
    }
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

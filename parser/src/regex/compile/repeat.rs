//! Repeats.

use super::{After, Compiler, MAX_OPS};
use crate::regex::analysis::{any, children, first, last_group, nullable, single_class};
use crate::regex::ast::{Node, Repeat, RepeatKind};
use crate::regex::byteset::ByteSet;
use crate::regex::class::CharClass;
use crate::regex::program::{FAIL, Op, Pc, Run, ShortText, UNBOUNDED, Watched};
use crate::regex::scan::Scan;
use crate::regex::table::{ClassTable, NextTable, lazy_stops};
use std::sync::Arc;

impl Compiler {
    pub(super) fn repeat(&mut self, repeat: &Repeat, after: &After<'_>) {
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
        let outermost = self.watches && looped.is_some() && self.watched_groups.is_none();
        if outermost {
            self.watched_groups = Some(groups_to_watch(repeat));
        }
        if let Some(last) = looped {
            self.after_loop = outer.or(Some(2 * last as u16 + 2));
        }
        self.repeat_copies(repeat, after);
        self.after_loop = outer;
        if outermost {
            self.watched_groups = None;
        }
    }

    /// What tells one state from another at the operation that is emitted next.
    pub(super) fn watched(&self) -> Option<Arc<Watched>> {
        let groups = self.watched_groups.as_ref()?;
        if groups.is_empty() {
            return None;
        }
        let before = self.watched.last().cloned().flatten();
        before
            .filter(|before| before.groups == *groups && before.loops[..] == self.watched_loops)
            .or_else(|| {
                Some(Arc::new(Watched {
                    groups: groups.clone(),
                    loops: self.watched_loops[..].into(),
                }))
            })
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
        let groups = self.watched_groups.as_ref();
        let captures = groups.is_some_and(|groups| !groups.is_empty()) && hangs_on_captures(node);
        if let Some(slot) = slot {
            self.emit_op(Op::IterationStart { slot, captures });
            self.loops.push(slot);
            self.watched_loops.extend(captures.then_some(slot));
        }
        self.emit(node, between);
        if slot.is_some() {
            self.loops.pop();
        }
        if captures {
            self.watched_loops.pop();
        }
        let check = slot.map(|slot| (self.emit_op(Op::Fail), slot));
        self.emit_op(Op::Jump(head));
        let exit = self.emit_op(Op::Jump(FAIL));
        if let Some((check, slot)) = check {
            self.ops[check as usize] = Op::IterationEnd {
                slot,
                captures,
                exit,
            };
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
                .map_or(ShortText::default(), |text| {
                    ShortText::beginning(text.as_bytes())
                });
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
}

/// Whether an empty iteration of a loop with this body may mean something: then it holds captures. Those of a look-ahead
/// can have Oniguruma go round for ever, so with them it means nothing.
fn hangs_on_captures(body: &Node) -> bool {
    let is_capture = |node: &Node| matches!(node, Node::Capture { .. });
    let is_look_with_capture = |node: &Node| matches!(node, Node::Look { node, negate: false, .. } if any(node, &is_capture));
    nullable(body) && any(body, &is_capture) && !any(body, &is_look_with_capture)
}

/// The captures of a repeat on which empty iterations hang, by the slots of where they begin: none if they are more than
/// can be remembered with a state, which is worth more.
fn groups_to_watch(repeat: &Repeat) -> Arc<[u16]> {
    let mut groups = Vec::new();
    let depth = add_watched(repeat, false, &mut groups);
    let few = groups.len() <= Watched::MOST_GROUPS && depth <= Watched::MOST_LOOPS;
    groups.retain(|_| few);
    groups.into()
}

/// Adds the captures of such loops in a repeat; returns how deep these are nested.
fn add_watched(repeat: &Repeat, inside: bool, groups: &mut Vec<u16>) -> usize {
    let watched = repeat.max.is_none() && hangs_on_captures(&repeat.node);
    let depth = add_watched_of(&repeat.node, inside || watched, groups);
    depth + usize::from(watched)
}

fn add_watched_of(node: &Node, inside: bool, groups: &mut Vec<u16>) -> usize {
    match node {
        Node::Repeat(repeat) => add_watched(repeat, inside, groups),
        node => {
            if let Node::Capture { group, .. } = node
                && inside
            {
                groups.push(2 * *group as u16);
            }
            let inner = children(node).iter();
            inner
                .map(|node| add_watched_of(node, inside, groups))
                .max()
                .unwrap_or(0)
        }
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

//! Repeats.

use super::{After, Compiler, MAX_OPS};
use crate::regex::analysis::{first, last_group, nullable, single_class};
use crate::regex::ast::{Node, Repeat, RepeatKind};
use crate::regex::byteset::ByteSet;
use crate::regex::class::CharClass;
use crate::regex::program::{FAIL, Op, Pc, Run, ShortText, UNBOUNDED};
use crate::regex::scan::Scan;
use crate::regex::table::{ClassTable, NextTable, lazy_stops};

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
        let settled = members.first_bytes().is_disjoint(after.follow);
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

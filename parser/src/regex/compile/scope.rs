//! What is matched for itself: atomic groups and look-arounds.

use super::{After, Compiler};
use crate::regex::analysis::{first, fixed_length, last_class, nullable, single_class};
use crate::regex::ast::Node;
use crate::regex::byteset::ByteSet;
use crate::regex::program::{FAIL, Op};

impl Compiler {
    /// What is inside a scope is never re-entered, so its end is a tail of its own.
    fn inside_scope(&mut self, node: &Node) -> u16 {
        self.scoped(|compiler| compiler.emit(node, &After::END))
    }

    /// Emits in a scope of its own, and returns which that is.
    fn scoped(&mut self, emit: impl FnOnce(&mut Compiler)) -> u16 {
        let outer = self.scope;
        self.scope_count += 1;
        self.scope = self.scope_count;
        emit(self);
        std::mem::replace(&mut self.scope, outer)
    }

    pub(super) fn atomic(&mut self, node: &Node) {
        let slot = self.slot();
        self.emit_op(Op::ScopeStart { slot, look: false });
        let scope = self.inside_scope(node);
        self.emit_op(Op::ScopeEnd {
            slot,
            scope,
            look: false,
        });
    }

    pub(super) fn look(&mut self, behind: bool, negate: bool, node: &Node) {
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
            true => self.scoped(|compiler| compiler.look_behind_body(node)),
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
    fn look_behind_body(&mut self, node: &Node) {
        let alternatives = match node {
            Node::Alternate(nodes) => &nodes[..],
            node => std::slice::from_ref(node),
        };
        let mut jumps = Vec::new();
        for (at, node) in alternatives.iter().enumerate() {
            let Some(length) = fixed_length(node) else {
                self.error = Some("invalid pattern in look-behind: its length varies");
                break;
            };
            let split = (at + 1 < alternatives.len()).then(|| self.emit_op(Op::Fail));
            let begin = self.here();
            self.emit_op(Op::StepBack(length as u32));
            self.emit(node, &After::END);
            jumps.push(self.emit_op(Op::Jump(FAIL)));
            if let Some(split) = split {
                self.ops[split as usize] = Op::Split {
                    first: begin,
                    second: self.here(),
                };
            }
        }
        self.land(&jumps);
    }
}

/// Whether a negative look-around can be left out: what comes before or after the place excludes it anyway.
pub(super) fn is_implied(behind: bool, negate: bool, node: &Node, after: &After<'_>) -> bool {
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

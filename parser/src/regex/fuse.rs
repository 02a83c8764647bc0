//! Joins what mostly comes together into one operation: note the beginning of a capture, run over a class or match a known
//! sub-pattern, note the end, compare the text that follows.
//!
//! The operations joined stay where they are, so jumps into their middle still work.

use super::compile::Compiler;
use super::program::{Field, FieldKind, Op, Pc, ShortText, UNBOUNDED};

/// Joins what it can; returns the joint operations' parts.
pub(super) fn fuse(compiler: &mut Compiler) -> Vec<Field> {
    let mut fields = Vec::new();
    for at in 0..compiler.ops.len() {
        if let Op::Save(slot) = compiler.ops[at]
            && let Some(field) = field(compiler, slot, at as Pc + 1)
            && fields.len() < usize::from(u16::MAX)
        {
            compiler.ops[at] = Op::Field(fields.len() as u16);
            fields.push(field);
        }
    }
    fields
}

fn field(compiler: &Compiler, slot: u16, pc: Pc) -> Option<Field> {
    let ops = &compiler.ops;
    let (what, close) = match ops[pc as usize] {
        Op::Run {
            class,
            min: min @ (0 | 1),
            max: UNBOUNDED,
        } => {
            let some = min == 1;
            (FieldKind::Run { class, some }, pc + 1)
        }
        Op::Known(known) => {
            let generic = pc + 1;
            let next = compiler.knowns[usize::from(known)].next;
            (FieldKind::Known { known, generic }, next)
        }
        _ => return None,
    };
    let close = target(ops, close);
    if !matches!(ops[close as usize], Op::Save(end) if end == slot + 1) {
        return None;
    }
    let next = target(ops, close + 1);
    let text = match ops[next as usize] {
        Op::Byte(byte) => ShortText::new(&[byte]),
        Op::Literal(literal) => ShortText::new(&compiler.literals[usize::from(literal)]),
        _ => None,
    };
    let (literal, next) = match text {
        Some(text) => (text, target(ops, next + 1)),
        None => (ShortText::default(), next),
    };
    Some(Field {
        slot,
        what,
        literal,
        next,
    })
}

fn target(ops: &[Op], mut pc: Pc) -> Pc {
    while let Op::Jump(next) = ops[pc as usize] {
        pc = next;
    }
    pc
}

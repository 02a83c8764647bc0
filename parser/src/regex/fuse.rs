//! Joins what mostly comes together into one operation: note the beginning of a capture, run over a class or match a known
//! sub-pattern, note the end, compare the text that follows, dispatch on what comes then.
//!
//! The operations joined stay where they are, so jumps into their middle still work, and the matcher that memoizes goes
//! through them one by one.

use super::class::CharClass;
use super::compile::Compiler;
use super::known::Matcher;
use super::program::{Field, FieldKind, NO_FIELD, Op, Pc, ShortText, UNBOUNDED};
use super::table::ClassTable;

/// Joins what it can; returns a field for each operation. `unused` is a slot, of two, for what is not captured.
pub(super) fn fuse(compiler: &mut Compiler, classes: &[ClassTable], unused: u16) -> Vec<Field> {
    let mut fields = Vec::with_capacity(compiler.ops.len());
    for at in 0..compiler.ops.len() {
        let pc = at as Pc;
        let field = match compiler.ops[at] {
            Op::Save(slot) if slot % 2 == 0 => capture(compiler, classes, slot, pc + 1)
                .or_else(|| text(compiler, Op::Save(slot), pc + 1, slot)),
            Op::SaveUndo(slot) => capture_in_loop(compiler, classes, slot, pc + 1, unused),
            op @ (Op::Byte(_) | Op::Literal(_)) => text(compiler, op, pc, unused),
            _ => matched(compiler, classes, pc)
                .map(|what| and_what_follows(compiler, compiler.ops[at], what, unused)),
        };
        if field.is_some() {
            compiler.ops[at] = Op::Field;
        }
        fields.push(field.unwrap_or_else(|| between(&compiler.ops, pc)));
    }
    for field in &mut fields {
        let is_field = matches!(compiler.ops[field.next as usize], Op::Field);
        if is_field && field.more.is_none() {
            field.follow = field.next as u16;
        }
    }
    fields
}

/// An operation that stands between fields and moves nowhere in the text, in the form of a field.
fn between(ops: &[Op], pc: Pc) -> Field {
    let none = Field::NONE;
    match ops[pc as usize] {
        Op::Save(slot) => Field {
            kind: FieldKind::Save,
            slot,
            next: target(ops, pc + 1),
            ..none
        },
        Op::Split { first, second } => Field {
            kind: FieldKind::Split,
            next: first,
            pc: second,
            ..none
        },
        Op::Dispatch(table) => Field {
            kind: FieldKind::Dispatch,
            dispatch: Some(table),
            ..none
        },
        Op::Loop(table) => Field {
            kind: FieldKind::Loop,
            dispatch: Some(table),
            ..none
        },
        Op::Jump(next) => Field {
            kind: FieldKind::Jump,
            next,
            ..none
        },
        Op::LookClass {
            behind: false,
            negate,
            class,
        } => Field {
            kind: FieldKind::Ahead,
            min: u8::from(negate),
            index: class,
            ..none
        },
        Op::LookClass { .. } | Op::LineStart | Op::LineEnd | Op::TextStart | Op::TextEnd => Field {
            kind: FieldKind::Condition,
            ..none
        },
        _ => none,
    }
}

/// What a field matches, and the operation after that.
struct Matched {
    kind: FieldKind,
    index: u16,
    min: u8,
    pc: Pc,
    close: Pc,
}

/// What the operation at `pc` matches, if a field can.
fn matched(compiler: &Compiler, classes: &[ClassTable], pc: Pc) -> Option<Matched> {
    let (kind, index, min) = match compiler.ops[pc as usize] {
        Op::Class(class) => (FieldKind::One, class, 0),
        Op::Run {
            class,
            min: 0,
            max: 1,
        } => (FieldKind::Maybe, class, 0),
        Op::Run {
            class,
            min: min @ (0 | 1),
            max: UNBOUNDED,
        } => {
            let table = &classes[usize::from(class)];
            let kind = match table.end.ranges().filter(|_| table.bytewise()) {
                Some(0) if min == 0 => FieldKind::Everything,
                Some(2) => FieldKind::FewRanges,
                Some(4) => FieldKind::SomeRanges,
                Some(6 | 8) => FieldKind::ManyRanges,
                _ => FieldKind::Run,
            };
            (kind, class, min as u8)
        }
        Op::RunGreedy(index) => {
            let run = &compiler.runs[usize::from(index)];
            let table = &classes[usize::from(run.class)];
            let ranges = table.end.ranges().filter(|_| table.bytewise());
            let kind = match ranges.filter(|_| run.min <= 1 && run.max == UNBOUNDED) {
                Some(2) => FieldKind::GreedyFew,
                Some(4) => FieldKind::GreedySome,
                _ => FieldKind::Greedy,
            };
            (kind, index, run.min.min(1) as u8)
        }
        Op::RunLazy(index) => {
            let run = &compiler.runs[usize::from(index)];
            let few = run.stops.ranges() == Some(2);
            match run.min == 0 && run.max == UNBOUNDED && few {
                true => (FieldKind::LazyFew, index, 0),
                false => (FieldKind::Lazy, index, 0),
            }
        }
        Op::Known(index) => {
            let known = &compiler.knowns[usize::from(index)];
            let kind = match known.matcher {
                Matcher::Int if known.settled => FieldKind::Int,
                Matcher::Number if known.settled => FieldKind::Number,
                Matcher::IpOrHost if known.settled => FieldKind::Host,
                Matcher::IsoTimestamp if known.settled => FieldKind::Timestamp,
                _ if !known.inside.is_empty() => FieldKind::KnownWithCaptures,
                _ => FieldKind::Known,
            };
            return Some(Matched {
                kind,
                index,
                min: 0,
                pc: pc + 1,
                close: known.next,
            });
        }
        _ => return None,
    };
    Some(Matched {
        kind,
        index,
        min,
        pc,
        close: pc + 1,
    })
}

/// A capture of which nothing is left but to note where it ends.
fn capture(compiler: &Compiler, classes: &[ClassTable], slot: u16, pc: Pc) -> Option<Field> {
    let ops = &compiler.ops;
    let what = matched(compiler, classes, pc)?;
    let close = target(ops, what.close);
    if !matches!(ops[close as usize], Op::Save(end) if end == slot + 1) {
        return None;
    }
    let what = Matched {
        close: close + 1,
        ..what
    };
    Some(and_what_follows(compiler, Op::Save(slot), what, slot))
}

/// A capture of a known sub-pattern that a loop may come by more than once.
fn capture_in_loop(
    compiler: &Compiler,
    classes: &[ClassTable],
    slot: u16,
    pc: Pc,
    unused: u16,
) -> Option<Field> {
    let what = matched(compiler, classes, pc)?;
    let close = target(&compiler.ops, what.close);
    let ends = matches!(compiler.ops[close as usize], Op::SaveUndo(end) if end == slot + 1);
    if !ends || what.kind != FieldKind::Known {
        return None;
    }
    let what = Matched {
        kind: FieldKind::KnownInLoop,
        close: close + 1,
        ..what
    };
    let field = and_what_follows(compiler, Op::SaveUndo(slot), what, unused);
    Some(Field {
        restored: slot,
        ..field
    })
}

/// A text at `pc`, if it is short enough. In a capture that begins with it, its beginning is noted as the end of that, too,
/// until the end is come by: nothing but a back reference could tell, and patterns with those have no [`Op::Save`].
fn text(compiler: &Compiler, joined: Op, pc: Pc, slot: u16) -> Option<Field> {
    if !matches!(compiler.ops[pc as usize], Op::Byte(_) | Op::Literal(_)) {
        return None;
    }
    let what = Matched {
        kind: FieldKind::Text,
        index: 0,
        min: 0,
        pc,
        close: pc,
    };
    let field = and_what_follows(compiler, joined, what, slot);
    (field.literal.length > 0).then_some(field)
}

fn and_what_follows(compiler: &Compiler, joined: Op, what: Matched, slot: u16) -> Field {
    let ops = &compiler.ops;
    let mut text = Vec::new();
    let mut next = target(ops, what.close);
    loop {
        let more = match &ops[next as usize] {
            Op::Byte(byte) => std::slice::from_ref(byte),
            Op::Literal(literal) => &compiler.literals[usize::from(*literal)][..],
            _ => break,
        };
        if text.len() + more.len() > 8 {
            break;
        }
        text.extend_from_slice(more);
        next = target(ops, next + 1);
    }
    let mut more = None;
    if text.len() < 8
        && let Some(byte) = some_of_a_byte(compiler, next)
    {
        text.push(byte);
        more = Some(byte);
        next = target(ops, next + 1);
    }
    Field {
        kind: what.kind,
        min: what.min,
        more,
        index: what.index,
        slot,
        restored: slot,
        dispatch: match ops[next as usize] {
            Op::Dispatch(table) => Some(table),
            _ => None,
        },
        follow: NO_FIELD,
        next,
        pc: what.pc,
        literal: ShortText::beginning(&text),
        joined,
    }
}

/// The byte of an operation that takes all of this byte that come, and at least one.
fn some_of_a_byte(compiler: &Compiler, pc: Pc) -> Option<u8> {
    let Op::Run {
        class,
        min: 1,
        max: UNBOUNDED,
    } = compiler.ops[pc as usize]
    else {
        return None;
    };
    let only = CharClass::as_single(&compiler.classes[usize::from(class)])?;
    u8::try_from(only).ok().filter(u8::is_ascii)
}

fn target(ops: &[Op], mut pc: Pc) -> Pc {
    while let Op::Jump(next) = ops[pc as usize] {
        pc = next;
    }
    pc
}

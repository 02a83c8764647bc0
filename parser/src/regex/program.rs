//! A compiled pattern: operations for the matcher and the tables they refer to. Immutable once built.

use super::block::chunk;
use super::compile::compile;
use super::known::Matcher;
use super::prefilter::Prefilter;
use super::relax::relaxed;
use super::scan::Scan;
use super::table::{ClassTable, NextTable};
use std::sync::{Arc, OnceLock};

/// Index of an operation.
pub(super) type Pc = u32;

/// The operation every table entry that cannot match leads to.
pub(super) const FAIL: Pc = 0;

/// Counts without upper bound.
pub(super) const UNBOUNDED: u32 = u32::MAX;

/// One step of the matcher. Positions are byte offsets; counts are characters.
#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    Fail,
    Match,
    Byte(u8),
    Literal(u16),
    Class(u16),
    /// A run of a class that never gives back what it took.
    Run {
        class: u16,
        min: u32,
        max: u32,
    },
    /// A run that gives back one character at a time, as far as `next` admits.
    RunGreedy(u16),
    /// A run that takes one character at a time, up to where `next` admits.
    RunLazy(u16),
    /// Try the operation at `first`; on failure, the one at `second` from the same position.
    Split {
        first: Pc,
        second: Pc,
    },
    /// A sub-pattern with a matcher of its own.
    Known(u16),
    /// Several operations joined to one, see [`Field`].
    Field,
    /// Continue by the next byte.
    Dispatch(u16),
    /// The same, at the head of a loop.
    Loop(u16),
    Jump(Pc),
    /// Note the position in a slot of a capture.
    Save(u16),
    /// The same where going back must restore what the slot held: a loop may come by more than once.
    SaveUndo(u16),
    /// Remember where an iteration of a loop begins.
    IterationStart(u16),
    /// Leave the loop if the iteration was empty.
    IterationEnd {
        slot: u16,
        exit: Pc,
    },
    /// An atomic group or positive look-around: remember the height of the stack (and the position).
    ScopeStart {
        slot: u16,
        look: bool,
    },
    /// Drop the choices made since; for a look-around return to where it began.
    ScopeEnd {
        slot: u16,
        scope: u16,
        look: bool,
    },
    /// A negative look-around: if its body fails, continue at `otherwise`.
    NegativeStart {
        slot: u16,
        otherwise: Pc,
    },
    /// Its body matched: drop everything since, and fail.
    NegativeEnd {
        slot: u16,
        scope: u16,
    },
    /// A look-behind body begins this many characters back.
    StepBack(u32),
    LookClass {
        behind: bool,
        negate: bool,
        class: u16,
    },
    LineStart,
    LineEnd,
    TextStart,
    TextEnd,
    TextEndNewline,
    WordBoundary {
        negate: bool,
    },
    SearchStart,
    Keep,
    Backref(u16),
}

/// A run of a class and what must follow it.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) class: u16,
    pub(super) min: u32,
    pub(super) max: u32,
    /// Index of the filter on what comes after the run.
    pub(super) next: u16,
    /// Where a lazy run looks whether it may end.
    pub(super) stops: Scan,
    /// Text that must come right after the run, as far as that is known.
    pub(super) literal: ShortText,
}

/// A sub-pattern with a matcher of its own. Its generic code follows the operation.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) matcher: Matcher,
    /// No other end of the sub-pattern can be gone on from: there is nothing to come back for.
    pub(super) settled: bool,
    /// The operation after the generic code.
    pub(super) next: Pc,
    /// The slots of captures inside, and how far from the beginning each is; [`AT_END`] is where it ends.
    pub(super) inside: Box<[(u16, u8)]>,
}

/// At the end of a known sub-pattern.
pub(super) const AT_END: u8 = u8::MAX;

/// A run or a known sub-pattern, mostly captured, the text after it, and a dispatch on what comes then, in one operation.
#[derive(Debug)]
#[repr(align(64))] // so that a field is in one line of the cache
pub(super) struct Field {
    pub(super) kind: FieldKind,
    /// The fewest bytes that a run takes, 0 or 1.
    pub(super) min: u8,
    /// The last byte of the text, if it may come more than once.
    pub(super) more: Option<u8>,
    /// Of a class, run or known sub-pattern, as the kind has it.
    pub(super) index: u16,
    /// Where the span is noted; one that is not captured, or is to be restored, has a slot of no meaning.
    pub(super) slot: u16,
    /// Where the span is noted that is to be restored.
    pub(super) restored: u16,
    /// The dispatch with which it goes on.
    pub(super) dispatch: Option<u16>,
    /// The operation with which it goes on, if that is a field and settled, else [`NO_FIELD`].
    pub(super) follow: u16,
    /// Where it goes on otherwise.
    pub(super) next: Pc,
    /// The operation of the run, or the generic code of the known sub-pattern.
    pub(super) pc: Pc,
    /// Text that must follow, at most eight bytes.
    pub(super) literal: ShortText,
    /// The first operation joined, which stood in the place of this.
    pub(super) joined: Op,
}

/// No operation is at this place.
pub(super) const NO_FIELD: u16 = u16::MAX;

impl Field {
    /// What stands for an operation that is no field.
    pub(super) const NONE: Field = Field {
        kind: FieldKind::Operation,
        min: 0,
        more: None,
        index: 0,
        slot: 0,
        restored: 0,
        dispatch: None,
        follow: NO_FIELD,
        next: FAIL,
        pc: FAIL,
        literal: ShortText::EMPTY,
        joined: Op::Fail,
    };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldKind {
    /// Not a field, but an operation that is not done here.
    Operation,
    /// Not a field, but [`Op::Save`]; goes on at `next`.
    Save,
    /// [`Op::Split`]: goes on at `next`, and has `pc` as its second choice.
    Split,
    /// [`Op::Dispatch`].
    Dispatch,
    /// [`Op::Loop`].
    Loop,
    /// [`Op::Jump`].
    Jump,
    /// [`Op::LookClass`] at what comes next; `min` is 1 where that must not be a member.
    Ahead,
    /// Another condition on the position.
    Condition,
    /// Only the text after it, with which a capture may begin.
    Text,
    /// One character.
    One,
    /// One character if it is there, which is not given back.
    Maybe,
    /// A run of a set of at most two ranges of bytes, or of all bytes but those, that gives nothing back.
    FewRanges,
    /// The same of at most four ranges.
    SomeRanges,
    /// The same of at most eight.
    ManyRanges,
    /// Another run that gives nothing back.
    Run,
    /// All that is left.
    Everything,
    /// A run that gives back.
    Greedy,
    /// The same without bound, of a set of at most two ranges.
    GreedyFew,
    /// The same of at most four.
    GreedySome,
    /// A run that takes more.
    Lazy,
    /// The same without bounds, which looks at a set of at most two ranges whether it may end.
    LazyFew,
    /// A whole number, known so that nothing is to come back for.
    Int,
    /// The same of a number.
    Number,
    /// The same of an address or the name of a host.
    Host,
    /// The same of a timestamp of ISO 8601.
    Timestamp,
    /// Another known sub-pattern.
    Known,
    /// The same with captures inside.
    KnownWithCaptures,
    /// The same in a loop: going back must restore the span it had.
    KnownInLoop,
}

/// Up to eight bytes, compared at once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ShortText {
    bytes: u64,
    mask: u64,
    pub(super) length: u8,
}

impl ShortText {
    const EMPTY: ShortText = ShortText {
        bytes: 0,
        mask: 0,
        length: 0,
    };

    pub(super) fn new(text: &[u8]) -> Option<ShortText> {
        let mut bytes = [0; 8];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        let mask = u64::MAX
            .checked_shr(64 - 8 * text.len() as u32)
            .unwrap_or(0);
        Some(ShortText {
            bytes: u64::from_le_bytes(bytes),
            mask,
            length: text.len() as u8,
        })
    }

    /// As much of a text as fits.
    pub(super) fn beginning(text: &[u8]) -> ShortText {
        ShortText::new(&text[..text.len().min(8)]).unwrap_or_default()
    }

    /// The position after this text, if it stands at `at`.
    #[inline(always)]
    pub(super) fn skip(&self, text: &[u8], at: usize) -> Option<usize> {
        let word = match chunk(text, at) {
            Some(chunk) => u64::from_le_bytes(*chunk),
            None => self.near_end(text, at)?,
        };
        ((word ^ self.bytes) & self.mask == 0).then_some(at + usize::from(self.length))
    }

    /// The last bytes of the text from `at` on, if there are enough.
    #[inline(never)]
    fn near_end(&self, text: &[u8], at: usize) -> Option<u64> {
        let rest = text.get(at..)?;
        if rest.len() < usize::from(self.length) {
            return None;
        }
        if let Some(last) = text.last_chunk::<8>() {
            let before = 8 * (8 - rest.len() as u32);
            return Some(u64::from_le_bytes(*last).checked_shr(before).unwrap_or(0));
        }
        let mut bytes = [0; 8];
        bytes[..rest.len()].copy_from_slice(rest);
        Some(u64::from_le_bytes(bytes))
    }
}

/// Groups whose text is compared, and how.
#[derive(Debug)]
pub(super) struct Backref {
    pub(super) groups: Vec<u32>,
    pub(super) ignore_case: bool,
}

/// Where to go by the next byte; the last entry is for the end of the text.
pub(super) type DispatchTable = [u16; NO_BYTE + 1];
/// The entry for the end of the text.
pub(super) const NO_BYTE: usize = 256;

/// What an operation takes of the tree that the prefilter keeps.
const TREE_BYTES: usize = 64;

#[derive(Debug)]
pub(super) struct Program {
    pub(super) ops: Vec<Op>,
    pub(super) classes: Vec<ClassTable>,
    pub(super) nexts: Vec<NextTable>,
    pub(super) literals: Vec<Box<[u8]>>,
    pub(super) runs: Vec<Run>,
    pub(super) dispatches: Vec<DispatchTable>,
    pub(super) backrefs: Vec<Backref>,
    pub(super) knowns: Vec<Known>,
    /// One for each operation.
    pub(super) fields: Vec<Field>,
    /// Capture spans (two slots a group, the whole match first), then registers of loops and scopes.
    pub(super) slots: usize,
    pub(super) groups: usize,
    /// The atomic or look-around body each operation belongs to; 0 is none.
    pub(super) scopes: Vec<u16>,
    pub(super) scope_count: u16,
    /// The loops around each operation whose iterations may be empty: the slots that say where they began.
    pub(super) iterations: Vec<Option<Arc<[u16]>>>,
    /// For each operation the first slot of a capture that is not set yet when it is come by, unless the capture is
    /// in a loop: those restore their slots themselves.
    pub(super) resets: Vec<u16>,
    /// How many operations are choices, or heads of loops.
    pub(super) choices: usize,
    /// What a match can begin with.
    pub(super) first: NextTable,
    pub(super) prefilter: Prefilter,
    /// Matches only at the start of the text.
    pub(super) anchored: bool,
    /// Only the first position need be tried: the pattern begins with `.*` over everything.
    pub(super) first_only: bool,
    /// False when what follows depends on captured text.
    pub(super) memoizable: bool,
    /// What [`Program::relaxed`] returns, once that was asked for.
    pub(super) relaxed: OnceLock<Option<Box<Program>>>,
}

impl Program {
    /// About how many bytes of memory it takes.
    pub(super) fn size(&self) -> usize {
        fn list<T>(list: &[T]) -> usize {
            size_of_val(list)
        }
        let literals = self.literals.iter();
        let known = self.knowns.iter();
        size_of::<Self>()
            + list(&self.ops)
            + list(&self.fields)
            + list(&self.scopes)
            + list(&self.iterations)
            + list(&self.resets)
            + list(&self.classes)
            + list(&self.nexts)
            + list(&self.runs)
            + list(&self.dispatches)
            + literals.map(|text| 16 + text.len()).sum::<usize>()
            + known
                .map(|known| size_of_val(known) + list(&known.inside))
                .sum::<usize>()
            + TREE_BYTES * self.ops.len()
    }

    /// A program that is easier to see fail, if there is one: where it finds nothing, this one would not either, and where
    /// it matches, this one does not match before. Made when a line first takes long.
    pub(super) fn relaxed(&self) -> Option<&Program> {
        let make = || {
            let tree = relaxed(&self.prefilter.tree).filter(|_| self.memoizable)?;
            let program = compile(tree, 0, "").ok()?;
            program.memoizable.then(|| Box::new(program))
        };
        self.relaxed.get_or_init(make).as_deref()
    }
}

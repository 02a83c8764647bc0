//! A compiled pattern: operations for the matcher and the tables they refer to. Immutable once built.

use super::known::Matcher;
use super::prefilter::Prefilter;
use super::scan::Scan;
use super::table::{ClassTable, NextTable};

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
    /// A capture and the text after it.
    Field(u16),
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
    /// Text that must come right after the run, when known.
    pub(super) literal: Option<u16>,
}

/// A sub-pattern with a matcher of its own. Its generic code follows the operation.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) matcher: Matcher,
    /// No other end of the sub-pattern can be gone on from: there is nothing to come back for.
    pub(super) settled: bool,
    /// The operation after the generic code.
    pub(super) next: Pc,
}

/// A capture of a run or of a known sub-pattern, and the text after it, in one operation.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) slot: u16,
    pub(super) what: FieldKind,
    /// Text that must follow, at most eight bytes.
    pub(super) literal: ShortText,
    pub(super) next: Pc,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum FieldKind {
    /// Of a class, not giving back: its index, and whether it must not be empty.
    Run { class: u16, some: bool },
    /// Index of the known sub-pattern, and where its generic code is.
    Known { known: u16, generic: Pc },
}

/// Up to eight bytes, compared at once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ShortText {
    bytes: u64,
    mask: u64,
    pub(super) length: u8,
}

impl ShortText {
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

    /// The position after this text, if it stands at `at`.
    #[inline(always)]
    pub(super) fn skip(&self, text: &[u8], at: usize) -> Option<usize> {
        let end = at + usize::from(self.length);
        let rest = text.get(at..)?;
        let same = match rest.first_chunk::<8>() {
            Some(chunk) => (u64::from_le_bytes(*chunk) ^ self.bytes) & self.mask == 0,
            None => rest.starts_with(&self.bytes.to_le_bytes()[..usize::from(self.length)]),
        };
        same.then_some(end)
    }
}

/// Groups whose text is compared, and how.
#[derive(Debug)]
pub(super) struct Backref {
    pub(super) groups: Vec<u32>,
    pub(super) ignore_case: bool,
}

/// Where to go by the next byte; the last entry is for the end of the text.
pub(super) type DispatchTable = [u16; 257];

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
    pub(super) fields: Vec<Field>,
    /// Capture spans (two slots a group, the whole match first), then registers of loops and scopes.
    pub(super) slots: usize,
    pub(super) groups: usize,
    /// The atomic or look-around body each operation belongs to; 0 is none.
    pub(super) scopes: Vec<u16>,
    pub(super) scope_count: u16,
    /// The loops around each operation whose iterations may be empty: the slots that say where they began.
    pub(super) iterations: Vec<Option<Box<[u16]>>>,
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
}

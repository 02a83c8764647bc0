//! A compiled pattern: operations for the matcher and the tables they refer to. Immutable once built.

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
    /// Continue by the next byte.
    Dispatch(u16),
    /// The same, at the head of a loop.
    Loop(u16),
    Jump(Pc),
    Save(u16),
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
    /// Capture spans (two slots a group, the whole match first), then registers of loops and scopes.
    pub(super) slots: usize,
    pub(super) groups: usize,
    /// The atomic or look-around body each operation belongs to; 0 is none.
    pub(super) scopes: Vec<u16>,
    pub(super) scope_count: u16,
    /// The loops around each operation whose iterations may be empty: the slots that say where they began.
    pub(super) iterations: Vec<Option<Box<[u16]>>>,
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

//! Counts the memory that a thread takes, so that a test can see how much its subject needed at most, and how much it kept.

#![allow(dead_code)] // each test uses a part
#![expect(
    unsafe_code,
    reason = "an allocator has no safe way to be one; each call goes to the system's as it came"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::any::Any;
use std::cell::Cell;
use std::sync::Once;

#[global_allocator]
static COUNTING: Counting = Counting;

struct Counting;

thread_local! {
    /// What this thread has taken and not given back. Below zero where it gave back what another thread took.
    static TAKEN: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(change: isize) {
    let taken = TAKEN.get() + change;
    TAKEN.set(taken);
    PEAK.set(PEAK.get().max(taken));
}

// SAFETY: the system's allocator does all of it; counting takes no memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as called.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as called.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as called.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: as called.
        unsafe { System.realloc(block, layout, size) }
    }
}

/// What some work took of memory, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// At most, at any moment.
    pub peak: usize,
    /// What it had not given back when it was done.
    pub kept: isize,
}

/// Does some work on this thread; gives its result, and what memory it took.
pub fn measured<T>(work: impl FnOnce() -> T) -> (T, Memory) {
    let before = TAKEN.get();
    let outer = PEAK.replace(before);
    let result = work();
    let memory = Memory {
        peak: (PEAK.get() - before).max(0) as usize,
        kept: TAKEN.get() - before,
    };
    PEAK.set(outer.max(PEAK.get()));
    (result, memory)
}

/// Does some work on this thread that does not count for what is being measured, as it gives back all that it takes.
pub fn uncounted<T>(work: impl FnOnce() -> T) -> T {
    let peak = PEAK.get();
    let result = work();
    PEAK.set(peak);
    result
}

/// Says nothing of such panics from now on: a backtrace takes more memory than what is measured.
pub fn ignore_full_arenas() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !is_full(info.payload()) {
                usual(info);
            }
        }));
    });
}

/// Whether a panic is that of an arena that may not grow any more.
pub fn is_full(panic: &(dyn Any + Send)) -> bool {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.is_some_and(|text| {
        text.starts_with("out of memory") || text.starts_with("encountered allocation error")
    })
}

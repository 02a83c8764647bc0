//! How many fields an object of an event may have before it is not worth reading on.

use std::cell::Cell;

thread_local! {
    static MOST_FIELDS: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// From now on, on this thread, codecs and filters that find more fields than this for one object of an event panic with
/// [`TooManyFields`], as an arena does that may not grow any more: looking for all of them would hold up the events behind it.
pub fn limit_fields(most: usize) {
    MOST_FIELDS.set(most);
}

/// What is panicked with, see [`limit_fields`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyFields;

/// The limit that applies to an object.
#[derive(Clone, Copy)]
pub(crate) struct FieldLimit(usize);

impl FieldLimit {
    /// For what is of no event.
    pub(crate) const NONE: FieldLimit = FieldLimit(usize::MAX);

    /// That of this thread's events.
    pub(crate) fn of_events() -> Self {
        Self(MOST_FIELDS.get())
    }

    /// Panics if an object with so many fields has too many.
    #[inline]
    pub(crate) fn check(self, fields: usize) {
        if fields > self.0 {
            std::panic::panic_any(TooManyFields);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_fields_than_the_limit_of_the_thread_are_not_even_looked_for() {
        let check = |fields: usize, limit: fn() -> FieldLimit| {
            let thread = std::thread::spawn(move || {
                limit_fields(10);
                limit().check(fields);
            });
            thread.join()
        };
        assert!(check(10, FieldLimit::of_events).is_ok());
        assert!(check(11, || FieldLimit::NONE).is_ok());
        let panic = check(11, FieldLimit::of_events).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&TooManyFields));
        FieldLimit::of_events().check(usize::MAX);
    }
}

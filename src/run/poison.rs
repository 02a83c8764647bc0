//! A record that makes a codec, a filter or an output's writer panic, which is a defect of theirs, is set
//! apart: the others go on.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use kelp_parser::record::Origin;
use kelp_sink::Reason;

/// Runs `pass` over one record; a panic becomes the reason for the dead letters.
///
/// Whatever `pass` changes must be fit for the next record after it was left half way: the caller resets it.
pub(super) fn isolated(origin: Origin<'_>, pass: impl FnOnce()) -> Result<(), Reason> {
    caught(pass).map_err(|text| {
        tracing::error!(
            ?origin,
            "a defect: a record made the pipeline panic ({text}); it goes to the dead letters and the others go on. Please report it"
        );
        Reason::unsent("panic", text)
    })
}

/// Runs `pass`; gives what it said when it panicked.
pub(super) fn caught(pass: impl FnOnce()) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(pass)).map_err(|panic| text_of(&*panic).to_owned())
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_reason() {
        let origin = Origin::Kafka {
            topic: "t",
            partition: 0,
            offset: 7,
        };
        let mut passed = 0;
        assert_eq!(isolated(origin, || passed += 1), Ok(()));
        assert_eq!(passed, 1);
        let index = passed + 1;
        let reason = isolated(origin, || panic!("no element {index}")).unwrap_err();
        assert_eq!(
            (reason.kind.as_str(), reason.text.as_str()),
            ("panic", "no element 2")
        );
    }
}

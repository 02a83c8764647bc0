//! `kelp dlq list` and `kelp dlq show`.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use kelp_sink::dead_letter::{Entry, Origin, Position, Reader};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{ChoiceArgs, Failure, ListArgs, Place, id};
use crate::dead_letters::Choice;

/// A reason is cut off here in a list.
const REASON_CHARS: usize = 160;

pub(super) fn list(place: &Place, args: ListArgs) -> Result<ExitCode, Failure> {
    let choice = Choice::from(args.choice);
    let limit = args.limit.unwrap_or(usize::MAX);
    let mut out = std::io::stdout().lock();
    let (mut count, mut reasons) = (0, BTreeMap::<(Option<u16>, String), u64>::new());
    place.each(&choice, |at, entry| {
        if count >= limit {
            return Ok(false);
        }
        count += 1;
        let status = entry.reason.status;
        if args.summary {
            let reason = (status, entry.reason.r#type);
            *reasons.entry(reason).or_default() += 1;
            return Ok(true);
        }
        let text: String = entry.reason.reason.chars().take(REASON_CHARS).collect();
        writeln!(
            out,
            "{}  {}  {}  {}{}: {}",
            id(at),
            entry.time,
            origin(&entry.origin),
            status
                .map(|status| format!("{status} "))
                .unwrap_or_default(),
            entry.reason.r#type,
            text.replace(['\n', '\r'], " "),
        )?;
        Ok(true)
    })?;
    for ((status, kind), count) in reasons {
        let status = status
            .map(|status| format!("{status} "))
            .unwrap_or_default();
        writeln!(out, "{count:8}  {status}{kind}")?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn show(place: &Place, choice: ChoiceArgs) -> Result<ExitCode, Failure> {
    let choice = Choice::from(choice);
    let mut out = std::io::stdout().lock();
    let mut shown = 0;
    place.each(&choice, |at, _| {
        let mut line = Vec::new();
        Reader::new(&place.directory, at).next_line(&mut line)?;
        writeln!(out, "{}", laid_out(&line, &id(at))?)?;
        shown += 1;
        Ok(true)
    })?;
    if shown < choice.positions.len() {
        return Err("some of these ids are not there (any more)".into());
    }
    Ok(ExitCode::SUCCESS)
}

/// An entry of the store as JSON to be read, with its id. One that nests too deep to be laid out, as an event may, is left in one line.
fn laid_out(line: &[u8], id: &str) -> serde_json::Result<String> {
    if let Ok(mut entry) = serde_json::from_slice::<Value>(line) {
        entry["id"] = json!(id);
        return serde_json::to_string_pretty(&entry);
    }
    let mut entry: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(line)?;
    entry.insert("id".to_owned(), serde_json::value::to_raw_value(id)?);
    serde_json::to_string(&entry)
}

/// Where a record came from, in short.
pub(super) fn origin(origin: &Origin) -> String {
    match origin {
        Origin::Kafka {
            topic,
            partition,
            offset,
        } => format!("{topic}-{partition}@{offset}"),
        Origin::Line { source, line } => format!("{source}:{line}"),
    }
}

/// The end of the store as it is now.
pub(super) fn end(place: &Place) -> Result<Position, Failure> {
    let mut end = Position::default();
    place.each(&Choice::default(), |at, _: Entry| {
        end = Position {
            segment: at.segment,
            offset: at.offset + 1,
        };
        Ok(true)
    })?;
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_nests_deep_is_shown_too() {
        let shown = laid_out(br#"{"b":{"c":1}}"#, "000001:0").unwrap();
        assert_eq!(
            shown,
            "{\n  \"b\": {\n    \"c\": 1\n  },\n  \"id\": \"000001:0\"\n}"
        );
        let deep = format!("{}1{}", r#"{"a":"#.repeat(900), "}".repeat(900));
        let shown = laid_out(deep.as_bytes(), "000001:0").unwrap();
        assert_eq!(
            shown,
            format!(r#"{},"id":"000001:0"}}"#, &deep[..deep.len() - 1])
        );
        assert!(laid_out(b"{\"a\":", "000001:0").is_err());
    }
}

//! The small inputs, from start to end.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{Cursor, Read};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use kelp_ingest::lines::{FileInputOptions, GeneratorInputOptions, LineInput};
use kelp_ingest::{Batch, InputError, Limits, Source, SourceState};
use kelp_parser::config::ast::{Literal, Plugin, Setting, Spanned};
use kelp_parser::config::{SourceMap, Span};
use kelp_parser::record::Origin;
use kelp_parser::spec::{PluginOptions, Settings};

fn options<O: PluginOptions>(settings: &[(&str, &str)]) -> O {
    let file = SourceMap::default().add("test", "");
    let span = Span {
        file,
        start: 0,
        end: 0,
    };
    let spanned = |text: &str| Spanned {
        node: text.to_owned(),
        span,
    };
    let setting = |(name, value): &(&str, &str)| Setting {
        name: spanned(name),
        value: Spanned {
            node: Literal::String((*value).to_owned()),
            span,
        },
    };
    let plugin = Plugin {
        name: spanned(O::SPEC.name),
        settings: settings.iter().map(setting).collect(),
        span,
    };
    O::read(&mut Settings::new(&plugin, &mut Vec::new())).unwrap()
}

/// Source, number and text of every line until the input ends; each is settled.
fn collect(batches: &Receiver<Batch>) -> Vec<(String, u64, String)> {
    let mut lines = Vec::new();
    for batch in batches {
        for index in 0..batch.records.len() {
            let record = batch.records.record(index);
            let Origin::Line { source, number } = record.origin else {
                panic!("not a line");
            };
            let text = String::from_utf8(record.payload.unwrap().to_vec()).unwrap();
            lines.push((source.to_owned(), number, text));
            batch.records.receipts().settle(index as u32);
        }
    }
    lines
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

#[test]
fn standard_input_ends_with_its_last_line() {
    let (sender, batches) = bounded(1);
    let text = (0..10_000)
        .map(|number| format!("line {number}\n"))
        .collect::<String>()
        + "no end";
    let limits = Limits {
        batch_records: 7,
        ..Limits::default()
    };
    let source = LineInput::stdin(Cursor::new(text), "\n", limits, (0, sender)).unwrap();
    let lines = collect(&batches);
    assert_eq!(lines.len(), 10_001);
    for (index, (source, number, text)) in lines.iter().enumerate().take(10_000) {
        assert_eq!((source.as_str(), *number), ("stdin", index as u64));
        assert_eq!(*text, format!("line {index}"));
    }
    assert_eq!(lines[10_000].2, "no end");
    let drained = Box::new(source).drain(soon());
    assert_eq!((drained.unsettled_records, drained.committed), (0, true));
}

/// Gives what it is sent, and blocks in between like a terminal.
struct Terminal(mpsc::Receiver<&'static str>);

impl Read for Terminal {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let text = self.0.recv().unwrap_or_default();
        buffer[..text.len()].copy_from_slice(text.as_bytes());
        Ok(text.len())
    }
}

#[test]
fn a_line_typed_is_not_kept_waiting_and_blocked_input_can_be_stopped() {
    let (typed, terminal) = mpsc::channel();
    let (sender, batches) = bounded(1);
    let source =
        LineInput::stdin(Terminal(terminal), "\n", Limits::default(), (0, sender)).unwrap();
    typed.send("hello\nunfin").unwrap();
    let batch = batches.recv_timeout(Duration::from_secs(5)).unwrap();
    assert_eq!(batch.records.record(0).payload, Some(&b"hello"[..]));
    batch.records.receipts().settle(0);
    drop(batch);
    assert!(Box::new(source).drain(soon()).committed);
    assert!(batches.recv_timeout(Duration::from_secs(5)).is_err());
    drop(typed);
}

#[test]
fn files_are_read_in_order_but_for_the_excluded() {
    let folder = std::env::temp_dir().join(format!("kelp-lines-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("b.log"), "three\nfour").unwrap();
    fs::write(folder.join("a.log"), "one\ntwo\n").unwrap();
    fs::write(folder.join("old.log"), "never").unwrap();
    let pattern = folder.join("*.log");
    let options: FileInputOptions = options(&[
        ("path", pattern.to_str().unwrap()),
        ("exclude", "old*"),
        ("mode", "read"),
        ("file_sort_by", "path"),
    ]);
    let (sender, batches) = bounded(1);
    let source = LineInput::file(&options, Limits::default(), (0, sender)).unwrap();
    let lines = collect(&batches);
    let texts: Vec<(u64, &str)> = lines
        .iter()
        .map(|(_, number, text)| (*number, text.as_str()))
        .collect();
    assert_eq!(texts, [(0, "one"), (1, "two"), (0, "three"), (1, "four")]);
    assert_eq!(lines[2].0, folder.join("b.log").to_str().unwrap());
    let deadline = soon();
    while !matches!(source.state(), SourceState::Ended) {
        assert!(Instant::now() < deadline);
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn following_and_deleting_files_is_refused() {
    let refused = |settings: &[(&str, &str)]| {
        let options: FileInputOptions = options(settings);
        match options.check() {
            Err(InputError::Option { option, .. }) => option,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(&[("path", "/x")]), "mode");
    let delete = [
        ("path", "/x"),
        ("mode", "read"),
        ("file_completed_action", "log_and_delete"),
    ];
    assert_eq!(refused(&delete), "file_completed_action");
    assert_eq!(refused(&[("path", "/x/["), ("mode", "read")]), "path");
}

#[test]
fn the_generator_counts_rounds_per_thread() {
    let options: GeneratorInputOptions =
        options(&[("message", "x"), ("count", "5000"), ("threads", "2")]);
    let (sender, batches) = bounded(1);
    let source = LineInput::generator(&options, Limits::default(), (0, sender)).unwrap();
    let mut numbers: Vec<u64> = collect(&batches)
        .into_iter()
        .map(|(_, number, _)| number)
        .collect();
    numbers.sort_unstable();
    let expected: Vec<u64> = (0..5_000).flat_map(|number| [number, number]).collect();
    assert_eq!(numbers, expected);
    assert_eq!(source.stats().consumed_records, 10_000);
}

#[test]
fn an_endless_generator_is_bounded_by_what_is_in_flight_and_stops() {
    let options: GeneratorInputOptions = options(&[]);
    let limits = Limits {
        in_flight_bytes: 1 << 20,
        ..Limits::default()
    };
    let (sender, batches) = bounded(1_000);
    let source = LineInput::generator(&options, limits, (0, sender)).unwrap();
    let deadline = soon();
    while !source.stats().is_stalled {
        assert!(Instant::now() < deadline);
    }
    let stats = source.stats();
    assert!(stats.in_flight_bytes < (1 << 20) + (1 << 17), "{stats:?}");
    let batch = batches.recv().unwrap();
    assert_eq!(batch.records.record(0).payload, Some(&b"Hello world!"[..]));
    source.stop();
    for batch in &batches {
        drop(batch);
    }
    let drained = Box::new(source).drain(Instant::now());
    assert!(!drained.committed);
    assert!(drained.unsettled_records > 0);
}

/// The last batch finds no room and is never handed over, so nobody must wait for its lines.
#[test]
fn what_was_not_handed_over_is_not_waited_for() {
    let options: GeneratorInputOptions = options(&[]);
    let (sender, batches) = bounded(1);
    let source = LineInput::generator(&options, Limits::default(), (0, sender)).unwrap();
    let deadline = soon();
    while !source.stats().is_stalled {
        assert!(Instant::now() < deadline);
    }
    source.stop();
    while !matches!(source.state(), SourceState::Ended) {
        assert!(Instant::now() < deadline);
    }
    let lines = collect(&batches);
    let drained = Box::new(source).drain(soon());
    assert_eq!(drained.unsettled_records, 0);
    assert!(drained.committed && !lines.is_empty());
}

use std::io::Read;
use std::path::Path;

use super::*;
use crate::testing::{TempDir, TestBatch, output_plugin};
use kelp_parser::event::{Arena, Value};
use kelp_parser::time::Timestamp;

fn configure(options: &str) -> (Option<FileOutput>, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let plugin = output_plugin(&format!("file {{ {options} }}"));
    let output = FileOutput::read(&plugin, EcsCompatibility::Disabled, &mut diagnostics);
    (output, diagnostics)
}

/// Writes batches of events that have just a message and a name.
fn write(options: &str, batches: &[&[(&str, &str)]]) {
    let output = configure(options).0.unwrap();
    let mut writer = output.writer();
    for events in batches {
        write_batch(&mut *writer, events);
    }
    drop(writer);
    assert_eq!(Box::new(output).drain(Duration::ZERO), 0);
}

fn write_batch(writer: &mut dyn Writer, events: &[(&str, &str)]) {
    let batch = Arc::new(TestBatch::of(&vec![&b"x"[..]; events.len()]));
    let arena = Arena::new();
    for (index, (name, message)) in events.iter().enumerate() {
        let mut event = Event::new(&arena, Timestamp::from_millis(1_431_828_315_000));
        event
            .fields_mut()
            .push("message", Value::Str(arena.alloc_str(message)));
        event
            .fields_mut()
            .push("name", Value::Str(arena.alloc_str(name)));
        let from = Provenance {
            record: &batch.record(index),
            index: index as u32,
            namespace: "",
            receipts: batch.receipts(),
        };
        writer.write(&event, &from);
    }
    let shared: Arc<dyn RecordBatch> = batch.clone();
    writer.flush(&shared);
    assert_eq!(batch.holds(), vec![0; events.len()]);
}

const LINE: &str = "codec => line { format => '%{message}' }";

fn text(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn paths_are_made_of_fields_and_dates() {
    let dir = TempDir::new();
    let root = dir.path().display();
    let options = format!("path => '{root}/%{{name}}/%{{+YYYY-MM-dd}}.log' {LINE}");
    write(
        &options,
        &[&[("a", "1"), ("b", "2"), ("a", "3")], &[("a", "4")]],
    );
    assert_eq!(text(dir.path().join("a/2015-05-17.log")), "1\n3\n4\n");
    assert_eq!(text(dir.path().join("b/2015-05-17.log")), "2\n");
}

#[test]
fn an_event_cannot_name_a_file_outside() {
    let dir = TempDir::new();
    let root = dir.path().join("in").display().to_string();
    let options = format!("path => '{root}/x-%{{name}}/f' {LINE}");
    write(
        &options,
        &[&[("/../../../etc", "1"), ("ok", "2"), ("/..", "3")]],
    );
    assert_eq!(text(format!("{root}/_filepath_failures")), "1\n");
    assert_eq!(text(format!("{root}/x-ok/f")), "2\n");
    assert_eq!(text(format!("{root}/f")), "3\n");
    assert!(!dir.path().join("etc").exists());
    assert!(configure("path => '/%{name}/x'").0.is_none());
}

#[test]
fn the_default_codec_is_json_lines() {
    let dir = TempDir::new();
    let file = dir.path().join("f");
    write(&format!("path => '{}'", file.display()), &[&[("a", "1")]]);
    let event: serde_json::Value = serde_json::from_str(text(&file).trim_end()).unwrap();
    assert_eq!(event["message"], "1");
}

#[test]
fn gzip_files_can_be_read_and_appended_to() {
    let dir = TempDir::new();
    let file = dir.path().join("f.gz");
    let options = format!("path => '{}' gzip => true {LINE}", file.display());
    write(&options, &[&[("a", "1")], &[("a", "2")]]);
    write(&options, &[&[("a", "3")]]);
    let mut read = String::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(file).unwrap())
        .read_to_string(&mut read)
        .unwrap();
    assert_eq!(read, "1\n2\n3\n");
}

#[test]
fn overwriting_keeps_the_last_event() {
    let dir = TempDir::new();
    let file = dir.path().join("f");
    let options = format!(
        "path => '{}' write_behavior => overwrite {LINE}",
        file.display()
    );
    write(
        &options,
        &[&[("a", "long line"), ("a", "second")], &[("a", "3")]],
    );
    assert_eq!(text(file), "3\n");
}

#[test]
fn a_deleted_file_is_made_again_unless_that_is_not_wanted() {
    let dir = TempDir::new();
    let file = dir.path().join("f");
    let output = configure(&format!("path => '{}' {LINE}", file.display()))
        .0
        .unwrap();
    let mut writer = output.writer();
    write_batch(&mut *writer, &[("a", "1")]);
    std::fs::remove_file(&file).unwrap();
    write_batch(&mut *writer, &[("a", "2")]);
    assert_eq!(text(&file), "2\n");
    let options = format!(
        "path => '{}/g' create_if_deleted => false {LINE}",
        dir.path().display()
    );
    write(&options, &[&[("a", "3")]]);
    assert!(!dir.path().join("g").exists());
    assert_eq!(text(dir.path().join("_filepath_failures")), "3\n");
}

#[test]
fn access_modes_are_octal() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new();
    let file = dir.path().join("sub/f");
    write(
        &format!(
            "path => '{}' file_mode => 0600 dir_mode => 0700 {LINE}",
            file.display()
        ),
        &[&[("a", "1")]],
    );
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(file.parent().unwrap()), 0o700);
}

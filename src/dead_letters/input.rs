//! The input `dead_letter_queue` (source: logstash-input-dead_letter_queue): what went wrong before, as
//! events again.

use std::path::{Path, PathBuf};

use kelp_ingest::InputError;
use kelp_parser::codec::DecodeContext;
use kelp_parser::event::{Event, Object, Value};
use kelp_parser::json::{Fractions, parse};
use kelp_parser::plugin_options;
use kelp_parser::time::Timestamp;
use kelp_sink::dead_letter::Position;

use super::source::{Reading, What};
use crate::fnv::fnv1a;

plugin_options! {
    /// Reads the dead letters of a pipeline, those of Kelp, not of Logstash.
    ///
    /// An event is the document as it was to be indexed, or, where it never came that far, the original
    /// payload as its `message`. `[@metadata][dead_letter_queue]` holds `plugin_type`, `plugin_id`,
    /// `reason` and `entry_time` as in Logstash, and `topic`, `partition`, `offset` and `document_id`
    /// where there are.
    pub struct DeadLetterInputOptions for Input "dead_letter_queue" {
        /// Whether segments that were read and settled are deleted. It needs `commit_offsets`.
        pub clean_consumed: bool = false,
        /// Whether a restart goes on where reading was left.
        pub commit_offsets: bool = true,
        /// The directory that `path.dead_letter_queue` names.
        pub path: String,
        /// Whose dead letters.
        pub pipeline_id: String = "main",
        /// The file that holds how far was read. Unless given, it lies in the directory of all data.
        pub sincedb_path: Option<String>,
        /// Entries from before are passed over, unless reading goes on where it was left. As in `2017-04-04T23:40:37`, in UTC.
        pub start_timestamp: Option<String>,
    }
}

impl DeadLetterInputOptions {
    /// Refuses what cannot be honoured, and says what is read.
    ///
    /// `own` is where the dead letters of the pipeline go that reads: what fails again would go round for ever.
    pub fn reading(&self, data_dir: &Path, own: &Path) -> Result<Reading, InputError> {
        let refuse = |option, message: &str| {
            Err(InputError::Option {
                option,
                message: message.to_owned(),
            })
        };
        if self.clean_consumed && !self.commit_offsets {
            return refuse("clean_consumed", "it needs `commit_offsets => true`");
        }
        let directory = Path::new(&self.path).join(&self.pipeline_id);
        if !directory.is_dir() {
            return Err(InputError::File {
                path: directory.display().to_string(),
                source: std::io::ErrorKind::NotFound.into(),
            });
        }
        let absolute = |path: &Path| std::fs::canonicalize(path).ok();
        if absolute(&directory).is_some_and(|directory| absolute(own) == Some(directory)) {
            return refuse(
                "path",
                "these are the dead letters of this very pipeline, so what fails again would go round for ever: give the pipeline that reads them another `pipeline.id`",
            );
        }
        let since = match self.start_timestamp.as_deref().map(since) {
            Some(None) => {
                return refuse(
                    "start_timestamp",
                    "it is no time such as 2017-04-04T23:40:37",
                );
            }
            since => since.flatten(),
        };
        let sincedb = match &self.sincedb_path {
            Some(path) => PathBuf::from(path),
            None => data_dir
                .join("plugins/inputs/dead_letter_queue")
                .join(format!(
                    ".sincedb_{:016x}",
                    fnv1a(directory.as_os_str().as_encoded_bytes())
                )),
        };
        Ok(Reading {
            directory,
            from: Position::default(),
            since,
            what: What::Entries,
            sincedb: self.commit_offsets.then_some(sincedb),
            clean_consumed: self.clean_consumed,
        })
    }
}

/// A time as entries hold it, so that texts can be compared.
pub fn since(text: &str) -> Option<String> {
    let mut out = Vec::new();
    Timestamp::from_millis(Timestamp::parse_iso8601(text)?.millis()).write_iso8601(&mut out);
    String::from_utf8(out).ok()
}

/// Makes the event of an entry.
pub fn decode<'a>(line: &'a [u8], context: &mut DecodeContext<'a, '_>) {
    let text = String::from_utf8_lossy(line);
    let text: &'a str = match text {
        std::borrow::Cow::Borrowed(text) => text,
        std::borrow::Cow::Owned(text) => context.arena.alloc_str(&text),
    };
    let Ok(Value::Object(mut entry)) = parse(text, context.arena, Fractions::Double) else {
        let mut event = context.new_event();
        event.fields_mut().set("message", Value::Str(text));
        event.tag("_deadletterparsefailure");
        return (context.emit)(event);
    };
    let mut event = match entry.remove("event") {
        Some(Value::Object(fields)) => context.event_from(fields),
        _ => original(&entry, context),
    };
    let about = about(&entry, context);
    event
        .metadata_mut()
        .set("dead_letter_queue", Value::Object(about));
    (context.emit)(event);
}

/// The event of an entry that never became a document.
fn original<'a>(entry: &Object<'a>, context: &DecodeContext<'a, '_>) -> Event<'a> {
    let mut event = context.new_event();
    let Some(Value::Object(payload)) = entry.get("payload") else {
        return event;
    };
    let message = match (payload.get("text"), payload.get("base64")) {
        (Some(Value::Str(text)), _) => *text,
        (_, Some(Value::Str(base64))) => {
            let bytes = kelp_sink::dead_letter::Blob::Base64((*base64).to_owned()).into_bytes();
            context.arena.alloc_str(&String::from_utf8_lossy(&bytes))
        }
        _ => return event,
    };
    event.fields_mut().set("message", Value::Str(message));
    event
}

fn about<'a>(entry: &Object<'a>, context: &DecodeContext<'a, '_>) -> Object<'a> {
    let arena = context.arena;
    let mut about = Object::new(arena);
    let text = |name: &str| match entry.get(name) {
        Some(Value::Str(text)) => *text,
        _ => "",
    };
    let output = text("output");
    about.push("plugin_id", Value::Str(output));
    let part = |object: &str, name: &str| match entry.get(object) {
        Some(Value::Object(object)) => object.get(name).cloned(),
        _ => None,
    };
    // Only this output asks somebody who may refuse a document.
    let was_sent = matches!(entry.get("action"), Some(Value::Object(_)));
    let plugin = if was_sent { "elasticsearch" } else { output };
    about.push("plugin_type", Value::Str(plugin));
    let mut reason = String::new();
    if let Some(Value::Int(status)) = part("reason", "status") {
        reason = format!("{status} ");
    }
    for (name, end) in [("type", ": "), ("reason", "")] {
        if let Some(Value::Str(text)) = part("reason", name) {
            reason.push_str(text);
            reason.push_str(end);
        }
    }
    about.push("reason", Value::Str(arena.alloc_str(&reason)));
    if let Some(time) = Timestamp::parse_iso8601(text("time")) {
        about.push("entry_time", Value::Timestamp(time));
    }
    for name in ["topic", "partition", "offset"] {
        if let Some(value) = part("origin", name) {
            about.push(name, value);
        }
    }
    if let Some(Value::Object(action)) = entry.get("action")
        && let Some((_, Value::Object(parameters))) = action.iter().next()
        && let Some(id) = parameters.get("_id")
    {
        about.push("document_id", id.clone());
    }
    about
}

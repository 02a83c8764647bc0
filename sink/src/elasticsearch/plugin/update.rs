//! The source line of an `update` (source: `update_action_builder` in `http_client.rb`).

use kelp_parser::event::{Event, Template, write_json_string};
use serde_json::value::RawValue;

use super::options::{ElasticsearchOptions, ScriptType};
use crate::reason::Reason;

/// What an update does.
#[derive(Debug)]
pub(super) struct Update {
    doc_as_upsert: bool,
    upsert: Template,
    script: Template,
    script_key: &'static str,
    script_lang: String,
    script_var_name: String,
    scripted_upsert: bool,
    pub(super) retry_on_conflict: i64,
}

impl Update {
    pub(super) fn new(options: &ElasticsearchOptions) -> Self {
        Self {
            doc_as_upsert: options.doc_as_upsert,
            upsert: options.upsert.clone(),
            script: options.script.clone(),
            script_key: match options.script_type {
                ScriptType::Indexed => "id",
                ScriptType::Inline | ScriptType::File => "source",
            },
            script_lang: options.script_lang.clone(),
            script_var_name: options.script_var_name.clone(),
            scripted_upsert: options.scripted_upsert,
            retry_on_conflict: options.retry_on_conflict,
        }
    }

    /// Appends the line without its break; `source` appends the event.
    pub(super) fn write(
        &self,
        event: &Event<'_>,
        source: impl Fn(&mut Vec<u8>),
        out: &mut Vec<u8>,
    ) -> Result<(), Reason> {
        let upsert = match self.upsert.source() {
            "" => None,
            _ => Some(self.upsert(event)?),
        };
        let write_upsert = |out: &mut Vec<u8>| {
            if let Some(upsert) = upsert {
                out.extend_from_slice(b",\"upsert\":");
                out.extend_from_slice(upsert.as_bytes());
            }
        };
        if self.script.source().is_empty() {
            out.extend_from_slice(b"{\"doc\":");
            source(out);
            if self.doc_as_upsert {
                out.extend_from_slice(b",\"doc_as_upsert\":true");
            } else {
                write_upsert(out);
            }
            out.push(b'}');
            return Ok(());
        }
        out.extend_from_slice(b"{\"script\":{\"params\":{");
        write_json_string(out, &self.script_var_name);
        out.push(b':');
        source(out);
        out.extend_from_slice(b"},\"");
        out.extend_from_slice(self.script_key.as_bytes());
        out.extend_from_slice(b"\":");
        write_json_string(out, self.script.render(event));
        // A stored script has a language of its own, and refuses another.
        if !self.script_lang.is_empty() && self.script_key != "id" {
            out.extend_from_slice(b",\"lang\":");
            write_json_string(out, &self.script_lang);
        }
        out.push(b'}');
        if self.scripted_upsert {
            out.extend_from_slice(b",\"scripted_upsert\":true,\"upsert\":{}");
        } else if self.doc_as_upsert {
            out.extend_from_slice(b",\"upsert\":");
            source(out);
        } else {
            write_upsert(out);
        }
        out.push(b'}');
        Ok(())
    }

    /// The document to create: one line of JSON.
    fn upsert<'a>(&self, event: &Event<'a>) -> Result<&'a str, Reason> {
        let text = self.upsert.render(event).trim();
        match serde_json::from_str::<&RawValue>(text) {
            Ok(_) if text.contains('\n') => {
                Ok(event.arena().alloc_str(&text.replace(['\n', '\r'], " ")))
            }
            Ok(_) => Ok(text),
            Err(error) => {
                let text = format!("`upsert` is not JSON for this event: {error}");
                Err(Reason::unsent("invalid_upsert", text))
            }
        }
    }
}

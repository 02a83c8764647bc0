//! Encodes events as the action and source lines of a bulk body, in a worker's thread.
//!
//! The commonest case, an index whose name is fixed or changes daily and no other parameters,
//! copies a ready-made action line. An event that cannot be sent as the configuration wants it goes
//! to the dead letters with its reason; it never creates an index by accident.

use std::sync::Arc;

use kelp_parser::event::{Event, FieldRef, Object, Template, Value, write_json, write_json_string};
use kelp_parser::record::RecordBatch;

use super::derived_id::IdMaker;
use super::target::{DataStream, Target};
use super::update::Update;
use crate::dead_letter::{DeadLetter, DeadLetters};
use crate::elasticsearch::lane::BulkSender;
use crate::elasticsearch::request::{BulkRequest, Doc};
use crate::elasticsearch::response::Action;
use crate::output::{Provenance, Writer};
use crate::reason::Reason;

/// What the options say about the documents. Shared by all writers.
#[derive(Debug)]
pub(super) struct Encoder {
    pub(super) action: Template,
    pub(super) target: Target,
    /// The configuration names no index, so the event may.
    pub(super) is_default_index: bool,
    pub(super) document_id: Option<Template>,
    /// How deep documents may nest.
    pub(super) max_depth: usize,
    /// Documents without another id get one made of where their message lies in Kafka.
    pub(super) derives_ids: bool,
    pub(super) routing: Option<Template>,
    pub(super) pipeline: Option<Template>,
    pub(super) version: Option<Template>,
    pub(super) version_type: Option<&'static str>,
    /// The join field and the parent's id.
    pub(super) parent: Option<(FieldRef<'static>, Template)>,
    pub(super) update: Update,
}

/// A body that grows beyond this is handed over in several requests, as Logstash does at 20 MiB.
const BODY_TARGET_BYTES: usize = 10 << 20;
/// The longest id that Elasticsearch takes; a longer one would make it refuse the whole bulk.
const ID_MAX_BYTES: usize = 512;
const SECONDS_PER_DAY: i64 = 86_400;
/// Days whose action lines are kept ready.
const DAYS: usize = 16;

/// One worker's writer.
pub(super) struct BulkWriter {
    encoder: Arc<Encoder>,
    sender: BulkSender,
    dead_letters: DeadLetters,
    body: Vec<u8>,
    docs: Vec<Doc>,
    rejected: Vec<Rejected>,
    rejected_bytes: usize,
    /// Where the document begins that is being encoded: if that panics, it is torn.
    torn_from: Option<usize>,
    ready: ReadyLines,
    ids: IdMaker,
    scratch: Vec<u8>,
}

struct Rejected {
    record: u32,
    document: Box<[u8]>,
    reason: Reason,
}

/// Action lines that can be copied as they are, up to the index and without an id.
pub(super) enum ReadyLines {
    /// Every event has a line of its own.
    None,
    /// All events have the same.
    Same(ReadyLine),
    /// All events of a day have the same; `days[day % DAYS]` is that of `day`.
    Daily(Box<[(i64, ReadyLine); DAYS]>),
}

/// The start of an action line.
#[derive(Default)]
pub(super) struct ReadyLine {
    /// `{"index":{"_index":"name"`, or with the action that the options say.
    plain: Vec<u8>,
    /// `{"create":{"_index":"name"`, to be followed by a derived id.
    create: Vec<u8>,
}

impl BulkWriter {
    pub(super) fn new(
        encoder: Arc<Encoder>,
        sender: BulkSender,
        dead_letters: DeadLetters,
    ) -> Self {
        let (body, docs) = sender.buffers();
        Self {
            ready: ReadyLines::new(&encoder),
            encoder,
            sender,
            dead_letters,
            body,
            docs,
            rejected: Vec::new(),
            rejected_bytes: 0,
            torn_from: None,
            ids: IdMaker::default(),
            scratch: Vec::new(),
        }
    }

    fn discard_torn(&mut self) {
        if let Some(start) = self.torn_from.take() {
            self.body.truncate(start);
        }
    }

    /// Hands over the first documents of the body, as many as fit the target.
    fn send_part(&mut self, batch: &Arc<dyn RecordBatch>) {
        let fits = |doc: &Doc| doc.start as usize <= BODY_TARGET_BYTES;
        let count = self.docs[1..].partition_point(fits).max(1);
        let Some(first_left) = self.docs.get(count).copied() else {
            return self.send_all(batch);
        };
        let (mut body, mut docs) = self.sender.buffers();
        body.extend_from_slice(&self.body[first_left.start as usize..]);
        let left = self.docs[count..].iter().map(|doc| Doc {
            start: doc.start - first_left.start,
            record: doc.record,
            has_derived_id: doc.has_derived_id,
        });
        docs.extend(left);
        self.body.truncate(first_left.start as usize);
        self.docs.truncate(count);
        std::mem::swap(&mut body, &mut self.body);
        std::mem::swap(&mut docs, &mut self.docs);
        let batch = Arc::clone(batch);
        self.sender.send_blocking(BulkRequest { body, docs, batch });
    }

    fn send_all(&mut self, batch: &Arc<dyn RecordBatch>) {
        let (mut body, mut docs) = self.sender.buffers();
        std::mem::swap(&mut body, &mut self.body);
        std::mem::swap(&mut docs, &mut self.docs);
        let batch = Arc::clone(batch);
        self.sender.send_blocking(BulkRequest { body, docs, batch });
    }
}

impl Writer for BulkWriter {
    fn write(&mut self, event: &Event<'_>, from: &Provenance<'_>) {
        self.discard_torn();
        let start = self.body.len();
        self.torn_from = Some(start);
        let encoded = match u32::try_from(start) {
            Ok(start) => {
                let id = match self.encoder.derives_ids {
                    true => self.ids.make(from, event.lineage()),
                    false => None,
                };
                let (ready, scratch) = (&mut self.ready, &mut self.scratch);
                encode(&self.encoder, ready, event, id, &mut self.body, scratch)
                    .map(|has_derived_id| (start, has_derived_id))
            }
            Err(_) => Err(Reason::unsent(
                "bulk_too_large",
                "the batch holds more than 4 GiB",
            )),
        };
        self.torn_from = None;
        from.receipts.hold(from.index);
        match encoded {
            Ok((start, has_derived_id)) => self.docs.push(Doc {
                start,
                record: from.index,
                has_derived_id,
            }),
            Err(reason) => {
                self.body.truncate(start);
                let mut document = b"null\n".to_vec();
                write_json(&mut document, event);
                self.rejected_bytes += document.len();
                self.rejected.push(Rejected {
                    record: from.index,
                    document: document.into(),
                    reason,
                });
            }
        }
    }

    fn waiting_bytes(&self) -> usize {
        self.body.len() + self.rejected_bytes
    }

    fn flush(&mut self, batch: &Arc<dyn RecordBatch>) {
        self.discard_torn();
        self.rejected_bytes = 0;
        if !self.rejected.is_empty() {
            self.sender
                .tell_rejected(self.rejected.len(), &self.rejected[0].reason);
            let letters = self.rejected.drain(..).map(|rejected| DeadLetter {
                batch: Arc::clone(batch),
                record: rejected.record,
                document: rejected.document,
                reason: rejected.reason,
            });
            // When the dead letters are closed the documents stay held.
            let _ = self.dead_letters.submit_blocking(letters.collect());
        }
        while self.body.len() > BODY_TARGET_BYTES && self.docs.len() > 1 {
            self.send_part(batch);
        }
        if !self.docs.is_empty() {
            self.send_all(batch);
        }
    }
}

/// Appends both lines of an event; `id` is the one to give it if it has no other. Whether it was given.
pub(super) fn encode(
    encoder: &Encoder,
    ready: &mut ReadyLines,
    event: &Event<'_>,
    id: Option<&str>,
    body: &mut Vec<u8>,
    scratch: &mut Vec<u8>,
) -> Result<bool, Reason> {
    if !event.fields().is_within_depth(encoder.max_depth) {
        let text = format!(
            "the document nests deeper than `max_depth`, {} levels",
            encoder.max_depth
        );
        return Err(Reason::unsent("too_deep", text));
    }
    let has_derived_id = if event.metadata().is_empty()
        && let Some(line) = ready.get(encoder, event)?
    {
        match id {
            Some(id) => {
                body.extend_from_slice(&line.create);
                write_parameter(body, "_id", id);
            }
            None => body.extend_from_slice(&line.plain),
        }
        body.extend_from_slice(b"}}\n");
        encoder.write_source(event, body);
        id.is_some()
    } else {
        encoder.write(event, id, body, scratch)?
    };
    body.push(b'\n');
    Ok(has_derived_id)
}

impl ReadyLines {
    pub(super) fn new(encoder: &Encoder) -> Self {
        let Some(action) = encoder.action.as_constant().and_then(Action::parse) else {
            return Self::None;
        };
        let has_parameters = encoder.document_id.is_some()
            || encoder.routing.is_some()
            || encoder.pipeline.is_some()
            || encoder.version.is_some()
            || encoder.version_type.is_some()
            || encoder.parent.is_some()
            || !matches!(action, Action::Index | Action::Create);
        match &encoder.target {
            _ if has_parameters => Self::None,
            Target::Fixed(name) if encoder.target.problem().is_none() => {
                Self::Same(ReadyLine::new(action, name.as_bytes()))
            }
            Target::DataStream(stream) => {
                let [kind, dataset, namespace] = stream.parts().map(|(_, value)| value);
                let name = format!("{kind}-{dataset}-{namespace}");
                match super::target::index_name_problem(&name) {
                    None => Self::Same(ReadyLine::new(action, name.as_bytes())),
                    Some(_) => Self::None,
                }
            }
            // No year has day number `i64::MAX`.
            Target::Daily(_) => Self::Daily(Box::new(std::array::from_fn(|_| {
                (i64::MAX, ReadyLine::default())
            }))),
            Target::Fixed(_) | Target::Rendered(_) => Self::None,
        }
    }

    /// The action line for an event, if it is ready or can be made so.
    fn get(&mut self, encoder: &Encoder, event: &Event<'_>) -> Result<Option<&ReadyLine>, Reason> {
        match self {
            Self::None => Ok(None),
            Self::Same(line) => {
                let routes_itself = matches!(encoder.target, Target::DataStream(_))
                    && event.fields().get("data_stream").is_some();
                Ok((!routes_itself).then_some(line))
            }
            Self::Daily(days) => {
                let Some(timestamp) = event.timestamp() else {
                    return Ok(None);
                };
                let day = timestamp.seconds().div_euclid(SECONDS_PER_DAY);
                let (ready_day, line) = &mut days[day.rem_euclid(DAYS as i64) as usize];
                if *ready_day != day {
                    let mut name = Vec::new();
                    encoder.target.name(event, &mut name)?;
                    let action = encoder.action.as_constant().and_then(Action::parse);
                    *line = ReadyLine::new(action.unwrap_or(Action::Index), &name);
                    *ready_day = day;
                }
                Ok(Some(line))
            }
        }
    }
}

impl ReadyLine {
    fn new(action: Action, index: &[u8]) -> Self {
        let mut line = Self::default();
        write_action_head(&mut line.plain, action, index);
        write_action_head(&mut line.create, Action::Create, index);
        line
    }
}

fn write_action_head(out: &mut Vec<u8>, action: Action, name: &[u8]) {
    out.extend_from_slice(b"{\"");
    out.extend_from_slice(action.name().as_bytes());
    out.extend_from_slice(b"\":{\"_index\":");
    write_json_string(out, &String::from_utf8_lossy(name));
}

impl Encoder {
    /// Appends both lines, the second without its break. Whether the document was given the id `derived`.
    fn write(
        &self,
        event: &Event<'_>,
        derived: Option<&str>,
        out: &mut Vec<u8>,
        scratch: &mut Vec<u8>,
    ) -> Result<bool, Reason> {
        let name = self.action.render(event);
        let Some(mut action) = Action::parse(name) else {
            let text = format!("`{name}` is none of the actions index, create, update and delete");
            return Err(Reason::unsent("unsupported_action", text));
        };
        let control = Control::of(event);
        scratch.clear();
        match control.text("index") {
            Some(index) if self.is_default_index => {
                scratch.extend_from_slice(index.as_bytes());
                if let Some(problem) = super::target::index_name_problem(index) {
                    let text = format!("`{index}` is no valid index name: it {problem}");
                    return Err(Reason::unsent("invalid_index_name", text));
                }
            }
            _ => self.target.name(event, scratch)?,
        }
        let derived = derived.filter(|_| self.takes_derived_id(action, &control));
        if derived.is_some() {
            action = Action::Create;
        }
        write_action_head(out, action, scratch);
        self.write_parameters(event, action, derived, &control, out)?;
        out.extend_from_slice(b"}}");
        if action == Action::Delete {
            return Ok(false);
        }
        out.push(b'\n');
        let joined = self
            .parent
            .as_ref()
            .map(|parent| with_parent(event, parent));
        let event = joined.as_ref().unwrap_or(event);
        if action == Action::Update {
            self.update
                .write(event, |out| self.write_source(event, out), out)?;
            return Ok(false);
        }
        self.write_source(event, out);
        Ok(derived.is_some())
    }

    /// Whether a document is new whatever it holds, and not compared with others of its id.
    fn takes_derived_id(&self, action: Action, control: &Control<'_, '_>) -> bool {
        let has = |name| control.text(name).is_some_and(|text| !text.is_empty());
        matches!(action, Action::Index | Action::Create)
            && self.document_id.is_none()
            && self.version.is_none()
            && self.version_type.is_none()
            && !["id", "version", "version_type"].into_iter().any(has)
    }

    /// Appends the action's parameters but for the index.
    fn write_parameters(
        &self,
        event: &Event<'_>,
        action: Action,
        derived: Option<&str>,
        control: &Control<'_, '_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Reason> {
        let render = |template: &Option<Template>| template.as_ref().map(|text| text.render(event));
        let id = match &self.document_id {
            Some(template) => Some(self.rendered_id(event, template)?),
            None => derived.or_else(|| control.text("id")),
        };
        match id {
            Some(id) if id.len() > ID_MAX_BYTES => {
                let text = format!(
                    "the id has {} bytes, at most {ID_MAX_BYTES} are allowed",
                    id.len()
                );
                return Err(Reason::unsent("invalid_id", text));
            }
            Some(id) if !id.is_empty() => write_parameter(out, "_id", id),
            _ if matches!(action, Action::Update | Action::Delete) => {
                let text = format!("the action {} needs an id", action.name());
                return Err(Reason::unsent("missing_id", text));
            }
            _ => {}
        }
        let routing = match &self.parent {
            Some((_, parent)) => Some(parent.render(event)),
            None => render(&self.routing).or_else(|| control.text("routing")),
        };
        if let Some(routing) = routing.filter(|routing| !routing.is_empty()) {
            write_parameter(out, "routing", routing);
        }
        let pipeline = render(&self.pipeline)
            .or_else(|| control.text("pipeline"))
            .or_else(|| event.metadata().get("target_ingest_pipeline")?.as_str());
        if let Some(pipeline) = pipeline.filter(|pipeline| !pipeline.is_empty()) {
            write_parameter(out, "pipeline", pipeline);
        }
        if let Some(version) = render(&self.version).or_else(|| control.text("version")) {
            write_parameter(out, "version", version);
        }
        if let Some(kind) = self.version_type.or_else(|| control.text("version_type")) {
            write_parameter(out, "version_type", kind);
        }
        if action == Action::Update {
            let parameter = format!(",\"retry_on_conflict\":{}", self.update.retry_on_conflict);
            out.extend_from_slice(parameter.as_bytes());
        }
        Ok(())
    }

    /// An id with a reference that cannot be resolved would be the same for many documents, each
    /// replacing the one before.
    fn rendered_id<'a>(&self, event: &Event<'a>, template: &Template) -> Result<&'a str, Reason> {
        if let Some(constant) = template.as_constant() {
            return Ok(constant);
        }
        let mut id = Vec::new();
        if !template.render_into(event, &mut id) {
            let id = String::from_utf8_lossy(&id);
            let text = format!("the id `{id}` holds a reference that the event cannot resolve");
            return Err(Reason::unsent("id_unresolved", text));
        }
        Ok(event.arena().alloc_str(&String::from_utf8_lossy(&id)))
    }

    /// Appends the event without `@metadata`.
    fn write_source(&self, event: &Event<'_>, out: &mut Vec<u8>) {
        match &self.target {
            Target::DataStream(stream) if stream.sync_fields => stream.write_source(event, out),
            _ => write_json(out, event),
        }
    }
}

impl DataStream {
    /// Appends the event with the fields `data_stream.*` of the stream that it goes to
    /// (source: `data_stream_event_sync`).
    fn write_source(&self, event: &Event<'_>, out: &mut Vec<u8>) {
        out.push(b'{');
        let mut is_synced = false;
        for (at, (key, value)) in event.fields().iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            write_json_string(out, key);
            out.push(b':');
            if key == "data_stream" {
                self.write_fields(Some(value), out);
                is_synced = true;
            } else {
                value.write_json(out);
            }
        }
        if !is_synced {
            if !event.fields().is_empty() {
                out.push(b',');
            }
            out.extend_from_slice(b"\"data_stream\":");
            self.write_fields(None, out);
        }
        out.push(b'}');
    }

    fn write_fields(&self, own: Option<&Value<'_>>, out: &mut Vec<u8>) {
        let own = match own {
            Some(Value::Object(own)) => Some(own),
            _ => None,
        };
        let is_part = |key: &str| matches!(key, "type" | "dataset" | "namespace");
        out.push(b'{');
        for (at, (part, default)) in self.parts().into_iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            write_json_string(out, part);
            out.push(b':');
            match own.and_then(|own| own.get(part)) {
                Some(value)
                    if self.auto_routing && !matches!(value, Value::Null | Value::Bool(false)) =>
                {
                    value.write_json(out);
                }
                _ => write_json_string(out, default),
            }
        }
        for (key, value) in own.into_iter().flat_map(Object::iter) {
            if !is_part(key) {
                out.push(b',');
                write_json_string(out, key);
                out.push(b':');
                value.write_json(out);
            }
        }
        out.push(b'}');
    }
}

/// What earlier plugins ask for this one event, under `[@metadata][_ingest_document]`.
struct Control<'e, 'a>(Option<&'e Object<'a>>);

impl<'e, 'a> Control<'e, 'a> {
    fn of(event: &'e Event<'a>) -> Self {
        match event.metadata().get("_ingest_document") {
            Some(Value::Object(control)) => Self(Some(control)),
            _ => Self(None),
        }
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.0?.get(name)?.as_str()
    }
}

/// The event with its join field set to name its parent.
fn with_parent<'a>(
    event: &Event<'a>,
    (field, parent): &(FieldRef<'static>, Template),
) -> Event<'a> {
    let mut event = event.clone();
    let mut join = Object::new(event.arena());
    join.push("name", event.get(*field).cloned().unwrap_or(Value::Null));
    join.push("parent", Value::Str(parent.render(&event)));
    // Where the field lies below a scalar, Elasticsearch will say that the join field is missing.
    let _ = event.set(*field, Value::Object(join));
    event
}

fn write_parameter(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
    write_json_string(out, value);
}

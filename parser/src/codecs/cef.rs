//! `cef`: the Common Event Format of ArcSight (source: logstash-codec-cef).

mod keys;
mod times;

use memchr::memmem::Finder;

use self::keys::{ReadKeys, written_key};
use self::times::{TimeReader, java_zone};
use super::failed_event;
use super::line::lines;
use crate::codec::{BuildCodec, Codec, DecodeContext, EncodeError, InvalidUtf8};
use crate::config::ast::Spanned;
use crate::event::{Arena, Event, FieldRef, Template, Value, ruby_text};
use crate::plugin_choice;
use crate::plugin_options;
use crate::spec::{EcsCompatibility, Settings};
use crate::time::{Locale, Timestamp, Zone};

plugin_options! {
    /// The Common Event Format (CEF) of ArcSight: each message becomes one event.
    ///
    /// With ECS the keys of CEF become fields of ECS, and what is known to be a time a timestamp; without it they get their full names.
    /// What is no such message becomes the `message` of an event that is tagged `_cefparsefailure`.
    pub struct CefOptions for Codec "cef" {
        /// What separates messages, where a payload holds several, and ends each that is written. `\r` and `\n` stand for the
        /// ends of lines.
        delimiter: Option<Spanned<String>>,
        /// The fields to write as extensions. What an event lacks is left out.
        fields: Vec<String> = [],
        /// The vendor of the device, in the header of what is written.
        vendor: Template = "Elasticsearch",
        /// The product, in the header of what is written.
        product: Template = "Logstash",
        /// The product's version, in the header of what is written.
        version: Template = "1.0",
        /// The kind of event, in the header of what is written.
        signature: Template = "Logstash",
        /// What happened, in the header of what is written.
        name: Template = "Logstash",
        /// How bad it is, from 0 to 10, in the header of what is written; anything else counts as 6.
        severity: Template = "6",
        /// Writes the short keys of CEF, such as `src`, instead of their full names.
        reverse_mapping: bool = false,
        /// A field that takes the message as it came.
        raw_data_field: Option<FieldRef<'static>>,
        /// The zone of times that name none and come from a device that names none; without it UTC.
        default_timezone: Option<Spanned<String>>,
        /// The language of the names of months in times, such as `en_US` or `de`; without it English.
        locale: Option<Spanned<String>>,
        /// With ECS: whether the device is the `observer` of the event, or the `host` on which it happened.
        device: Device = "observer",
    }
}

plugin_choice! {
    /// What the device of a message is to its event.
    pub enum Device {
        /// It saw it.
        Observer = "observer",
        /// It happened there.
        Host = "host",
    }
}

/// Messages of the Common Event Format.
pub struct Cef {
    options: CefOptions,
    delimiter: Option<Finder<'static>>,
    header: [FieldRef<'static>; HEADERS],
    syslog: FieldRef<'static>,
    keys: ReadKeys,
    times: TimeReader,
    /// The fields to write, with the keys to write them under.
    written: Vec<(String, FieldRef<'static>)>,
}

const HEADERS: usize = 7;

/// More extensions than this make no message: each is looked for among those before it.
const EXTENSIONS_MAX: usize = 4096;

impl BuildCodec for Cef {
    type Options = CefOptions;

    fn build(
        options: CefOptions,
        settings: &mut Settings<'_>,
        ecs: EcsCompatibility,
    ) -> Option<Self> {
        let ecs = ecs.is_enabled();
        let is_host = options.device == Device::Host;
        let delimiter = match &options.delimiter {
            Some(given) if given.node.is_empty() => {
                settings.report(given.span, "the delimiter must not be empty");
                return None;
            }
            given => given.as_ref().map(|given| unescaped_ends(&given.node)),
        };
        let zone = match &options.default_timezone {
            Some(id) => java_zone(&id.node).or_else(|| {
                let message = format!("`{}` is no time zone", id.node);
                let help = "write a name as in `Europe/Paris`, or an offset as in `+02:00`";
                settings.report(id.span, message).help = Some(help.to_owned());
                None
            }),
            None => Some(Zone::UTC),
        };
        let locale = match &options.locale {
            Some(tag) => Locale::new(&tag.node).unwrap_or_else(|error| {
                settings.warn(tag.span, format!("{error}: English ones are read"));
                Locale::english()
            }),
            None => Locale::english(),
        };
        let written = options.fields.iter().map(|field| {
            let key = written_key(field, ecs, is_host, options.reverse_mapping);
            match FieldRef::parse(field) {
                Ok(field) => Some((key, field)),
                Err(error) => {
                    settings.report(settings.span_of("fields"), error.to_string());
                    None
                }
            }
        });
        let written: Vec<_> = written.collect();
        Some(Self {
            delimiter: delimiter.map(|delimiter| Finder::new(&delimiter).into_owned()),
            header: header_fields(ecs),
            syslog: FieldRef::constant(if ecs {
                "[log][syslog][header]"
            } else {
                "syslog"
            }),
            keys: ReadKeys::new(ecs, is_host),
            times: TimeReader {
                locale,
                zone: zone?,
            },
            written: written.into_iter().collect::<Option<_>>()?,
            options,
        })
    }
}

fn unescaped_ends(delimiter: &str) -> String {
    delimiter.replace("\\r", "\r").replace("\\n", "\n")
}

fn header_fields(ecs: bool) -> [FieldRef<'static>; HEADERS] {
    let names = if ecs {
        [
            "[cef][version]",
            "[observer][vendor]",
            "[observer][product]",
            "[observer][version]",
            "[event][code]",
            "[cef][name]",
            "[event][severity]",
        ]
    } else {
        [
            "cefVersion",
            "deviceVendor",
            "deviceProduct",
            "deviceVersion",
            "deviceEventClassId",
            "name",
            "severity",
        ]
    };
    names.map(FieldRef::constant)
}

impl Codec for Cef {
    fn decode<'a>(&self, payload: &'a [u8], context: &mut DecodeContext<'a, '_>) {
        match &self.delimiter {
            None => self.decode_message(payload, context),
            Some(delimiter) => {
                for message in lines(payload, delimiter) {
                    self.decode_message(message, context);
                }
            }
        }
    }

    fn encode(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let options = &self.options;
        let mut text = String::from("CEF:0|");
        for (template, default) in [
            (&options.vendor, "Elasticsearch"),
            (&options.product, "Logstash"),
            (&options.version, "1.0"),
            (&options.signature, "Logstash"),
            (&options.name, "Logstash"),
        ] {
            let value = escaped_header(template.render(event));
            text += if value.is_empty() { default } else { &value };
            text.push('|');
        }
        text += &severity(&escaped_header(options.severity.render(event)));
        text.push('|');
        let mut is_first = true;
        for (key, field) in &self.written {
            let Some(value) = event.get_owned(*field) else {
                continue;
            };
            let Some(value) = written_value(&value, event.arena()) else {
                continue;
            };
            if !std::mem::take(&mut is_first) {
                text.push(' ');
            }
            text += key;
            text.push('=');
            text += &value;
        }
        if let Some(delimiter) = &self.delimiter {
            text += &String::from_utf8_lossy(delimiter.needle());
        }
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

impl Cef {
    fn decode_message<'a>(&self, payload: &'a [u8], context: &mut DecodeContext<'a, '_>) {
        let arena = context.arena;
        let (text, is_valid) = match std::str::from_utf8(payload) {
            Ok(text) => (text, true),
            Err(_) => {
                let replaced = &*arena.alloc_str(&String::from_utf8_lossy(payload));
                (replaced, context.invalid_utf8 == InvalidUtf8::Replace)
            }
        };
        let message = without_quotes(text);
        let read = is_valid
            .then(|| self.read(text, message, context))
            .flatten();
        match read {
            Some(event) => (context.emit)(event),
            None if is_valid => failed_event(message, "_cefparsefailure", context),
            None => failed_event(text, "_cefparsefailure", context),
        }
    }

    /// The event of a message; `raw` is how it came. `None` where it is no CEF.
    fn read<'a>(
        &self,
        raw: &'a str,
        message: &'a str,
        context: &DecodeContext<'a, '_>,
    ) -> Option<Event<'a>> {
        let arena = context.arena;
        let mut event = context.new_event();
        if let Some(field) = self.options.raw_data_field {
            event.set_checked(field, Value::Str(raw)).ok()?;
        }
        let mut rest = chomp(message);
        if rest.contains('\n') {
            return None;
        }
        for (place, field) in self.header.iter().enumerate() {
            let (value, after) = split_header(rest)?;
            rest = after;
            let mut value = unescaped(
                value,
                |escaped| match escaped {
                    '\\' | '|' => Some(escaped),
                    _ => None,
                },
                arena,
            );
            if place == 0 {
                if let Some((syslog, version)) = value.rsplit_once(' ') {
                    event.set(self.syslog, Value::Str(syslog)).ok()?;
                    value = version;
                }
                value = value.strip_prefix("CEF:").unwrap_or(value);
            }
            event.set(*field, Value::Str(value)).ok()?;
        }
        self.read_extensions(rest, &mut event, context.timestamp)?;
        Some(event)
    }

    fn read_extensions<'a>(
        &self,
        text: &'a str,
        event: &mut Event<'a>,
        now: Timestamp,
    ) -> Option<()> {
        let arena = event.arena();
        let mut rest = text.trim_matches(|c| is_space(c) || c == '\0');
        let mut extensions = bumpalo::collections::Vec::new_in(arena);
        // A repeated key counts with its last value.
        let mut times = bumpalo::vec![in arena; None; self.keys.times];
        let mut device_zone = None;
        while !rest.is_empty() {
            let key = &rest[..key_length(rest)?];
            let value = &rest[key.len() + 1..];
            let length = value_length(value);
            rest = value[length..].trim_start_matches(is_space);
            if extensions.len() == EXTENSIONS_MAX {
                return None;
            }
            let value = unescaped(
                &value[..length],
                |escaped| match escaped {
                    '\\' | '=' => Some(escaped),
                    'n' => Some('\n'),
                    'r' => Some('\r'),
                    _ => None,
                },
                arena,
            );
            let field = match self.keys.get(key) {
                Some(known) => {
                    if let Some(place) = known.time {
                        times[place] = Some((known.field, value));
                        continue;
                    }
                    known.field
                }
                None => FieldRef::parse_in(arena, indexed(key, arena)).ok()?,
            };
            if field.segments() == ["event", "timezone"] {
                device_zone = Some(value);
            }
            extensions.push((field, value));
        }
        for (field, text) in times.into_iter().flatten() {
            let value = match text.trim_matches(|c| is_space(c) || c == '\0') {
                "" => Value::Null,
                _ => Value::Timestamp(self.times.read(text, device_zone, now)?),
            };
            event.set_checked(field, value).ok()?;
        }
        for (field, value) in extensions {
            event.set_checked(field, Value::Str(value)).ok()?;
        }
        Some(())
    }
}

/// Some senders put messages in quotes.
fn without_quotes(text: &str) -> &str {
    let Some(rest) = text.strip_prefix('"') else {
        return text;
    };
    let mut characters = rest.chars();
    characters.next_back();
    characters.as_str()
}

fn chomp(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// The text up to the next `|` and what follows it. Where all are escaped the last one ends the text all the same, as the
/// regular expression of Logstash finds no other.
fn split_header(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(found) = memchr::memchr2(b'|', b'\\', bytes.get(at..)?) {
        at += found;
        if bytes[at] == b'|' {
            return Some((&text[..at], &text[at + 1..]));
        }
        let is_escape = matches!(bytes.get(at + 1), Some(b'|' | b'\\'));
        at += 1 + usize::from(is_escape);
    }
    text.rsplit_once('|')
}

/// The text without the backslashes before what they escape.
fn unescaped<'a>(
    text: &'a str,
    meaning: impl Fn(char) -> Option<char>,
    arena: &'a Arena,
) -> &'a str {
    if memchr::memchr(b'\\', text.as_bytes()).is_none() {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let escaped = characters.peek().filter(|_| character == '\\');
        match escaped.and_then(|escaped| meaning(*escaped)) {
            Some(meant) => {
                characters.next();
                out.push(meant);
            }
            None => out.push(character),
        }
    }
    arena.alloc_str(&out)
}

/// What Ruby's `\s` matches.
fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t'..='\r')
}

/// The length of the key that the text begins with, if a `=` follows it: a word, names behind dots, and maybe an
/// index (source: `EXTENSION_KEY_PATTERN` in logstash-codec-cef).
fn key_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let word = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_');
    let mut at = word.count();
    if at == 0 {
        return None;
    }
    while bytes.get(at) == Some(&b'.') {
        let ends = |c: char| is_space(c) || matches!(c, '.' | '=' | '|' | '\\' | '[' | ']');
        let name = &text[at + 1..];
        let length = name.find(ends).unwrap_or(name.len());
        if length == 0 {
            return None;
        }
        at += 1 + length;
    }
    if bytes.get(at) == Some(&b'[') {
        let digits = bytes[at + 1..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit());
        let end = at + 1 + digits.count();
        if end == at + 1 || bytes.get(end) != Some(&b']') {
            return None;
        }
        at = end + 1;
    }
    (bytes.get(at) == Some(&b'=')).then_some(at)
}

/// The length of the value that the text begins with: up to the white space before the next key.
fn value_length(text: &str) -> usize {
    let mut at = 0;
    loop {
        let Some(found) = text[at..].find(is_space) else {
            return text.len();
        };
        let end = at + found;
        let rest = &text[end..];
        at = end + (rest.len() - rest.trim_start_matches(is_space).len());
        if key_length(&text[at..]).is_some() {
            return end;
        }
    }
}

/// `name[0]` as the field reference `[name][0]`.
fn indexed<'a>(key: &'a str, arena: &'a Arena) -> &'a str {
    match key.split_once('[') {
        Some((name, index)) => arena.alloc_str(&format!("[{name}][{index}")),
        None => key,
    }
}

fn escaped_header(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let text = text.replace('\\', "\\\\").replace('|', "\\|");
    text.replace(['\n', '\r'], " ")
}

/// A whole number from 0 to 10, otherwise 6 (source: `valid_severity?`, `sanitize_severity`).
fn severity(text: &str) -> String {
    let text = text.trim_matches(|c| is_space(c) || c == '\0');
    let is_number = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'))
        && text.ends_with(|c: char| c.is_ascii_digit());
    match text.parse::<f64>() {
        Ok(number) if is_number && number.fract() == 0.0 && (0.0..=10.0).contains(&number) => {
            let digits = text.trim_start_matches(['+', '-']);
            let whole = digits.find(|c: char| !c.is_ascii_digit());
            let whole = &digits[..whole.unwrap_or(digits.len())];
            whole
                .parse::<u64>()
                .map_or_else(|_| "6".to_owned(), |number| number.to_string())
        }
        _ => "6".to_owned(),
    }
}

/// A value as an extension; `None` for null.
fn written_value(value: &Value<'_>, arena: &Arena) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::Array(_) | Value::Object(_) => {
            let mut json = Vec::new();
            value.write_json(&mut json);
            String::from_utf8_lossy(&json).into_owned()
        }
        Value::Timestamp(timestamp) => {
            let mut text = Vec::new();
            timestamp.write_iso8601(&mut text);
            return Some(String::from_utf8_lossy(&text).into_owned());
        }
        _ => ruby_text(value, arena).to_owned(),
    };
    let text = text.replace("\r\n", "\n");
    let text = text.replace('\\', "\\\\").replace('=', "\\=");
    Some(text.replace(['\n', '\r'], "\\n"))
}

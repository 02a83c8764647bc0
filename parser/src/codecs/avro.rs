//! `avro`: a payload is a datum of a schema (source: logstash-codec-avro).

mod read;
mod schema;
mod write;

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use self::read::read_datum;
use self::schema::Schema;
use self::write::write_fields;
use super::json::{event_of, is_event};
use super::{failed_event, original_field};
use crate::charset::Charset;
use crate::codec::{BuildCodec, Codec, DecodeContext, EncodeError};
use crate::config::ast::Spanned;
use crate::event::{Event, FieldRef, Value};
use crate::plugin_choice;
use crate::plugin_options;
use crate::spec::{Any, EcsCompatibility, OptionDefault, Settings};

plugin_options! {
    /// Avro: each payload is a datum of one schema, without the header of a file, and becomes one event.
    ///
    /// Timestamps become timestamps, decimals decimal numbers, dates texts such as `2026-11-24`, and bytes texts in which
    /// U+FFFD stands for what is no UTF-8. What is no such datum becomes the `message` of an event that is tagged `_avroparsefailure`.
    pub struct AvroOptions for Codec "avro" {
        /// The file with the schema, in JSON.
        schema_uri: Spanned<String>,
        /// How the datum is carried: in `base64`, or as it is.
        encoding: Encoding = "base64",
        /// Accepted and ignored: a payload that cannot be read is always kept and tagged.
        pub tag_on_failure: bool = false,
        /// The field to put the datum in, instead of the event itself.
        target: Option<FieldRef<'static>>,
        /// Not supported, as no schema is fetched from a server.
        proxy: Option<Any>,
        /// Not supported, as no schema is fetched from a server.
        username: Option<Any>,
        /// Not supported, as no schema is fetched from a server.
        password: Option<Any>,
        /// Not supported, as no schema is fetched from a server.
        ssl_enabled: Option<Any>,
        /// Not supported, as no schema is fetched from a server.
        ssl_certificate: Option<Any>,
        /// Not supported, as no schema is fetched from a server.
        ssl_key: Option<Any>,
        /// Not supported, as no schema is fetched from a server.
        ssl_certificate_authorities: Option<Any>,
        /// Not supported, as no schema is fetched from a server.
        ssl_verification_mode: Option<Any>,
        /// Not supported, as no schema is fetched from a server.
        ssl_keystore_path: Option<Any>,
        /// Not supported, as no schema is fetched from a server.
        ssl_keystore_password: Option<Any>,
        /// Not supported, as no schema is fetched from a server.
        ssl_keystore_type: Option<Any>,
        /// Not supported, as no schema is fetched from a server.
        ssl_truststore_path: Option<Any>,
        /// Not supported, as no schema is fetched from a server.
        ssl_truststore_password: Option<Any>,
        /// Not supported, as no schema is fetched from a server.
        ssl_truststore_type: Option<Any>,
        /// Not supported, as no schema is fetched from a server.
        ssl_cipher_suites: Option<Any>,
        /// Not supported, as no schema is fetched from a server.
        ssl_supported_protocols: Option<Any>,
    }
}

plugin_choice! {
    /// How a datum is carried.
    pub enum Encoding {
        /// As it is.
        Binary = "binary",
        /// In base64.
        Base64 = "base64",
    }
}

/// Data of an Avro schema.
pub struct Avro {
    schema: Schema,
    encoding: Encoding,
    target: Option<FieldRef<'static>>,
    original: Option<FieldRef<'static>>,
    charset: Charset,
}

const SAVE_IT: &str = "save the schema in a file, and name the file in `schema_uri`";

impl BuildCodec for Avro {
    type Options = AvroOptions;

    fn build(
        options: AvroOptions,
        settings: &mut Settings<'_>,
        ecs: EcsCompatibility,
    ) -> Option<Self> {
        let uri = &options.schema_uri;
        if uri.node.starts_with("http://") || uri.node.starts_with("https://") {
            let message = format!(
                "the schema `{}` is on a server, which is not asked",
                uri.node
            );
            settings.report(uri.span, message).help = Some(SAVE_IT.to_owned());
            return None;
        }
        if refuse_remote(&options, settings) {
            return None;
        }
        let path = Path::new(uri.node.strip_prefix("file://").unwrap_or(&uri.node));
        let schema = std::fs::read_to_string(path)
            .map_err(|error| format!("the schema `{}` cannot be read: {error}", path.display()))
            .and_then(|text| {
                let read = Schema::parse(&text);
                read.map_err(|error| format!("`{}` is no Avro schema: {error}", path.display()))
            });
        match schema {
            Ok(schema) => Some(Self {
                schema,
                encoding: options.encoding,
                target: options.target,
                original: original_field(ecs),
                charset: Charset::from_default("UTF-8"),
            }),
            Err(message) => {
                settings.report(uri.span, message);
                None
            }
        }
    }
}

/// Whether an option is set that only makes sense with a server.
fn refuse_remote(options: &AvroOptions, settings: &mut Settings<'_>) -> bool {
    let remote = [
        ("proxy", &options.proxy),
        ("username", &options.username),
        ("password", &options.password),
        ("ssl_enabled", &options.ssl_enabled),
        ("ssl_certificate", &options.ssl_certificate),
        ("ssl_key", &options.ssl_key),
        (
            "ssl_certificate_authorities",
            &options.ssl_certificate_authorities,
        ),
        ("ssl_verification_mode", &options.ssl_verification_mode),
        ("ssl_keystore_path", &options.ssl_keystore_path),
        ("ssl_keystore_password", &options.ssl_keystore_password),
        ("ssl_keystore_type", &options.ssl_keystore_type),
        ("ssl_truststore_path", &options.ssl_truststore_path),
        ("ssl_truststore_password", &options.ssl_truststore_password),
        ("ssl_truststore_type", &options.ssl_truststore_type),
        ("ssl_cipher_suites", &options.ssl_cipher_suites),
        ("ssl_supported_protocols", &options.ssl_supported_protocols),
    ];
    let mut is_any = false;
    for (name, value) in remote {
        if let Some(value) = value {
            let message = format!("`{name}` is not supported: no schema is fetched from a server");
            settings.report(value.0.span, message).help = Some(SAVE_IT.to_owned());
            is_any = true;
        }
    }
    is_any
}

impl Codec for Avro {
    fn decode<'a>(&self, payload: &'a [u8], context: &mut DecodeContext<'a, '_>) {
        match self.read(payload, context) {
            Some(event) => (context.emit)(event),
            None => {
                let text = context.text(payload, &self.charset);
                failed_event(text, "_avroparsefailure", context);
            }
        }
    }

    fn encode(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut datum = Vec::new();
        write_fields(&self.schema, event.fields(), &mut datum)
            .map_err(|found| EncodeError(format!("no Avro datum, {}", found.describe())))?;
        match self.encoding {
            Encoding::Binary => out.append(&mut datum),
            Encoding::Base64 => out.extend_from_slice(STANDARD.encode(datum).as_bytes()),
        }
        Ok(())
    }

    fn spans_lines(&self) -> bool {
        self.encoding == Encoding::Binary
    }
}

impl Avro {
    fn read<'a>(&self, payload: &'a [u8], context: &DecodeContext<'a, '_>) -> Option<Event<'a>> {
        let arena = context.arena;
        let datum = match self.encoding {
            Encoding::Binary => payload,
            // What is no base64 is taken as it is.
            Encoding::Base64 => match STANDARD.decode(payload) {
                Ok(decoded) => arena.alloc_slice_copy(&decoded),
                Err(_) => payload,
            },
        };
        let value = read_datum(&self.schema, datum, arena)?;
        if self.target.is_none() && !is_event(&value, None) {
            return None;
        }
        let mut event = event_of(value, self.target, context)?;
        if let Some(field) = self.original {
            let text = context.text(payload, &self.charset);
            event.set(field, Value::Str(text)).ok()?;
        }
        Some(event)
    }
}

//! Methods of classes and modules: `Time.now`, `JSON.parse`, `Digest::MD5.hexdigest`.

use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD, URL_SAFE};
use md5::{Digest, Md5};

use crate::event::Event;
use crate::json::{Fractions, parse};
use crate::ruby::class::Class;
use crate::ruby::interp::{Block, Eval, Flow, Run};
use crate::ruby::names::M;
use crate::ruby::value::{Obj, Text, Val};
use crate::time::Timestamp;

impl<'r> Run<'r, '_> {
    pub(super) fn module(
        &mut self,
        class: Class,
        method: M,
        arguments: &[Val],
        block: Block<'r>,
    ) -> Result<Option<Val>, Flow> {
        let first = arguments.first().copied().unwrap_or(Val::Nil);
        Ok(Some(match (class, method) {
            (_, M::Name | M::ToS) => self.new_str(class.name()),
            (class, M::New | M::Exception) if class.is_exception() => {
                let message = if arguments.is_empty() {
                    class.name().to_owned()
                } else {
                    self.text_of(first)?
                };
                self.heap().add(Obj::Exception {
                    class,
                    message: message.into(),
                })
            }
            (Class::String, M::New) => {
                let text = self.text_of(first)?;
                self.new_string(text)
            }
            (Class::Array, M::New) => return self.array_new(arguments, block).map(Some),
            (Class::Hash, M::New) => {
                let make = if block.given() {
                    Some(self.proc_of(block, false))
                } else {
                    None
                };
                let mut hash = crate::ruby::hash::RubyHash::default();
                hash.default = arguments.first().copied();
                hash.default_proc = make;
                self.heap().add(Obj::Hash(hash))
            }
            (Class::Hash, M::Index) => return self.send(first, M::ToH, &[], Block::None).map(Some),
            (Class::Proc, M::New) => self.proc_of(block, false),
            (Class::Time, M::At) => {
                let at = self.instant(first)?;
                let at = match arguments.get(1) {
                    Some(&extra) => {
                        let unit = arguments
                            .get(2)
                            .and_then(|unit| self.memory.heap.name(*unit));
                        let scale = if unit == Some("millisecond") {
                            1e6
                        } else {
                            1e3
                        };
                        let extra = self.memory.heap.float(extra).unwrap_or(0.0);
                        let base = i128::from(at.seconds()) * 1_000_000_000
                            + i128::from(at.subsec_nanos());
                        super::time::from_nanos(
                            base.saturating_add((extra * scale).round() as i128),
                        )
                    }
                    None => at,
                };
                self.new_time(at, false)
            }
            (Class::Time | Class::DateTime | Class::Date, _) => {
                return self.moment_function(class, method, arguments);
            }
            (Class::Uri | Class::Cgi, _) => return self.web_function(class, method, arguments),
            (Class::IpAddr, M::New) => self.new_ip(first)?,
            (Class::Set, M::New | M::Index) => {
                let values = match (method, arguments) {
                    (M::Index, values) => values.to_vec(),
                    (_, []) => Vec::new(),
                    _ => self.elements(first)?,
                };
                let mut mapped = Vec::with_capacity(values.len());
                for value in values {
                    mapped.push(match block.given() {
                        true => self.call_block(block, &[value])?,
                        false => value,
                    });
                }
                self.new_set(&mapped)?
            }
            (Class::Marshal, M::Dump) => {
                let copy = self.deep_copy(first, 0)?;
                self.heap().add(Obj::Dumped(copy))
            }
            (Class::Marshal, M::Load) => match self.memory.heap.object(first) {
                Some(&Obj::Dumped(copy)) => self.deep_copy(copy, 0)?,
                _ => return self.raise(Class::TypeError, "instance of IO needed"),
            },
            (Class::Csv, M::ParseLine) => {
                let text = self.text_of(first)?;
                self.parse_csv(&text)?
            }
            (Class::Csv, M::Parse) => {
                let text = self.text_of(first)?;
                self.csv_rows(&text, false)?
            }
            (Class::File, _) => return self.file_function(method, arguments),
            (
                Class::Kernel,
                M::Format | M::Sprintf | M::Rand | M::Raise | M::KInteger | M::KFloat,
            ) => {
                return self.function(method, arguments, block).map(Some);
            }
            (Class::LogstashTimestamp, M::Now) => {
                let now = self.now;
                self.new_timestamp(now)
            }
            (Class::LogstashTimestamp, M::New) if arguments.is_empty() => {
                let now = self.now;
                self.new_timestamp(now)
            }
            (Class::LogstashTimestamp, M::New | M::At | M::Coerce | M::ParseIso8601) => {
                let at = match self.memory.heap.object(first) {
                    Some(Obj::Str(_)) => {
                        let text = self.text_of(first)?;
                        match Timestamp::parse_iso8601(&text) {
                            Some(at) => at,
                            None => {
                                return self.raise(
                                    Class::TimestampParserError,
                                    format!("invalid timestamp string format {text}"),
                                );
                            }
                        }
                    }
                    Some(Obj::Time(time)) => time.at,
                    Some(Obj::Timestamp(at)) => *at,
                    _ if method == M::At => self.instant(first)?,
                    _ => {
                        return self.raise(Class::TypeError, "wrong argument type (expected Time)");
                    }
                };
                self.new_timestamp(at)
            }
            (Class::LogstashEvent, M::New) => {
                let now = self.now;
                let event = match self.memory.heap.hash(first) {
                    Some(_) => {
                        let fields = self.export_hash(first, 0)?;
                        Event::from_object(self.arena, fields, now)
                    }
                    None => Event::new(self.arena, now),
                };
                self.hold(event)?
            }
            (Class::Json | Class::LogstashJson, M::Parse | M::Load) => {
                let text = self.text_of(first)?;
                self.steps(text.len() / 64)?;
                let text = self.arena.alloc_str(&text);
                match parse(text, self.arena, Fractions::Double) {
                    Ok(value) => {
                        let value = self.import(&value);
                        if self.wants_symbols(arguments.get(1).copied()) {
                            self.with_symbols(value, 0)?
                        } else {
                            value
                        }
                    }
                    Err(error) => return self.raise(Class::JsonParserError, error.to_string()),
                }
            }
            (Class::Json | Class::LogstashJson, M::Generate | M::Dump) => {
                return self.send(first, M::ToJson, &[], Block::None).map(Some);
            }
            (Class::Base64, M::Encode64 | M::StrictEncode64 | M::UrlsafeEncode64) => {
                let bytes = self.bytes(first)?;
                let text = match method {
                    M::UrlsafeEncode64 => URL_SAFE.encode(bytes),
                    M::StrictEncode64 => STANDARD.encode(bytes),
                    _ => {
                        let text = STANDARD.encode(bytes);
                        text.as_bytes()
                            .chunks(60)
                            .map(|line| format!("{}\n", String::from_utf8_lossy(line)))
                            .collect()
                    }
                };
                self.new_string(text)
            }
            (Class::Base64, M::Decode64 | M::StrictDecode64 | M::UrlsafeDecode64) => {
                let text = self.text_of(first)?;
                match decode(&text, method) {
                    Some(bytes) => self.heap().add(Obj::Str(Text::from_utf8(bytes))),
                    None => return self.raise(Class::ArgumentError, "invalid base64"),
                }
            }
            (Class::Json, M::PrettyGenerate) => {
                let mut out = String::new();
                self.push_pretty(&mut out, first, 0)?;
                self.new_string(out)
            }
            (
                Class::Md5 | Class::Sha1 | Class::Sha256 | Class::Sha384 | Class::Sha512,
                M::Hexdigest | M::Digest | M::Base64digest,
            ) => {
                let bytes = self.bytes(first)?;
                self.steps(bytes.len() / 64)?;
                let digest = match class {
                    Class::Md5 => Md5::digest(bytes).to_vec(),
                    Class::Sha1 => sha1::Sha1::digest(bytes).to_vec(),
                    Class::Sha256 => sha2::Sha256::digest(bytes).to_vec(),
                    Class::Sha384 => sha2::Sha384::digest(bytes).to_vec(),
                    _ => sha2::Sha512::digest(bytes).to_vec(),
                };
                match method {
                    M::Hexdigest => self.new_string(hex(&digest)),
                    M::Base64digest => self.new_string(STANDARD.encode(digest)),
                    _ => self.heap().add(Obj::Str(Text::Bytes {
                        bytes: digest,
                        utf8: false,
                    })),
                }
            }
            (Class::SecureRandom, M::Uuid | M::Hex) => {
                let bits = format!("{:016x}{:016x}", super::random(), super::random());
                let text = if method == M::Uuid {
                    format!(
                        "{}-{}-4{}-a{}-{}",
                        &bits[..8],
                        &bits[8..12],
                        &bits[13..16],
                        &bits[17..20],
                        &bits[20..32]
                    )
                } else {
                    let wanted = match first {
                        Val::Int(bytes) if (1..=1024).contains(&bytes) => 2 * bytes as usize,
                        _ => 32,
                    };
                    let mut text = bits;
                    while text.len() < wanted {
                        text.push_str(&format!("{:016x}", super::random()));
                    }
                    text.truncate(wanted);
                    text
                };
                self.new_string(text)
            }
            (Class::Regexp, M::New) => match self.memory.heap.object(first) {
                Some(Obj::Regex(..)) => first,
                _ => {
                    let text = self.text_of(first)?;
                    let bits = match arguments.get(1) {
                        Some(Val::Int(bits)) => *bits,
                        Some(value) if value.truthy() => 1,
                        _ => 0,
                    };
                    let options = crate::regex::Options {
                        ignore_case: bits & 1 != 0,
                        extended: bits & 2 != 0,
                        multiline: bits & 4 != 0,
                    };
                    return self
                        .new_regex(&text, options, crate::ruby::expression::flag_text(options))
                        .map(Some);
                }
            },
            (Class::Regexp, M::Escape | M::Quote) => {
                let text = self.text_of(first)?;
                let text = super::substitute::escape(&text);
                self.new_string(text)
            }
            (Class::Math, _) => return self.math(method, arguments),
            (Class::Socket, M::Gethostname) => self.new_str(crate::host::host_name()),
            (Class::Env, M::Index | M::Fetch) => {
                let name = self.text_of(first)?;
                match std::env::var(name) {
                    Ok(value) => self.new_string(value),
                    Err(_) => arguments.get(1).copied().unwrap_or(Val::Nil),
                }
            }
            _ => return Ok(None),
        }))
    }

    fn array_new(&mut self, arguments: &[Val], block: Block<'r>) -> Eval {
        let values = match arguments {
            [] => Vec::new(),
            [Val::Int(count), rest @ ..] if *count >= 0 => {
                self.steps(*count as usize)?;
                let mut values = vec![rest.first().copied().unwrap_or(Val::Nil); *count as usize];
                if block.given() {
                    for (at, value) in values.iter_mut().enumerate() {
                        *value = self.call_block(block, &[Val::Int(at as i64)])?;
                    }
                }
                values
            }
            [list, ..] => self.elements(*list)?,
        };
        Ok(self.new_array(values))
    }

    /// Seconds since the epoch as a point in time.
    fn instant(&mut self, value: Val) -> Result<Timestamp, Flow> {
        if let Val::Int(seconds) = value {
            return Ok(super::time::from_nanos(i128::from(seconds) * 1_000_000_000));
        }
        if let Some(Obj::Time(time)) = self.memory.heap.object(value) {
            return Ok(time.at);
        }
        match self.memory.heap.float(value) {
            Some(seconds) => Ok(super::time::from_nanos((seconds * 1e9) as i128)),
            None => {
                let class = self.class_of(value).name();
                self.raise(
                    Class::TypeError,
                    format!("can't convert {class} into an exact number"),
                )
            }
        }
    }

    fn bytes(&mut self, value: Val) -> Result<Vec<u8>, Flow> {
        match self.memory.heap.text(value) {
            Some(text) => Ok(text.bytes().to_vec()),
            None => {
                let class = self.class_of(value).name();
                let what = if value.is_nil() { "nil" } else { class };
                self.raise(
                    Class::TypeError,
                    format!("no implicit conversion of {what} into String"),
                )
            }
        }
    }

    fn math(&mut self, method: M, arguments: &[Val]) -> Result<Option<Val>, Flow> {
        let mut numbers = Vec::new();
        for &argument in arguments {
            let number = self.float_of(argument)?;
            numbers.push(self.memory.heap.float(number).unwrap_or(0.0));
        }
        Ok(Some(Val::Float(match (method, &numbers[..]) {
            (M::Sqrt, [x]) if *x < 0.0 => {
                return self.raise(
                    Class::ArgumentError,
                    "Numerical argument is out of domain - \"sqrt\"",
                );
            }
            (M::Sqrt, [x]) => x.sqrt(),
            (M::Log, [x]) => x.ln(),
            (M::Log, [x, base]) => x.ln() / base.ln(),
            (M::Log2, [x]) => x.log2(),
            (M::Log10, [x]) => x.log10(),
            (M::Exp, [x]) => x.exp(),
            (M::Sin, [x]) => x.sin(),
            (M::Cos, [x]) => x.cos(),
            (M::Atan2, [y, x]) => y.atan2(*x),
            (M::Hypot, [x, y]) => x.hypot(*y),
            _ => return Ok(None),
        })))
    }
}

/// As lenient as Ruby: `decode64` skips what is not of the alphabet.
fn decode(text: &str, method: M) -> Option<Vec<u8>> {
    use base64::engine::DecodePaddingMode;
    let lenient = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    match method {
        M::StrictDecode64 => STANDARD.decode(text).ok(),
        M::UrlsafeDecode64 => GeneralPurpose::new(&base64::alphabet::URL_SAFE, lenient)
            .decode(text)
            .ok(),
        _ => {
            let clean: Vec<u8> = text
                .bytes()
                .take_while(|byte| *byte != b'=')
                .filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
                .collect();
            let whole = if clean.len() % 4 == 1 {
                &clean[..clean.len() - 1]
            } else {
                &clean[..]
            };
            GeneralPurpose::new(&base64::alphabet::STANDARD, lenient)
                .decode(whole)
                .ok()
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

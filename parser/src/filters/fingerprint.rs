//! `fingerprint`: hashes fields (source: logstash-filter-fingerprint).

mod digest;
mod murmur3;

use crate::event::{Arena, ArenaString, Array, Event, FieldRef, Value, intern, ruby_text};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::filters::cidr::Network;
use crate::filters::uuid::RandomUuids;
use crate::grok::{Integer, to_i};
use crate::regex::{Options, Regex, Scratch};
use crate::spec::{Password, Settings};
use crate::{plugin_choice, plugin_options};
use digest::Digest;
use murmur3::{murmur3_32, murmur3_128};

plugin_options! {
    /// Sets a field to a hash of others.
    ///
    /// Used as the document's identifier, it keeps a record that is read twice from being stored twice.
    pub struct FingerprintOptions for Filter "fingerprint" {
        /// The fields to hash. Without `concatenate_sources` the last one that there is counts.
        source: Vec<String> = ["message"],
        /// The field to set: `fingerprint` without ECS, else `[event][hash]`.
        target: Option<FieldRef<'static>>,
        /// How to hash.
        method: Method = "SHA1",
        /// The key of an HMAC; with `IPV4_NETWORK` the number of bits of the network.
        key: Option<Password>,
        /// Prints the hash as Base64, not as hexadecimal digits.
        base64encode: bool = false,
        /// Hashes all sources together, with their names.
        concatenate_sources: bool = false,
        /// Hashes all fields of the event together, with their names.
        concatenate_all_fields: bool = false,
    }
}

plugin_choice! {
    /// How a fingerprint is made.
    pub enum Method {
        /// 160 bits.
        Sha1 = "SHA1",
        /// 256 bits.
        Sha256 = "SHA256",
        /// 384 bits.
        Sha384 = "SHA384",
        /// 512 bits.
        Sha512 = "SHA512",
        /// 128 bits.
        Md5 = "MD5",
        /// 32 bits, as a number. Fast, not against attackers.
        Murmur3 = "MURMUR3",
        /// 128 bits. Fast, not against attackers.
        Murmur3Wide = "MURMUR3_128",
        /// The network of an address.
        Ipv4Network = "IPV4_NETWORK",
        /// A random UUID.
        Uuid = "UUID",
        /// The punctuation of a text, without everything else.
        Punctuation = "PUNCTUATION",
    }
}

/// The tag of an event with a value that the method cannot take.
const FAILURE_TAG: &str = "_fingerprint_failure";

/// Seed of the 128-bit MurmurHash3 in Logstash.
const MURMUR3_SEED: u64 = 2;

/// Hashes fields.
pub struct Fingerprint {
    sources: Sources,
    target: FieldRef<'static>,
    hasher: Hasher,
}

enum Sources {
    /// Each on its own; the last one counts.
    Each(Vec<FieldRef<'static>>),
    /// Together, in the order of their names.
    Joined(Vec<(&'static str, FieldRef<'static>)>),
    AllFields,
}

enum Hasher {
    Digest(Box<Digest>),
    Murmur3,
    Murmur3Wide { base64: bool },
    Network { bits: u32 },
    Uuid(RandomUuids),
    Punctuation(Regex),
}

impl BuildFilter for Fingerprint {
    type Options = FingerprintOptions;

    fn build(
        options: FingerprintOptions,
        settings: &mut Settings<'_>,
        context: &BuildContext,
    ) -> Option<Self> {
        let hasher = Hasher::new(&options, settings)?;
        let mut names = options.source;
        if options.concatenate_sources || matches!(hasher, Hasher::Punctuation(_)) {
            names.sort();
        }
        let mut fields = Vec::new();
        for name in &names {
            match FieldRef::parse(name) {
                Ok(field) => fields.push((intern(name), field)),
                Err(error) => {
                    let span = settings.span_of("source");
                    settings.report(span, error.to_string());
                    return None;
                }
            }
        }
        let sources = if matches!(hasher, Hasher::Punctuation(_)) {
            Sources::Each(fields.into_iter().map(|(_, field)| field).collect())
        } else if options.concatenate_all_fields {
            Sources::AllFields
        } else if options.concatenate_sources {
            Sources::Joined(fields)
        } else {
            Sources::Each(fields.into_iter().map(|(_, field)| field).collect())
        };
        let target = if context.ecs.is_enabled() {
            "[event][hash]"
        } else {
            "fingerprint"
        };
        Some(Self {
            sources,
            target: options.target.unwrap_or_else(|| FieldRef::constant(target)),
            hasher,
        })
    }
}

impl Hasher {
    fn new(options: &FingerprintOptions, settings: &mut Settings<'_>) -> Option<Self> {
        let key = options.key.as_ref().map(Password::reveal);
        let base64 = options.base64encode;
        Some(match options.method {
            Method::Murmur3 => Self::Murmur3,
            Method::Murmur3Wide => Self::Murmur3Wide { base64 },
            Method::Uuid => Self::Uuid(RandomUuids::default()),
            Method::Punctuation => match Regex::new(r"[\p{P}\p{S}]", Options::default()) {
                Ok(regex) => Self::Punctuation(regex),
                Err(error) => unreachable!("{error}"),
            },
            Method::Ipv4Network => {
                let Some(key) = key else {
                    let span = settings.span_of("method");
                    let message = "`IPV4_NETWORK` needs the number of bits of the network";
                    let diagnostic = settings.report(span, message);
                    diagnostic.help = Some("as in `key => 24`".to_owned());
                    return None;
                };
                let bits = match to_i(key) {
                    Integer::Small(bits) => u32::try_from(bits).unwrap_or(u32::MAX),
                    Integer::Big(_) => u32::MAX,
                };
                Self::Network { bits }
            }
            method => Self::Digest(Box::new(Digest::new(method, key, base64))),
        })
    }

    /// `None` for a value that the method cannot take.
    fn hash<'a>(
        &self,
        value: &Value<'a>,
        arena: &'a Arena,
        scratch: &mut Scratch,
    ) -> Option<Value<'a>> {
        let text = |text: &str| Value::Str(ArenaString::from_str_in(text, arena).into_bump_str());
        Some(match self {
            Self::Digest(digest) => text(&digest.print(canonical(value, arena).as_bytes())),
            Self::Murmur3 => Value::Int(i64::from(match value {
                Value::Int(number) => murmur3_32(&number.to_le_bytes()),
                other => match eight_bytes(other) {
                    Some(bytes) => murmur3_32(&bytes),
                    None => murmur3_32(canonical(other, arena).as_bytes()),
                },
            })),
            Self::Murmur3Wide { base64 } => {
                let hash = match value {
                    Value::Int(number) => match i32::try_from(*number) {
                        Ok(number) => murmur3_128(&number.to_le_bytes(), MURMUR3_SEED),
                        Err(_) => murmur3_128(&number.to_le_bytes(), MURMUR3_SEED),
                    },
                    other => match eight_bytes(other) {
                        Some(bytes) => murmur3_128(&bytes, MURMUR3_SEED),
                        None => murmur3_128(canonical(other, arena).as_bytes(), MURMUR3_SEED),
                    },
                };
                text(&digest::encode(&hash, *base64))
            }
            Self::Network { bits } => {
                let network = Network::parse(value.as_str()?)?;
                text(&network.masked(*bits)?.to_string())
            }
            Self::Punctuation(punctuation) => {
                let kept = value
                    .as_str()?
                    .chars()
                    .filter(|char| is_punctuation(*char, punctuation, scratch));
                text(&kept.collect::<String>())
            }
            Self::Uuid(random) => Value::Str(random.next(arena)),
        })
    }
}

fn is_punctuation(char: char, punctuation: &Regex, scratch: &mut Scratch) -> bool {
    if char.is_ascii() {
        return char.is_ascii_punctuation();
    }
    let text = char.encode_utf8(&mut [0; 4]).to_owned();
    punctuation.is_match(&text, scratch).unwrap_or(false)
}

impl Filter for Fingerprint {
    fn apply<'a>(&self, event: &mut Event<'a>, context: &mut Context<'a, '_>) -> Outcome {
        let set = match self.fingerprint(event, context.scratch) {
            // None of the sources is there.
            Ok(None) => true,
            Ok(Some(hash)) => event.try_set(self.target, hash),
            Err(Unhashable) => false,
        };
        if set {
            return Outcome::Matched;
        }
        event.tag(FAILURE_TAG);
        Outcome::Unmatched
    }
}

/// A value that the method cannot take.
struct Unhashable;

impl Fingerprint {
    fn fingerprint<'a>(
        &self,
        event: &Event<'a>,
        scratch: &mut Scratch,
    ) -> Result<Option<Value<'a>>, Unhashable> {
        let arena = event.arena();
        let mut hash =
            |value: &Value<'a>| self.hasher.hash(value, arena, scratch).ok_or(Unhashable);
        match (&self.hasher, &self.sources) {
            (Hasher::Uuid(_), _) => hash(&Value::Null).map(Some),
            (_, Sources::Each(fields)) => {
                let mut last = None;
                for field in fields {
                    last = match event.get(*field) {
                        None => last,
                        Some(Value::Array(values)) if !self.is_punctuation() => {
                            let mut hashes = Array::with_capacity_in(values.len(), arena);
                            for value in values {
                                hashes.push(hash(value)?);
                            }
                            Some(Value::Array(hashes))
                        }
                        Some(value) => Some(hash(value)?),
                    };
                }
                Ok(last)
            }
            (_, sources) => {
                let text = joined(sources, event, arena);
                hash(&Value::Str(text)).map(Some)
            }
        }
    }

    fn is_punctuation(&self) -> bool {
        matches!(self.hasher, Hasher::Punctuation(_))
    }
}

/// `|name|value|name|value|`, in the order of the names.
fn joined<'a>(sources: &Sources, event: &Event<'a>, arena: &'a Arena) -> &'a str {
    let mut out = ArenaString::new_in(arena);
    let mut push = |name: &str, value: Option<&Value<'a>>| {
        out.push('|');
        out.push_str(name);
        out.push('|');
        if let Some(value) = value {
            push_canonical(&mut out, value, arena);
        }
    };
    match sources {
        Sources::AllFields => {
            let mut fields: Vec<_> = event.fields().iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            for (name, value) in fields {
                push(name, Some(value));
            }
        }
        Sources::Joined(fields) => {
            for (name, field) in fields {
                push(name, event.get(*field));
            }
        }
        Sources::Each(_) => {}
    }
    out.push('|');
    out.into_bump_str()
}

/// A value as text: names and values of an object in order, and the elements of an array, with bars between.
fn canonical<'a>(value: &Value<'a>, arena: &'a Arena) -> &'a str {
    match value {
        Value::Array(_) | Value::Object(_) => {
            let mut out = ArenaString::new_in(arena);
            push_canonical(&mut out, value, arena);
            out.into_bump_str()
        }
        single => ruby_text(single, arena),
    }
}

fn push_canonical<'a>(out: &mut ArenaString<'a>, value: &Value<'a>, arena: &'a Arena) {
    match value {
        Value::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    out.push('|');
                }
                push_canonical(out, value, arena);
            }
        }
        Value::Object(object) => {
            let mut fields: Vec<_> = object.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            for (at, (name, value)) in fields.into_iter().enumerate() {
                if at > 0 {
                    out.push('|');
                }
                out.push_str(name);
                out.push('|');
                push_canonical(out, value, arena);
            }
        }
        single => out.push_str(ruby_text(single, arena)),
    }
}
/// A large integer that fits in 64 bits without a sign.
fn eight_bytes(value: &Value<'_>) -> Option<[u8; 8]> {
    let Value::BigInt(digits) = value else {
        return None;
    };
    digits.parse().map(u64::to_le_bytes).ok()
}

//! Character sets by the names that Logstash takes, which are Ruby's, and text from bytes in them.

mod east_asian;
mod names;

use std::borrow::Cow;

use encoding_rs::Encoding;
use oem_cp::code_table::DECODING_TABLE_CP_MAP;
use oem_cp::code_table_type::TableType;

use self::east_asian::EastAsian;
use self::names::RUBY_NAMES;
use crate::config::ast::{Literal, Spanned};
use crate::event::push_escaped_ruby;
use crate::spec::{OptionDefault, OptionType, Settings};

/// A character set.
#[derive(Clone, Copy, Debug)]
pub struct Charset(Kind);

#[derive(Clone, Copy, Debug)]
enum Kind {
    Utf8,
    /// Bytes beyond 127 mean nothing.
    Ascii,
    /// Each byte is the character of that number; the Encoding Standard makes Windows-1252 of it.
    Latin1,
    Standard(&'static Encoding),
    /// ISO 8859-9 and -11, with control characters where the code page of Windows that the Encoding Standard makes of them
    /// has others.
    Iso(&'static Encoding),
    /// ISO 8859-11 without the control characters.
    Thai,
    /// EBCDIC, whose characters are those of ISO 8859-1 in another order.
    Ibm037,
    CodePage(&'static TableType),
    /// Big-endian unless a byte order mark says otherwise.
    Utf16,
    Utf32(ByteOrder),
    EastAsian(EastAsian),
}

#[derive(Clone, Copy, Debug)]
enum ByteOrder {
    Big,
    Little,
    Marked,
}

/// Ruby's names that the Encoding Standard does not know, in lower case, and its names for the same.
const ALIASES: &[(&str, &str)] = &[
    ("cp1250", "windows-1250"),
    ("cp1251", "windows-1251"),
    ("cp1252", "windows-1252"),
    ("cp1253", "windows-1253"),
    ("cp1254", "windows-1254"),
    ("cp1255", "windows-1255"),
    ("cp1256", "windows-1256"),
    ("cp1257", "windows-1257"),
    ("cp1258", "windows-1258"),
    ("cp874", "windows-874"),
    ("cp878", "koi8-r"),
    ("cp950", "big5"),
    ("cp951", "big5"),
    ("cp50221", "iso-2022-jp"),
    ("cp51932", "euc-jp"),
    ("eucjp-ms", "euc-jp"),
    ("maccyrillic", "x-mac-cyrillic"),
    ("macroman", "macintosh"),
    ("macukraine", "x-mac-ukrainian"),
];

/// The characters of the bytes of IBM's code page 37.
#[rustfmt::skip]
const IBM037: [u8; 256] = [
    0x00, 0x01, 0x02, 0x03, 0x9c, 0x09, 0x86, 0x7f, 0x97, 0x8d, 0x8e, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
    0x10, 0x11, 0x12, 0x13, 0x9d, 0x85, 0x08, 0x87, 0x18, 0x19, 0x92, 0x8f, 0x1c, 0x1d, 0x1e, 0x1f,
    0x80, 0x81, 0x82, 0x83, 0x84, 0x0a, 0x17, 0x1b, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x05, 0x06, 0x07,
    0x90, 0x91, 0x16, 0x93, 0x94, 0x95, 0x96, 0x04, 0x98, 0x99, 0x9a, 0x9b, 0x14, 0x15, 0x9e, 0x1a,
    0x20, 0xa0, 0xe2, 0xe4, 0xe0, 0xe1, 0xe3, 0xe5, 0xe7, 0xf1, 0xa2, 0x2e, 0x3c, 0x28, 0x2b, 0x7c,
    0x26, 0xe9, 0xea, 0xeb, 0xe8, 0xed, 0xee, 0xef, 0xec, 0xdf, 0x21, 0x24, 0x2a, 0x29, 0x3b, 0xac,
    0x2d, 0x2f, 0xc2, 0xc4, 0xc0, 0xc1, 0xc3, 0xc5, 0xc7, 0xd1, 0xa6, 0x2c, 0x25, 0x5f, 0x3e, 0x3f,
    0xf8, 0xc9, 0xca, 0xcb, 0xc8, 0xcd, 0xce, 0xcf, 0xcc, 0x60, 0x3a, 0x23, 0x40, 0x27, 0x3d, 0x22,
    0xd8, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0xab, 0xbb, 0xf0, 0xfd, 0xfe, 0xb1,
    0xb0, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0xaa, 0xba, 0xe6, 0xb8, 0xc6, 0xa4,
    0xb5, 0x7e, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0xa1, 0xbf, 0xd0, 0xdd, 0xde, 0xae,
    0x5e, 0xa3, 0xa5, 0xb7, 0xa9, 0xa7, 0xb6, 0xbc, 0xbd, 0xbe, 0x5b, 0x5d, 0xaf, 0xa8, 0xb4, 0xd7,
    0x7b, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0xad, 0xf4, 0xf6, 0xf2, 0xf3, 0xf5,
    0x7d, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x50, 0x51, 0x52, 0xb9, 0xfb, 0xfc, 0xf9, 0xfa, 0xff,
    0x5c, 0xf7, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0xb2, 0xd4, 0xd6, 0xd2, 0xd3, 0xd5,
    0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0xb3, 0xdb, 0xdc, 0xd9, 0xda, 0x9f,
];

impl Charset {
    pub(crate) fn is_utf8(self) -> bool {
        matches!(self.0, Kind::Utf8)
    }

    /// The character set of that name; `None` where it is unknown or cannot be decoded.
    pub fn by_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let kind = match name.as_str() {
            "utf-8" | "cp65001" | "utf8" | "locale" | "external" | "filesystem" | "internal" => {
                Kind::Utf8
            }
            "ascii-8bit" | "binary" | "us-ascii" | "ascii" | "ansi_x3.4-1968" | "646" => {
                Kind::Ascii
            }
            "iso-8859-1" | "iso8859-1" => Kind::Latin1,
            "iso-8859-9" | "iso8859-9" => Kind::Iso(encoding_rs::WINDOWS_1254),
            "iso-8859-11" | "iso8859-11" => Kind::Iso(encoding_rs::WINDOWS_874),
            "tis-620" => Kind::Thai,
            "ibm037" | "ebcdic-cp-us" => Kind::Ibm037,
            "utf-16" => Kind::Utf16,
            "utf-32" => Kind::Utf32(ByteOrder::Marked),
            "utf-32be" | "ucs-4be" => Kind::Utf32(ByteOrder::Big),
            "utf-32le" | "ucs-4le" => Kind::Utf32(ByteOrder::Little),
            "utf-16be" | "ucs-2be" => Kind::Standard(encoding_rs::UTF_16BE),
            _ => match (EastAsian::by_name(&name), standard(&name)) {
                (Some(charset), _) => Kind::EastAsian(charset),
                (None, Some(encoding)) => Kind::Standard(encoding),
                (None, None) => Kind::CodePage(code_page(&name)?),
            },
        };
        Some(Self(kind))
    }

    /// The text; what means nothing in this character set becomes U+FFFD.
    pub(crate) fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        let each = |decode: &dyn Fn(u8) -> char| bytes.iter().map(|&byte| decode(byte)).collect();
        match self.0 {
            Kind::Utf8 => String::from_utf8_lossy(bytes),
            Kind::Ascii => Cow::Owned(each(&|byte| match byte.is_ascii() {
                true => char::from(byte),
                false => char::REPLACEMENT_CHARACTER,
            })),
            Kind::Latin1 => Cow::Owned(each(&char::from)),
            Kind::Ibm037 => Cow::Owned(each(&|byte| char::from(IBM037[usize::from(byte)]))),
            Kind::Standard(encoding) if encoding.is_single_byte() => single_bytes(encoding, bytes),
            Kind::Standard(encoding) => encoding.decode_without_bom_handling(bytes).0,
            Kind::Iso(encoding) => Cow::Owned(each(&|byte| match byte {
                0x80..=0x9f => char::from(byte),
                _ => single_byte(encoding, byte),
            })),
            Kind::Thai => Cow::Owned(each(&|byte| match byte {
                0x80..=0xa0 => char::REPLACEMENT_CHARACTER,
                _ => single_byte(encoding_rs::WINDOWS_874, byte),
            })),
            Kind::CodePage(table) => Cow::Owned(table.decode_string_lossy(bytes)),
            Kind::Utf16 => match Encoding::for_bom(bytes) {
                Some((encoding, mark)) => encoding.decode_without_bom_handling(&bytes[mark..]).0,
                None => encoding_rs::UTF_16BE.decode_without_bom_handling(bytes).0,
            },
            Kind::Utf32(order) => Cow::Owned(utf32(bytes, order)),
            Kind::EastAsian(charset) => charset.decode(bytes),
        }
    }

    /// The text of bytes that may not be in this character set (source: `LogStash::Util::Charset#convert`).
    pub(crate) fn convert(self, bytes: &[u8]) -> Cow<'_, str> {
        if !self.is_utf8() {
            return self.decode(bytes);
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => inspect(bytes).into(),
        }
    }
}

/// Text in an encoding of which each byte is a character. Where code pages of Windows have none, and the Macintosh's has
/// Apple's logo, the Encoding Standard has control characters and one for private use, and Ruby nothing.
fn single_bytes<'t>(encoding: &'static Encoding, bytes: &'t [u8]) -> Cow<'t, str> {
    let text = encoding.decode_without_bom_handling(bytes).0;
    let name = encoding.name();
    let means_nothing = |c: char| match c {
        '\u{80}'..='\u{9f}' => name.starts_with("windows-"),
        '\u{f8ff}' => name == "macintosh",
        _ => false,
    };
    match text.contains(means_nothing) {
        true => Cow::Owned(text.replace(means_nothing, "\u{fffd}")),
        false => text,
    }
}

fn single_byte(encoding: &'static Encoding, byte: u8) -> char {
    let bytes = [byte];
    let text = encoding.decode_without_bom_handling(&bytes).0;
    text.chars().next().unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn standard(name: &str) -> Option<&'static Encoding> {
    let alias = ALIASES.iter().find(|(ruby, _)| *ruby == name);
    let label = alias.map_or(name, |(_, standard)| standard);
    Encoding::for_label_no_replacement(label.as_bytes())
}

/// `IBM437`, `CP850` and the like.
fn code_page(name: &str) -> Option<&'static TableType> {
    let number = name.strip_prefix("ibm").or(name.strip_prefix("cp"))?;
    DECODING_TABLE_CP_MAP.get(&number.parse().ok()?)
}

fn utf32(bytes: &[u8], order: ByteOrder) -> String {
    let little = match order {
        ByteOrder::Little => true,
        ByteOrder::Big => false,
        ByteOrder::Marked => bytes.starts_with(&[0xFF, 0xFE, 0, 0]),
    };
    let mut text = String::with_capacity(bytes.len() / 4);
    for unit in bytes.chunks(4) {
        let character = match <[u8; 4]>::try_from(unit) {
            Ok(unit) if little => char::from_u32(u32::from_le_bytes(unit)),
            Ok(unit) => char::from_u32(u32::from_be_bytes(unit)),
            Err(_) => None,
        };
        text.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    match (order, text.strip_prefix('\u{feff}')) {
        (ByteOrder::Marked, Some(unmarked)) => unmarked.to_owned(),
        _ => text,
    }
}

/// Ruby's `String#inspect` without the quotes, which Logstash makes of text that holds bytes that are not UTF-8.
pub(crate) fn inspect(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(bytes.len() + 16);
    push_escaped_ruby(&mut out, bytes);
    String::from_utf8(out)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

impl OptionType for Charset {
    const TAKES: &'static str = "name of a character set";

    fn read(value: &Spanned<Literal>, settings: &mut Settings<'_>) -> Option<Self> {
        let name = settings.single_text(value, Self::TAKES)?;
        let known = RUBY_NAMES
            .iter()
            .find(|known| known.eq_ignore_ascii_case(&name));
        let charset = known.and_then(|known| Self::by_name(known));
        let message = match (known, charset) {
            (Some(known), Some(charset)) if *known == name => return Some(charset),
            // Logstash takes no other spelling.
            (Some(known), Some(_)) => {
                format!("there is no character set `{name}`, but `{known}`")
            }
            _ => format!("`{name}` is no character set that can be decoded"),
        };
        settings.report(value.span, message);
        None
    }
}

impl OptionDefault<&str> for Charset {
    fn from_default(default: &str) -> Self {
        Self::by_name(default).unwrap_or(Self(Kind::Utf8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(name: &str, bytes: &[u8]) -> String {
        Charset::by_name(name).unwrap().decode(bytes).into_owned()
    }

    #[test]
    fn the_names_that_ruby_has_mean_what_they_mean_there() {
        let cases: &[(&str, &[u8], &str)] = &[
            ("UTF-8", "ä".as_bytes(), "ä"),
            ("ISO-8859-1", b"\xe4\x80", "ä\u{80}"),
            ("ISO-8859-15", b"\xa4", "€"),
            ("Windows-1252", b"\x80", "€"),
            ("CP1252", b"\x80", "€"),
            ("CP1251", b"\xcf", "П"),
            ("CP850", b"\x84", "ä"),
            ("IBM437", b"\xe1", "ß"),
            ("KOI8-R", b"\xf0", "П"),
            ("Shift_JIS", b"\x82\xa0", "あ"),
            ("Windows-31J", b"\x82\xa0", "あ"),
            ("EUC-JP", b"\xa4\xa2", "あ"),
            ("GB18030", b"\xc4\xe3", "你"),
            ("Big5", b"\xa7\x41", "你"),
            ("UTF-16LE", b"a\0", "a"),
            ("UTF-16", b"\xff\xfea\0", "a"),
            ("UTF-16", b"\0a", "a"),
            ("UTF-32LE", b"a\0\0\0", "a"),
            ("UTF-32BE", b"\0\x01\xf6\0", "😀"),
            ("Windows-1252", b"\x81\x8d\x92", "\u{fffd}\u{fffd}\u{2019}"),
            ("macRoman", b"\xf0\xb7", "\u{fffd}\u{2211}"),
            ("ISO-8859-9", b"\x9f\xfd\xfe", "\u{9f}\u{131}\u{15f}"),
            ("ISO-8859-2", b"\x9f\xb1", "\u{9f}\u{105}"),
            (
                "TIS-620",
                b"a\x85\xe7\xa9\xff",
                "a\u{fffd}\u{e47}\u{e09}\u{fffd}",
            ),
            ("IBM037", b"\xc8\x85\x93\x93\x96\x40\xf1\x4a", "Hello 1¢"),
            ("ASCII-8BIT", b"a\xe4", "a\u{fffd}"),
            ("US-ASCII", b"a\xe4", "a\u{fffd}"),
        ];
        for (name, bytes, text) in cases {
            assert_eq!(decode(name, bytes), *text, "{name}");
        }
        assert!(Charset::by_name("UTF-7").is_none());
        assert!(Charset::by_name("nonsense").is_none());
    }
}

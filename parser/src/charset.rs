//! Character sets by the names that Logstash takes, which are Ruby's, and text from bytes in them.

use std::borrow::Cow;

use encoding_rs::Encoding;
use oem_cp::code_table::DECODING_TABLE_CP_MAP;
use oem_cp::code_table_type::TableType;

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
    CodePage(&'static TableType),
    /// Big-endian unless a byte order mark says otherwise.
    Utf16,
    Utf32(ByteOrder),
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
    ("cp932", "shift_jis"),
    ("cp936", "gbk"),
    ("cp949", "euc-kr"),
    ("cp950", "big5"),
    ("cp951", "big5"),
    ("cp50221", "iso-2022-jp"),
    ("cp51932", "euc-jp"),
    ("cswindows31j", "shift_jis"),
    ("euc-cn", "gbk"),
    ("eucjp", "euc-jp"),
    ("eucjp-ms", "euc-jp"),
    ("euckr", "euc-kr"),
    ("maccyrillic", "x-mac-cyrillic"),
    ("macroman", "macintosh"),
    ("macukraine", "x-mac-ukrainian"),
    ("sjis", "shift_jis"),
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
            "utf-16" => Kind::Utf16,
            "utf-32" => Kind::Utf32(ByteOrder::Marked),
            "utf-32be" | "ucs-4be" => Kind::Utf32(ByteOrder::Big),
            "utf-32le" | "ucs-4le" => Kind::Utf32(ByteOrder::Little),
            "utf-16be" | "ucs-2be" => Kind::Standard(encoding_rs::UTF_16BE),
            _ => match standard(&name) {
                Some(encoding) => Kind::Standard(encoding),
                None => Kind::CodePage(code_page(&name)?),
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
            Kind::Standard(encoding) => encoding.decode_without_bom_handling(bytes).0,
            Kind::CodePage(table) => Cow::Owned(table.decode_string_lossy(bytes)),
            Kind::Utf16 => match Encoding::for_bom(bytes) {
                Some((encoding, mark)) => encoding.decode_without_bom_handling(&bytes[mark..]).0,
                None => encoding_rs::UTF_16BE.decode_without_bom_handling(bytes).0,
            },
            Kind::Utf32(order) => Cow::Owned(utf32(bytes, order)),
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
    String::from_utf8_lossy(&out).into_owned()
}

impl OptionType for Charset {
    const TAKES: &'static str = "name of a character set";

    fn read(value: &Spanned<Literal>, settings: &mut Settings<'_>) -> Option<Self> {
        let name = settings.single_text(value, Self::TAKES)?;
        let charset = Self::by_name(&name);
        if charset.is_none() {
            let message = format!("`{name}` is no character set that can be decoded");
            settings.report(value.span, message);
        }
        charset
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

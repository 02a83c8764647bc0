//! The character sets of East Asia as Ruby reads them.
//!
//! The Encoding Standard reads more than was ever assigned in the older of them, and where bytes mean nothing it takes back what
//! ASCII there is among them. Ruby (whose tables are JRuby's `jcodings`) gives one U+FFFD for what has the shape of a character,
//! and takes back only what cannot be part of one. Every pair of a byte beyond ASCII and any byte, an `A` behind it, was compared with
//! JRuby: 32,768 for each of these sets, without a difference.

use std::borrow::Cow;

use encoding_rs::Encoding;

/// A character set of one to four bytes a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EastAsian {
    ShiftJis,
    Windows31J,
    EucJp,
    EucKr,
    Cp949,
    Gbk,
    Gb2312,
    Gb18030,
    Big5,
}

/// What bytes begin with.
#[derive(Clone, Copy)]
enum Piece {
    /// So many bytes that the Encoding Standard reads alike, or to which it gives no character either.
    Same(usize),
    /// A character to which it gives another.
    Is(char, usize),
    /// So many bytes that mean nothing.
    Nothing(usize),
}

impl EastAsian {
    /// Ruby's names, in lower case.
    pub(super) fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "shift_jis" => Self::ShiftJis,
            "windows-31j" | "cp932" | "cswindows31j" | "sjis" | "pck" => Self::Windows31J,
            "euc-jp" | "eucjp" => Self::EucJp,
            "euc-kr" | "euckr" => Self::EucKr,
            "cp949" => Self::Cp949,
            "gbk" | "cp936" => Self::Gbk,
            "gb2312" | "euc-cn" | "euccn" => Self::Gb2312,
            "gb18030" => Self::Gb18030,
            "big5" => Self::Big5,
            _ => return None,
        })
    }

    fn standard(self) -> &'static Encoding {
        match self {
            Self::ShiftJis | Self::Windows31J => encoding_rs::SHIFT_JIS,
            Self::EucJp => encoding_rs::EUC_JP,
            Self::EucKr | Self::Cp949 => encoding_rs::EUC_KR,
            Self::Gbk | Self::Gb2312 => encoding_rs::GBK,
            Self::Gb18030 => encoding_rs::GB18030,
            Self::Big5 => encoding_rs::BIG5,
        }
    }

    /// The text; what means nothing becomes U+FFFD.
    pub(super) fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        if bytes.is_ascii() {
            return String::from_utf8_lossy(bytes);
        }
        let mut text = String::with_capacity(bytes.len() + bytes.len() / 2);
        let (mut begin, mut at) = (0, 0);
        while at < bytes.len() {
            let piece = self.piece(&bytes[at..]);
            let (Piece::Same(length) | Piece::Is(_, length) | Piece::Nothing(length)) = piece;
            if !matches!(piece, Piece::Same(_)) {
                self.push(&bytes[begin..at], &mut text);
                text.push(match piece {
                    Piece::Is(character, _) => character,
                    _ => char::REPLACEMENT_CHARACTER,
                });
                begin = at + length;
            }
            at += length;
        }
        self.push(&bytes[begin..], &mut text);
        Cow::Owned(text)
    }

    /// Appends what the Encoding Standard reads, which has one U+FFFD for each character that it does not know.
    fn push(self, bytes: &[u8], text: &mut String) {
        let standard = self.standard();
        let mut push = |read: &str| match self {
            Self::ShiftJis | Self::EucJp | Self::Gbk | Self::Gb2312 => {
                text.extend(read.chars().map(|character| self.own(character)));
            }
            _ => text.push_str(read),
        };
        if let Some(read) = standard.decode_without_bom_handling_and_without_replacement(bytes) {
            return push(&read);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let (Piece::Same(length) | Piece::Is(_, length) | Piece::Nothing(length)) =
                self.piece(rest);
            let (piece, behind) = rest.split_at(length);
            match standard.decode_without_bom_handling_and_without_replacement(piece) {
                Some(read) => push(&read),
                None => push("\u{fffd}"),
            }
            rest = behind;
        }
    }

    /// The character that stands here for one of the Encoding Standard's.
    fn own(self, character: char) -> char {
        match (self, character) {
            (Self::Gbk | Self::Gb2312, '\u{e000}'..='\u{f8ff}') => char::REPLACEMENT_CHARACTER,
            (Self::Gbk | Self::Gb2312, other) => other,
            // Windows has fullwidth forms, which the standards of Japan do not.
            (_, '\u{2015}') => '\u{2014}',
            (_, '\u{ff5e}') => '\u{301c}',
            (_, '\u{2225}') => '\u{2016}',
            (_, '\u{ff0d}') => '\u{2212}',
            (_, '\u{ffe0}') => '\u{a2}',
            (_, '\u{ffe1}') => '\u{a3}',
            (_, '\u{ffe2}') => '\u{ac}',
            (_, other) => other,
        }
    }

    /// What bytes, of which there is one at least, begin with.
    fn piece(self, bytes: &[u8]) -> Piece {
        let lead = bytes[0];
        let is_lead = match self {
            _ if lead < 0x80 => return Piece::Same(1),
            Self::ShiftJis | Self::Windows31J => match lead {
                0xa1..=0xdf => return Piece::Same(1),
                0x80 | 0xa0 | 0xfd.. => false,
                _ => true,
            },
            Self::EucJp => matches!(lead, 0x8e | 0x8f | 0xa1..=0xfe),
            Self::EucKr | Self::Gb2312 => matches!(lead, 0xa1..=0xfe),
            Self::Gbk if lead == 0x80 => return Piece::Same(1),
            Self::Cp949 | Self::Gbk | Self::Gb18030 | Self::Big5 => matches!(lead, 0x81..=0xfe),
        };
        let Some(&trail) = bytes.get(1).filter(|_| is_lead) else {
            return Piece::Nothing(1);
        };
        if self == Self::EucJp && lead == 0x8f && matches!(trail, 0xa1..=0xfe) {
            return three_bytes_of_euc_jp(bytes);
        }
        if self == Self::Gb18030 && trail.is_ascii_digit() {
            return four_bytes_of_gb18030(bytes);
        }
        if !self.may_be_second(trail) {
            return Piece::Nothing(1);
        }
        let is_assigned = match self {
            Self::ShiftJis => lead != 0x87 && lead < 0xeb,
            Self::EucJp => lead != 0xad && lead < 0xf9,
            Self::EucKr | Self::Gb2312 if trail < 0xa1 => false,
            Self::Gb2312 => !matches!(
                (lead, trail),
                (0xa2, 0xa1..=0xaa | 0xe3) | (0xa6, 0xd9..=0xf5) | (0xa8, 0xbb..=0xc0)
            ),
            Self::Gbk => !matches!(
                (lead, trail),
                (0xa2, 0xe3)
                    | (0xa3, 0xa0)
                    | (0xa6, 0xd9..=0xdf | 0xec | 0xed | 0xf3)
                    | (0xa8, 0xbc | 0xbf)
                    | (0xa9, 0x89..=0x95)
                    | (0xfe, 0x50..)
            ),
            Self::Gb18030 => return private_of_gb18030(lead, trail),
            Self::Big5 => match (lead, trail) {
                (0xf9, 0xfe) => return Piece::Is('\u{2593}', 2),
                (0xc6, 0xa1..=0xfe) | (0xc7 | 0xc8, 0x40..=0x7e | 0xa1..=0xfe) => {
                    return private_of_big5(lead, trail);
                }
                (0xa3, 0xc0..=0xe0) => false,
                _ => matches!(lead, 0xa1..=0xf9),
            },
            Self::Windows31J | Self::Cp949 | Self::EucKr => true,
        };
        match is_assigned {
            true => Piece::Same(2),
            false => Piece::Nothing(2),
        }
    }

    /// Whether a byte behind a lead belongs to it, be it assigned or not; another is read for itself.
    fn may_be_second(self, byte: u8) -> bool {
        match self {
            Self::ShiftJis | Self::Windows31J | Self::Gbk | Self::Gb18030 => {
                byte >= 0x40 && byte != 0x7f
            }
            Self::EucJp => byte >= 0x80 && byte != 0x8e && byte != 0x8f,
            Self::EucKr | Self::Gb2312 => byte >= 0x80,
            Self::Cp949 => byte.is_ascii_alphabetic() || byte >= 0x80,
            Self::Big5 => matches!(byte, 0x40..=0x7e | 0x80 | 0xa1..),
        }
    }
}

/// A character of JIS X 0212.
fn three_bytes_of_euc_jp(bytes: &[u8]) -> Piece {
    match bytes.get(2) {
        Some(&third) if EastAsian::EucJp.may_be_second(third) => match bytes {
            [_, 0xa2, 0xb7, ..] => Piece::Is('~', 3),
            _ => Piece::Same(3),
        },
        _ => Piece::Nothing(2),
    }
}

/// A character of four bytes, of which the second and the last are digits.
fn four_bytes_of_gb18030(bytes: &[u8]) -> Piece {
    match (bytes.get(2), bytes.get(3)) {
        (Some(0x81..=0xfe), Some(fourth)) if fourth.is_ascii_digit() => Piece::Same(4),
        (Some(0x81..=0xfe), Some(0x80..)) => Piece::Nothing(4),
        (Some(0x80..), _) => Piece::Nothing(3),
        _ => Piece::Nothing(2),
    }
}

/// Where the edition of 2000 has characters for private use.
fn private_of_gb18030(lead: u8, trail: u8) -> Piece {
    let number: u32 = match (lead, trail) {
        (0xa3, 0xa0) => 0xe5e5,
        (0xa6, 0xd9..=0xdf) => 0xe78d + u32::from(trail - 0xd9),
        (0xa6, 0xec | 0xed) => 0xe794 + u32::from(trail - 0xec),
        (0xa6, 0xf3) => 0xe796,
        (0xa8, 0xbc) => 0xe7c7,
        (0xfe, 0x59 | 0x61 | 0x66 | 0x67 | 0x6d | 0x7e) => 0xe81e + u32::from(trail - 0x59),
        (0xfe, 0x90 | 0xa0) => 0xe854 + u32::from(trail - 0x90),
        _ => return Piece::Same(2),
    };
    char::from_u32(number).map_or(Piece::Nothing(2), |character| Piece::Is(character, 2))
}

/// What is for private use between the two levels of Big5, in the order of the code.
fn private_of_big5(lead: u8, trail: u8) -> Piece {
    let place = match trail {
        0xa1.. => u32::from(trail - 0xa1) + 63,
        _ => u32::from(trail) - 0x40,
    };
    let number = 0xf6b1 + u32::from(lead - 0xc6) * 157 + place - 63;
    char::from_u32(number).map_or(Piece::Nothing(2), |character| Piece::Is(character, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(name: &str, bytes: &[u8]) -> String {
        let charset = EastAsian::by_name(name).expect(name);
        charset.decode(bytes).into_owned()
    }

    /// As JRuby's `String#encode` reads them.
    #[test]
    fn bytes_are_read_as_ruby_reads_them() {
        let cases: &[(&str, &[u8], &str)] = &[
            (
                "shift_jis",
                b"a\x93\xfa\x96\x7b\xb1",
                "a\u{65e5}\u{672c}\u{ff71}",
            ),
            ("shift_jis", b"\x7e\x80\x41", "~\u{fffd}A"),
            ("shift_jis", b"\x88\x7c\xa4", "\u{fffd}\u{ff64}"),
            ("shift_jis", b"\xf0\x40\x1b", "\u{fffd}\x1b"),
            (
                "shift_jis",
                b"\x87\x40\x81\x60\x81\x7c",
                "\u{fffd}\u{301c}\u{2212}",
            ),
            ("shift_jis", b"\x82\x20\x82", "\u{fffd} \u{fffd}"),
            (
                "windows-31j",
                b"\x87\x40\x81\x60\xf0\x40\x80",
                "\u{2460}\u{ff5e}\u{e000}\u{fffd}",
            ),
            ("euc-jp", b"\xfa\xa1\xef", "\u{fffd}\u{fffd}"),
            ("euc-jp", b"\xfd\x8e\xc4\x81", "\u{fffd}\u{ff84}\u{fffd}"),
            (
                "euc-jp",
                b"\x8f\xb0\xa1\x8f\xa2\xb7\x8f\xb0\x8e\x41",
                "\u{4e02}~\u{fffd}\u{fffd}A",
            ),
            ("euc-jp", b"\x8f\x80\xa1\xa1A", "\u{fffd}\u{3000}A"),
            ("euc-kr", b"\xc7\xd1\x88\xce", "\u{d55c}\u{fffd}\u{fffd}"),
            ("euc-kr", b"\xa1\x81\xb0A", "\u{fffd}\u{fffd}A"),
            ("cp949", b"\xd6\x41\xa7", "\u{fffd}\u{fffd}"),
            ("cp949", b"\x88\xce\x80a", "\u{b32b}\u{fffd}a"),
            (
                "gbk",
                b"\x80\xa9\xfc\xd6\xd0\x81\x30",
                "\u{20ac}\u{fffd}\u{4e2d}\u{fffd}0",
            ),
            (
                "gb2312",
                b"\xd6\x41\xd6\xd0\x8f\xf1",
                "\u{fffd}A\u{4e2d}\u{fffd}\u{fffd}",
            ),
            ("gb18030", b"a\x80\x8b", "a\u{fffd}\u{fffd}"),
            (
                "gb18030",
                b"\x81\x30\x81\x30A\x81\x30A\xa8\xbc",
                "\u{80}A\u{fffd}A\u{e7c7}",
            ),
            (
                "gb18030",
                b"\x81\x30\x81A\x81\x30\xffA",
                "\u{fffd}A\u{fffd}A",
            ),
            (
                "big5",
                b"\xa4\xa4\xd9\x81\x82\x5b",
                "\u{4e2d}\u{fffd}\u{fffd}\u{fffd}",
            ),
            (
                "big5",
                b"\xc6\xa1\xc8\xfe\xf9\xfea",
                "\u{f6b1}\u{f848}\u{2593}a",
            ),
        ];
        for (name, bytes, text) in cases {
            assert_eq!(decode(name, bytes), *text, "{name} {bytes:x?}");
        }
    }

    /// Any bytes at all are read to their end, a part of them as they are read alone.
    #[test]
    fn any_bytes_are_read() {
        let mut state = 1u32;
        for name in [
            "shift_jis",
            "sjis",
            "euc-jp",
            "euc-kr",
            "cp949",
            "gbk",
            "gb2312",
            "gb18030",
            "big5",
        ] {
            for _ in 0..2_000 {
                let bytes: Vec<u8> = (0..12)
                    .map(|_| {
                        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
                        (state >> 16) as u8 | if state & 0x300 == 0 { 0 } else { 0x80 }
                    })
                    .collect();
                let line = [&bytes[..], b"\n", &bytes].concat();
                let text = decode(name, &bytes);
                assert_eq!(
                    decode(name, &line),
                    format!("{text}\n{text}"),
                    "{name} {bytes:x?}"
                );
            }
        }
    }
}

//! Bracketed character classes and the escapes that are legal both inside and outside of them.

use super::RegexError;
use super::ast::Node;
use super::class::{self, CharClass};
use super::parse::{Escaped, Parser};

/// Bracket nesting deeper than this is an error.
const MAX_DEPTH: u32 = 50;

/// How many parts of a class are taken together at a time: one by one, a long class of letters of all scripts would be put
/// in order anew for each.
const PARTS_AT_ONCE: usize = 64;

impl Parser<'_> {
    /// A class after its `[`, which stands at `begin`. Case folding is applied.
    pub(super) fn bracket_class(&mut self, begin: usize) -> Result<Node, RegexError> {
        // Long patterns have the same few sets again and again. One that ends at its first `]` is known by its text.
        let rest = &self.pattern[self.at..];
        let written = rest.find(']').map(|end| &rest[..=end]);
        let flags = self.flags;
        if let Some(written) = written
            && let Some(known) = self.brackets.get(&(written, flags))
        {
            self.at += written.len();
            return Ok(known.clone());
        }
        let from = self.at;
        let node = self.new_bracket_class(begin)?;
        if let Some(written) = written.filter(|written| self.at == from + written.len()) {
            self.brackets.insert((written, flags), node.clone());
        }
        Ok(node)
    }

    fn new_bracket_class(&mut self, begin: usize) -> Result<Node, RegexError> {
        let negate = self.eat("^");
        let Members { all, foldable } = self.members(begin, 0)?;
        let class = if self.flags.ignore_case {
            let ascii = CharClass::range('\0', '\x7f');
            let folded_ascii = all.clone().intersect(&ascii).fold_case().intersect(&ascii);
            foldable
                .intersect(&all)
                .fold_case()
                .union(folded_ascii)
                .union(all)
        } else {
            all
        };
        Ok(match negate {
            true => Node::Class(self.shared(class.negate())),
            false if self.flags.ignore_case => super::parse_case::expand_class(self.shared(class)),
            false => Node::Class(self.shared(class)),
        })
    }

    /// What stands between the brackets, up to the closing one.
    fn members(&mut self, begin: usize, depth: u32) -> Result<Members, RegexError> {
        if depth > MAX_DEPTH {
            return Err(self.error(begin, "the character class is nested too deeply"));
        }
        // A `]` in first position is a member, if the class is closed later on.
        if self.pattern[self.at..].starts_with(']') && !self.pattern[self.at + 1..].contains(']') {
            return Err(self.error(begin, "empty char-class"));
        }
        let mut intersection: Option<Members> = None;
        let mut parts = Vec::new();
        let mut first = true;
        loop {
            let item = self.at;
            let Some(next) = self.bump() else {
                return Err(self.error(begin, "premature end of char-class"));
            };
            match next {
                ']' if !first => break,
                '[' => match self.posix_class()? {
                    Some(named) => {
                        self.no_range(item)?;
                        parts.push(named);
                    }
                    None => parts.push(self.nested_class(item, depth)?),
                },
                '&' if self.eat("&") => {
                    let members = Members::union(&mut parts);
                    intersection = Some(Members::intersect(intersection, members));
                }
                _ => parts.push(self.class_item(item, next)?),
            }
            if parts.len() == PARTS_AT_ONCE {
                let members = Members::union(&mut parts);
                parts.push(members);
            }
            first = false;
        }
        Ok(Members::intersect(intersection, Members::union(&mut parts)))
    }

    fn nested_class(&mut self, begin: usize, depth: u32) -> Result<Members, RegexError> {
        let negate = self.eat("^");
        let members = self.members(begin, depth + 1)?;
        Ok(if negate { members.negate() } else { members })
    }

    /// A member, or a range that begins with it.
    fn class_item(&mut self, item: usize, next: char) -> Result<Members, RegexError> {
        let first = match next {
            '\\' => match self.class_escape(item)? {
                Escaped::Class(class) => {
                    self.no_range(item)?;
                    return Ok(Members::unfoldable(class));
                }
                Escaped::Character(character) => character,
            },
            character => character,
        };
        let rest = &self.pattern[self.at..];
        // A `-` is a range only between two members; before `]`, `&&` or a nested class it stands for itself.
        if !rest.starts_with('-')
            || rest.starts_with("-]")
            || rest.starts_with("-[")
            || rest.starts_with("-&&")
        {
            return Ok(Members::foldable(CharClass::single(first)));
        }
        self.bump();
        let end = self.at;
        let last = match self.bump() {
            None => return Err(self.error(item, "premature end of char-class")),
            Some('\\') => match self.class_escape(end)? {
                Escaped::Class(_) => {
                    return Err(self.error(item, "char-class value at end of range"));
                }
                Escaped::Character(character) => character,
            },
            Some(character) => character,
        };
        if last < first {
            return Err(self.error(item, "empty range in char class"));
        }
        Ok(Members::foldable(CharClass::range(first, last)))
    }

    /// A class cannot begin a range: `[\w-x]` is an error, `[\w-]` is not.
    fn no_range(&self, item: usize) -> Result<(), RegexError> {
        let rest = &self.pattern[self.at..];
        if rest.starts_with('-') && !rest.starts_with("-]") {
            let message =
                "unmatched range specifier in char-class: write the `-` last, or as `\\-`";
            return Err(RegexError::new(message, item..self.at + 1));
        }
        Ok(())
    }

    fn class_escape(&mut self, begin: usize) -> Result<Escaped, RegexError> {
        match self.peek() {
            None => Err(self.error(begin, "end of pattern after a backslash")),
            Some('b') => {
                self.bump();
                Ok(Escaped::Character('\u{8}'))
            }
            Some(c @ ('R' | 'X')) => Ok(Escaped::Character(self.bump().unwrap_or(c))),
            _ => self.class_or_character(begin),
        }
    }

    /// `[:name:]` or `[:^name:]`, after the `[`; `None` when it is no such thing.
    fn posix_class(&mut self) -> Result<Option<Members>, RegexError> {
        if !self.pattern[self.at..].starts_with(':') {
            return Ok(None);
        }
        let begin = self.at - 1;
        let rest = &self.pattern[self.at + 1..];
        let Some(length) = rest.find(":]") else {
            return Ok(None);
        };
        let (negate, name) = match rest[..length].strip_prefix('^') {
            Some(name) => (true, name),
            None => (false, &rest[..length]),
        };
        if name.len() > 20 || !name.bytes().all(|b| b.is_ascii_alphabetic()) {
            return Ok(None);
        }
        let known = [
            "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print",
            "punct",
        ];
        let named = (known.contains(&name) || ["space", "upper", "xdigit", "word"].contains(&name))
            // In brackets alone ASCII's symbols count as punctuation.
            .then(|| class::named(if name == "punct" { "xposixpunct" } else { name }))
            .flatten();
        let end = self.at + 1 + length + 2;
        let Some(named) = named else {
            return Err(RegexError::new(
                format!("invalid POSIX bracket type [:{name}:]"),
                begin..end,
            ));
        };
        self.at = end;
        let named = match (self.flags.ascii, self.flags.ignore_case) {
            (false, _) => named,
            (true, false) => named.intersect(&ascii()),
            (true, true) => named.fold_case().intersect(&ascii()),
        };
        let named = if negate { named.negate() } else { named };
        Ok(Some(match name {
            "word" | "ascii" => Members::unfoldable(named),
            _ if self.flags.ascii => Members::unfoldable(named),
            _ => Members::foldable(named),
        }))
    }

    /// The escapes that mean the same inside and outside of brackets; the backslash at `begin` is consumed.
    pub(super) fn class_or_character(&mut self, begin: usize) -> Result<Escaped, RegexError> {
        let Some(next) = self.bump() else {
            return Err(self.error(begin, "end of pattern after a backslash"));
        };
        let unicode = self.flags.unicode;
        let perl = |ascii: fn() -> CharClass, name: &str| match unicode {
            true => class::named(name).unwrap_or_else(ascii),
            false => ascii(),
        };
        let character = match next {
            'd' => return Ok(Escaped::Class(perl(class::digit, "digit"))),
            'D' => return Ok(Escaped::Class(perl(class::digit, "digit").negate())),
            'w' => return Ok(Escaped::Class(perl(class::word, "word"))),
            'W' => return Ok(Escaped::Class(perl(class::word, "word").negate())),
            's' => return Ok(Escaped::Class(perl(class::space, "space"))),
            'S' => return Ok(Escaped::Class(perl(class::space, "space").negate())),
            'h' => return Ok(Escaped::Class(class::hex_digit())),
            'H' => return Ok(Escaped::Class(class::hex_digit().negate())),
            'p' | 'P' if self.pattern[self.at..].starts_with('{') => {
                return self.property(begin, next == 'P').map(Escaped::Class);
            }
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'f' => '\x0c',
            'v' => '\x0b',
            'a' => '\x07',
            'e' => '\x1b',
            'x' | 'u' => self.hexadecimal(begin, next)?,
            '0'..='7' => self.octal(begin)?,
            'c' => self.control(begin)?,
            'C' if self.eat("-") => self.control(begin)?,
            'M' if self.pattern[self.at..].starts_with('-') => {
                return Err(self.unsupported(begin, self.at + 1, "the meta escape `\\M-`"));
            }
            literal => literal,
        };
        Ok(Escaped::Character(character))
    }

    /// `{Name}` or `{^Name}` of `\p`, at its brace.
    fn property(&mut self, begin: usize, negate: bool) -> Result<CharClass, RegexError> {
        let rest = &self.pattern[self.at + 1..];
        let Some(length) = rest.find('}') else {
            return Err(self.error(begin, "the property name is never closed"));
        };
        self.at += length + 2;
        let (inverted, name) = match rest[..length].strip_prefix('^') {
            Some(name) => (true, name),
            None => (false, &rest[..length]),
        };
        let Some(class) = class::named(name) else {
            return Err(self.error(
                begin,
                &format!("invalid character property name {{{name}}}"),
            ));
        };
        let class = if self.flags.ignore_case {
            class.fold_case()
        } else {
            class
        };
        Ok(if inverted != negate {
            class.negate()
        } else {
            class
        })
    }

    /// The digits of `\xH`, `\xHH`, `\x{...}`, `\uHHHH` or `\u{...}`.
    fn hexadecimal(&mut self, begin: usize, letter: char) -> Result<char, RegexError> {
        if self.eat("{") {
            let rest = &self.pattern[self.at..];
            let length = rest.find('}').unwrap_or(rest.len());
            let digits = &rest[..length];
            self.at = (self.at + length + 1).min(self.pattern.len());
            return u32::from_str_radix(digits, 16)
                .ok()
                .and_then(char::from_u32)
                .ok_or_else(|| self.error(begin, "invalid code point value"));
        }
        let width = if letter == 'u' { 4 } else { 2 };
        let (value, length) = self.digits(16, width);
        if letter == 'u' && length < 4 {
            return Err(self.error(begin, "too short escape sequence"));
        }
        if letter == 'u' || value < 0x80 {
            return char::from_u32(value)
                .ok_or_else(|| self.error(begin, "invalid code point value"));
        }
        self.encoded(begin, value as u8)
    }

    /// `\xC3\xA9`: a character written as the bytes of its encoding, the first of which is given.
    fn encoded(&mut self, begin: usize, first: u8) -> Result<char, RegexError> {
        let mut bytes = vec![first];
        while bytes.len() < 4 && self.eat("\\x") {
            let (value, _) = self.digits(16, 2);
            bytes.push(value as u8);
            if let Some(character) = std::str::from_utf8(&bytes)
                .ok()
                .and_then(|text| text.chars().next())
            {
                return Ok(character);
            }
        }
        Err(self.error(
            begin,
            "too short multibyte string: these bytes are not UTF-8",
        ))
    }

    /// `\0`, `\012`, `\101`; the first digit is consumed.
    fn octal(&mut self, begin: usize) -> Result<char, RegexError> {
        self.at -= 1;
        let (value, _) = self.digits(8, 3);
        if value >= 0x80 {
            return Err(self.error(begin, "an octal escape above \\177 is not a character"));
        }
        char::from_u32(value).ok_or_else(|| self.error(begin, "invalid code point value"))
    }

    /// Up to `width` digits from here: their value and number.
    fn digits(&mut self, radix: u32, width: usize) -> (u32, usize) {
        let rest = &self.pattern[self.at..];
        let length = rest
            .bytes()
            .take(width)
            .take_while(|&b| (b as char).is_digit(radix))
            .count();
        self.at += length;
        (
            u32::from_str_radix(&rest[..length], radix).unwrap_or(0),
            length,
        )
    }

    /// The character of `\cX` and `\C-X`.
    fn control(&mut self, begin: usize) -> Result<char, RegexError> {
        match self.bump() {
            Some('?') => Ok('\x7f'),
            Some(c) if c.is_ascii() => Ok(char::from(c as u8 & 0x1f)),
            _ => Err(self.error(begin, "too short control sequence")),
        }
    }
}

/// The members of a class, and those of them that `(?i)` folds beyond ASCII: not what `\w` and its like contribute.
#[derive(Clone)]
struct Members {
    all: CharClass,
    foldable: CharClass,
}

impl Members {
    fn foldable(class: CharClass) -> Members {
        Members {
            foldable: class.clone(),
            all: class,
        }
    }

    fn unfoldable(class: CharClass) -> Members {
        Members {
            all: class,
            foldable: CharClass::default(),
        }
    }

    /// Takes all parts of a class together.
    fn union(parts: &mut Vec<Members>) -> Members {
        let of = |which: fn(&Members) -> &CharClass| {
            CharClass::of_ranges(parts.iter().flat_map(|part| which(part).ranges()))
        };
        let members = match &parts[..] {
            [only] => only.clone(),
            _ => Members {
                all: of(|part| &part.all),
                foldable: of(|part| &part.foldable),
            },
        };
        parts.clear();
        members
    }

    fn negate(self) -> Members {
        Members {
            all: self.all.negate(),
            foldable: self.foldable.negate(),
        }
    }

    fn intersect(left: Option<Members>, right: Members) -> Members {
        match left {
            None => right,
            Some(left) => Members {
                all: left.all.intersect(&right.all),
                foldable: left.foldable.intersect(&right.foldable),
            },
        }
    }
}

fn ascii() -> CharClass {
    CharClass::range('\0', '\x7f')
}

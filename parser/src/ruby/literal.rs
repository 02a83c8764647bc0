//! Literals: numbers, strings with their escapes and interpolations, symbols, patterns, word lists, here documents.

use super::SyntaxError;
use super::lexer::{Before, Lexer, Tok, is_name};

/// A part of a literal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    /// Bytes: an escape may make what is not UTF-8.
    Text(Vec<u8>),
    /// The code of an interpolation, from and to where in the source.
    Code(usize, usize),
}

/// How the text between delimiters is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Double,
    Single,
    /// Escapes stay for the pattern.
    Regex,
}

struct Delimiters {
    /// Nests, where it differs from `close`.
    open: u8,
    close: u8,
}

impl Lexer<'_> {
    /// A literal, if one begins here; most do so only where a value is expected (`prefix`).
    pub(crate) fn literal(&mut self, prefix: bool) -> Result<Option<Tok>, SyntaxError> {
        let (byte, next) = (self.byte(0), self.byte(1));
        match byte {
            b'0'..=b'9' => self.number().map(Some),
            b'"' | b'\'' => {
                self.at += 1;
                let style = if byte == b'"' {
                    Style::Double
                } else {
                    Style::Single
                };
                let pieces = self.delimited(byte, byte, style)?;
                if self.byte(0) == b':' && self.byte(1) != b':' && self.label_allowed() {
                    self.at += 1;
                    return Ok(Some(Tok::StrLabel(pieces)));
                }
                Ok(Some(Tok::Str(pieces)))
            }
            b'`' => self.error("backticks run a command of the system, which Kelp does not do"),
            b':' if next == b'"' && (prefix || self.before == Before::Method) => {
                self.at += 2;
                let pieces = self.delimited(b'"', b'"', Style::Double)?;
                Ok(Some(Tok::DynSym(pieces)))
            }
            b':' if next != b':' && prefix => Ok(self.symbol()),
            b'/' if prefix => {
                self.at += 1;
                let pieces = self.delimited(b'/', b'/', Style::Regex)?;
                Ok(Some(Tok::Regex(pieces, self.regex_flags()?)))
            }
            b'%' if prefix => self.percent(),
            b'?' if prefix && is_character_literal(next, self.byte(2)) => {
                self.at += 1;
                let rest = self.rest();
                let length = rest.chars().next().map_or(1, char::len_utf8);
                let text = rest.as_bytes()[..length].to_vec();
                self.at += length;
                Ok(Some(Tok::Str(vec![Piece::Text(text)])))
            }
            b'<' if prefix && next == b'<' => self.heredoc(),
            _ => Ok(None),
        }
    }

    fn number(&mut self) -> Result<Tok, SyntaxError> {
        let start = self.at;
        let radix = match (self.byte(0), self.byte(1).to_ascii_lowercase()) {
            (b'0', b'x') => 16,
            (b'0', b'b') => 2,
            (b'0', b'o' | b'0'..=b'9' | b'_') => 8,
            _ => 10,
        };
        if radix != 10 {
            self.at += if self.byte(1).is_ascii_digit() || self.byte(1) == b'_' {
                1
            } else {
                2
            };
            let digits_start = self.at;
            while self.byte(0).is_ascii_alphanumeric() || self.byte(0) == b'_' {
                self.at += 1;
            }
            let digits = self.source[digits_start..self.at].replace('_', "");
            return match num_bigint::BigInt::parse_bytes(digits.as_bytes(), radix) {
                Some(big) => Ok(small_or_big(&big)),
                None => Err(SyntaxError::new(
                    start,
                    format!("`{digits}` is no number of base {radix}"),
                )),
            };
        }
        self.digits();
        let mut float = false;
        if self.byte(0) == b'.' && self.byte(1).is_ascii_digit() {
            float = true;
            self.at += 1;
            self.digits();
        }
        if self.byte(0).eq_ignore_ascii_case(&b'e') {
            let sign = usize::from(matches!(self.byte(1), b'+' | b'-'));
            if self.byte(1 + sign).is_ascii_digit() {
                float = true;
                self.at += 1 + sign;
                self.digits();
            }
        }
        if is_name(self.byte(0)) {
            return self.error("a number is followed by a letter");
        }
        let text = self.source[start..self.at].replace('_', "");
        if float {
            return Ok(Tok::Float(text.parse().unwrap_or(f64::INFINITY)));
        }
        Ok(match text.parse() {
            Ok(number) => Tok::Int(number),
            Err(_) => Tok::BigInt(text),
        })
    }

    fn digits(&mut self) {
        while self.byte(0).is_ascii_digit()
            || (self.byte(0) == b'_' && self.byte(1).is_ascii_digit())
        {
            self.at += 1;
        }
    }

    fn symbol(&mut self) -> Option<Tok> {
        const OPERATORS: &[&str] = &[
            "[]=", "[]", "<=>", "===", "==", "=~", "!=", "!~", "**", "<<", ">>", "<=", ">=", "+@",
            "-@", "+", "-", "*", "/", "%", "<", ">", "!", "&", "|", "^", "~",
        ];
        let start = self.at + 1;
        let rest = &self.source[start..self.limit];
        if let Some(operator) = OPERATORS.iter().find(|text| rest.starts_with(**text)) {
            self.at = start + operator.len();
            return Some(Tok::Sym((*operator).to_owned()));
        }
        let mut end = start;
        while end < self.limit && (self.bytes[end] == b'@' || self.bytes[end] == b'$') {
            end += 1;
        }
        if end >= self.limit || !is_name(self.bytes[end]) || self.bytes[end].is_ascii_digit() {
            return None;
        }
        while end < self.limit && is_name(self.bytes[end]) {
            end += 1;
        }
        let ahead = |at: usize| if at < self.limit { self.bytes[at] } else { 0 };
        if matches!(ahead(end), b'?' | b'!') && ahead(end + 1) != b'='
            || ahead(end) == b'=' && !matches!(ahead(end + 1), b'=' | b'~' | b'>')
        {
            end += 1;
        }
        self.at = end;
        Some(Tok::Sym(self.source[start..end].to_owned()))
    }

    fn regex_flags(&mut self) -> Result<String, SyntaxError> {
        let start = self.at;
        while self.byte(0).is_ascii_alphabetic() {
            if !matches!(self.byte(0), b'i' | b'm' | b'x' | b'o' | b'u' | b'n') {
                return self.error("this flag of a pattern is not known: there are i, m and x");
            }
            self.at += 1;
        }
        Ok(self.source[start..self.at].to_owned())
    }

    /// `%w[a b]`, `%i[]`, `%q()`, `%Q()`, `%()`, `%r{}`
    fn percent(&mut self) -> Result<Option<Tok>, SyntaxError> {
        let kind = self.byte(1);
        let (kind, open_at) = if kind.is_ascii_alphabetic() {
            (kind, 2)
        } else {
            (b'Q', 1)
        };
        let open = self.byte(open_at);
        if open.is_ascii_alphanumeric() || open.is_ascii_whitespace() || open == 0 || open >= 0x80 {
            return Ok(None);
        }
        let close = match open {
            b'(' => b')',
            b'[' => b']',
            b'{' => b'}',
            b'<' => b'>',
            other => other,
        };
        self.at += open_at + 1;
        Ok(Some(match kind {
            b'w' => Tok::Words(self.words(open, close, Style::Single)?),
            b'W' => Tok::Words(self.words(open, close, Style::Double)?),
            b'i' => Tok::Symbols(self.words(open, close, Style::Single)?),
            b'q' => Tok::Str(self.delimited(open, close, Style::Single)?),
            b'Q' => Tok::Str(self.delimited(open, close, Style::Double)?),
            b'r' => {
                let pieces = self.delimited(open, close, Style::Regex)?;
                Tok::Regex(pieces, self.regex_flags()?)
            }
            b's' => Tok::DynSym(self.delimited(open, close, Style::Single)?),
            b'x' => return self.error("`%x` runs a command of the system, which Kelp does not do"),
            _ => return self.error("this percent literal is not known"),
        }))
    }

    fn words(&mut self, open: u8, close: u8, style: Style) -> Result<Vec<Vec<Piece>>, SyntaxError> {
        let mut words = Vec::new();
        for piece in self.delimited(open, close, style)? {
            match piece {
                Piece::Text(text) => {
                    let mut first = true;
                    for word in text.split(u8::is_ascii_whitespace) {
                        let continues = first && !words.is_empty();
                        first = false;
                        if word.is_empty() {
                            words.push(Vec::new());
                        } else if continues {
                            if let Some(last) = words.last_mut() {
                                last.push(Piece::Text(word.to_vec()));
                            }
                        } else {
                            words.push(vec![Piece::Text(word.to_vec())]);
                        }
                    }
                }
                code => match words.last_mut() {
                    Some(last) => last.push(code),
                    None => words.push(vec![code]),
                },
            }
        }
        words.retain(|word| !word.is_empty());
        Ok(words)
    }

    /// The text up to `close`, which is passed.
    fn delimited(&mut self, open: u8, close: u8, style: Style) -> Result<Vec<Piece>, SyntaxError> {
        let start = self.at;
        let delimiters = Delimiters { open, close };
        let (pieces, closed) = self.pieces(Some(&delimiters), style, 0)?;
        if !closed {
            let close = close as char;
            return Err(SyntaxError::new(
                start.saturating_sub(1),
                format!("this literal is not closed: its `{close}` is missing"),
            ));
        }
        Ok(pieces)
    }

    /// Pieces up to the closing delimiter or the limit. After each line break up to `dedent` spaces are left out.
    fn pieces(
        &mut self,
        delimiters: Option<&Delimiters>,
        style: Style,
        dedent: usize,
    ) -> Result<(Vec<Piece>, bool), SyntaxError> {
        let mut pieces = Vec::new();
        let mut text = Vec::new();
        let mut depth = 0;
        let mut closed = false;
        self.skip_indent(dedent);
        while self.at < self.limit {
            let byte = self.byte(0);
            if let Some(delimiters) = delimiters {
                if byte == delimiters.close && depth == 0 {
                    self.at += 1;
                    closed = true;
                    break;
                }
                if delimiters.open != delimiters.close {
                    depth += usize::from(byte == delimiters.open);
                    depth -= usize::from(byte == delimiters.close);
                }
            }
            if byte == b'\\' && self.at + 1 < self.limit {
                self.escape(&mut text, style, delimiters)?;
            } else if byte == b'#' && self.byte(1) == b'{' && style != Style::Single {
                self.at += 2;
                let (start, end) = self.interpolation()?;
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                pieces.push(Piece::Code(start, end));
            } else {
                text.push(byte);
                self.at += 1;
                if byte == b'\n' {
                    self.skip_indent(dedent);
                }
            }
        }
        if !text.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Ok((pieces, closed))
    }

    fn skip_indent(&mut self, dedent: usize) {
        let mut left = dedent;
        while left > 0 && matches!(self.byte(0), b' ' | b'\t') {
            self.at += 1;
            left -= 1;
        }
    }

    /// The code between `#{` and its `}`.
    fn interpolation(&mut self) -> Result<(usize, usize), SyntaxError> {
        let start = self.at;
        let mut depth = 0usize;
        let mut quote = 0u8;
        while self.at < self.limit {
            let byte = self.byte(0);
            match byte {
                b'\\' => self.at += 1,
                _ if quote != 0 => {
                    if byte == b'#' && self.byte(1) == b'{' && quote == b'"' {
                        self.at += 2;
                        self.interpolation()?;
                        continue;
                    }
                    if byte == quote {
                        quote = 0;
                    }
                }
                b'"' | b'\'' => quote = byte,
                b'{' => depth += 1,
                b'}' if depth == 0 => {
                    self.at += 1;
                    return Ok((start, self.at - 1));
                }
                b'}' => depth -= 1,
                _ => {}
            }
            self.at += 1;
        }
        Err(SyntaxError::new(
            start,
            "this interpolation is not closed: its `}` is missing",
        ))
    }

    fn escape(
        &mut self,
        text: &mut Vec<u8>,
        style: Style,
        delimiters: Option<&Delimiters>,
    ) -> Result<(), SyntaxError> {
        let escaped = self.byte(1);
        let is_delimiter =
            delimiters.is_some_and(|one| escaped == one.close || escaped == one.open);
        match style {
            Style::Single => {
                if !(escaped == b'\\' || is_delimiter) {
                    text.push(b'\\');
                }
                text.push(escaped);
                self.at += 2;
            }
            Style::Regex => {
                if !(escaped == b'/' && is_delimiter) {
                    text.push(b'\\');
                }
                text.push(escaped);
                self.at += 2;
            }
            Style::Double => self.double_escape(text)?,
        }
        Ok(())
    }

    fn double_escape(&mut self, text: &mut Vec<u8>) -> Result<(), SyntaxError> {
        let escaped = self.byte(1);
        self.at += 2;
        let simple = match escaped {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b's' => b' ',
            b'e' => 0x1b,
            b'a' => 0x07,
            b'b' => 0x08,
            b'v' => 0x0b,
            b'f' => 0x0c,
            b'\n' => return Ok(()),
            b'x' => {
                let digits = self.while_digits(2, |byte| byte.is_ascii_hexdigit());
                match u8::from_str_radix(digits, 16) {
                    Ok(byte) => byte,
                    Err(_) => return self.error("`\\x` needs hexadecimal digits"),
                }
            }
            b'0'..=b'7' => {
                self.at -= 1;
                let digits = self.while_digits(3, |byte| (b'0'..=b'7').contains(&byte));
                (u32::from_str_radix(digits, 8).unwrap_or(0) & 0xff) as u8
            }
            b'u' => return self.unicode_escape(text),
            other => other,
        };
        text.push(simple);
        Ok(())
    }

    fn while_digits(&mut self, most: usize, is_digit: impl Fn(u8) -> bool) -> &str {
        let start = self.at;
        while self.at - start < most && is_digit(self.byte(0)) {
            self.at += 1;
        }
        &self.source[start..self.at]
    }

    fn unicode_escape(&mut self, text: &mut Vec<u8>) -> Result<(), SyntaxError> {
        let codes: Vec<&str> = if self.byte(0) == b'{' {
            let Some(end) = self.rest().find('}') else {
                return self.error("`\\u{` is not closed");
            };
            let inside = &self.source[self.at + 1..self.at + end];
            self.at += end + 1;
            inside.split_whitespace().collect()
        } else {
            let start = self.at;
            let length = self.while_digits(4, |byte| byte.is_ascii_hexdigit()).len();
            if length != 4 {
                return self.error("`\\u` needs four hexadecimal digits");
            }
            vec![&self.source[start..start + 4]]
        };
        for code in codes {
            let Some(character) = u32::from_str_radix(code, 16).ok().and_then(char::from_u32)
            else {
                return self.error(format!("`{code}` is no character of Unicode"));
            };
            text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        Ok(())
    }

    /// `<<~NAME`, `<<-NAME`, `<<NAME`, the name also in quotes
    fn heredoc(&mut self) -> Result<Option<Tok>, SyntaxError> {
        let mut at = self.at + 2;
        let flavour = self.bytes.get(at).copied().unwrap_or(0);
        if matches!(flavour, b'~' | b'-') {
            at += 1;
        }
        let quote = self
            .bytes
            .get(at)
            .copied()
            .filter(|byte| matches!(byte, b'"' | b'\''));
        at += usize::from(quote.is_some());
        let name_start = at;
        while at < self.limit && (is_name(self.bytes[at])) {
            at += 1;
        }
        let name = &self.source[name_start..at];
        if name.is_empty() || quote.is_some_and(|quote| self.bytes.get(at) != Some(&quote)) {
            return Ok(None);
        }
        at += usize::from(quote.is_some());
        let line_end = self.source[at..self.limit]
            .find('\n')
            .map(|offset| at + offset + 1);
        let Some(body) = self.after_heredocs.or(line_end) else {
            return self.error(format!("the here document `{name}` has no text"));
        };
        let mut end = body;
        let mut dedent = usize::MAX;
        let mut terminated = None;
        for line in self.source[body..self.limit].split_inclusive('\n') {
            let content = line.trim_end_matches(['\n', '\r']);
            let candidate = if flavour == b'~' || flavour == b'-' {
                content.trim_start()
            } else {
                content
            };
            if candidate == name {
                terminated = Some(end + line.len());
                break;
            }
            if !content.trim().is_empty() {
                dedent = dedent.min(content.len() - content.trim_start_matches([' ', '\t']).len());
            }
            end += line.len();
        }
        let Some(after) = terminated else {
            return self.error(format!(
                "the here document is not closed: its `{name}` is missing"
            ));
        };
        let dedent = if flavour == b'~' && dedent != usize::MAX {
            dedent
        } else {
            0
        };
        let style = if quote == Some(b'\'') {
            Style::Single
        } else {
            Style::Double
        };
        let mut inner = Lexer::new(self.source, body, end);
        let (pieces, _) = inner.pieces(None, style, dedent)?;
        self.at = at;
        self.after_heredocs = Some(after);
        Ok(Some(Tok::Str(pieces)))
    }
}

fn is_character_literal(character: u8, next: u8) -> bool {
    character > b' ' && !is_name(next)
}

fn small_or_big(big: &num_bigint::BigInt) -> Tok {
    match i64::try_from(big) {
        Ok(small) => Tok::Int(small),
        Err(_) => Tok::BigInt(big.to_string()),
    }
}

//! Tokens of Ruby. What a character means depends on what stands before it (`/` divides or begins a pattern), so tokens
//! are made one at a time, and the parser says whether a name was a variable.

use super::SyntaxError;
use super::literal::Piece;

/// `$&`, as the number of a group.
pub(crate) const WHOLE_MATCH: u32 = 1000;
/// `` $` ``
pub(crate) const PRE_MATCH: u32 = 1001;
/// `$'`
pub(crate) const POST_MATCH: u32 = 1002;

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tok {
    /// The end of a statement: a line break or `;`.
    Newline,
    End,
    Int(i64),
    BigInt(String),
    Float(f64),
    /// A name in lower case, with its `?` or `!`.
    Ident(String),
    Constant(String),
    /// `@a`, `@@a`, `$a`
    Variable(String),
    /// `$1`; 0 is `$~`
    LastMatch(u32),
    Keyword(&'static str),
    /// `name:` before a value
    Label(String),
    Str(Vec<Piece>),
    /// `"name":` before a value
    StrLabel(Vec<Piece>),
    Sym(String),
    DynSym(Vec<Piece>),
    Regex(Vec<Piece>, String),
    Words(Vec<Vec<Piece>>),
    Symbols(Vec<Vec<Piece>>),
    Op(&'static str),
}

/// A token and how it stands.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) tok: Tok,
    pub(crate) start: usize,
    pub(crate) space_before: bool,
    /// It begins a value: `[` of a literal, `-` of a negative number, `*` of a splat.
    pub(crate) prefix: bool,
}

/// What came before the next token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// A value is expected.
    Value,
    /// A value has ended: an operator is expected.
    Operator,
    /// A method's name, which an argument or an operator may follow.
    Method,
    /// `.`: a name follows, be it a keyword.
    Dot,
    /// `def`
    Def,
}

pub(crate) const KEYWORDS: &[&str] = &[
    "BEGIN",
    "END",
    "__FILE__",
    "__LINE__",
    "__method__",
    "alias",
    "and",
    "begin",
    "break",
    "case",
    "class",
    "def",
    "defined?",
    "do",
    "else",
    "elsif",
    "end",
    "ensure",
    "false",
    "for",
    "if",
    "in",
    "module",
    "next",
    "nil",
    "not",
    "or",
    "redo",
    "rescue",
    "retry",
    "return",
    "self",
    "super",
    "then",
    "true",
    "undef",
    "unless",
    "until",
    "when",
    "while",
    "yield",
];

const OPERATORS: &[&str] = &[
    "**=", "<=>", "===", "...", "<<=", ">>=", "&&=", "||=", "**", "==", "!=", ">=", "<=", "&&",
    "||", "=~", "!~", "..", "::", "+=", "-=", "*=", "/=", "%=", "|=", "&=", "^=", "<<", ">>", "->",
    "=>", "&.", "+", "-", "*", "/", "%", "=", "<", ">", "!", "&", "|", "^", "~", "?", ":", ",",
    ".", "(", ")", "[", "]", "{", "}",
];

/// Where the lexer stands.
#[derive(Clone, Debug)]
pub(crate) struct Lexer<'s> {
    pub(crate) source: &'s str,
    pub(crate) bytes: &'s [u8],
    pub(crate) at: usize,
    pub(crate) limit: usize,
    pub(crate) before: Before,
    /// Behind the bodies of the here documents that began on this line.
    pub(crate) after_heredocs: Option<usize>,
    /// Between `?` and `:` a name or string before a colon is no label.
    pub(crate) no_label: bool,
}

impl<'s> Lexer<'s> {
    pub(crate) fn new(source: &'s str, start: usize, limit: usize) -> Self {
        Self {
            source,
            bytes: source.as_bytes(),
            at: start,
            limit,
            before: Before::Value,
            after_heredocs: None,
            no_label: false,
        }
    }

    pub(crate) fn byte(&self, ahead: usize) -> u8 {
        let at = self.at + ahead;
        if at < self.limit { self.bytes[at] } else { 0 }
    }

    pub(crate) fn error<T>(&self, message: impl Into<String>) -> Result<T, SyntaxError> {
        Err(SyntaxError::new(self.at, message))
    }

    /// The next token.
    pub(crate) fn next(&mut self) -> Result<Token, SyntaxError> {
        let space_before = self.skip_space()?;
        let start = self.at;
        let token = |tok, prefix| Token {
            tok,
            start,
            space_before,
            prefix,
        };
        if self.at >= self.limit {
            return Ok(token(Tok::End, false));
        }
        let byte = self.byte(0);
        if byte == b'\n' || byte == b';' {
            self.newline(byte);
            return Ok(token(Tok::Newline, false));
        }
        let prefix = self.begins_value(space_before);
        if self.before == Before::Dot || self.before == Before::Def {
            if let Some(name) = self.method_name() {
                return Ok(token(name, false));
            }
        } else if let Some(tok) = self.literal(prefix)? {
            return Ok(token(tok, true));
        }
        if let Some(tok) = self.name()? {
            return Ok(token(tok, prefix));
        }
        match self.operator() {
            Some(operator) => Ok(token(Tok::Op(operator), prefix)),
            None => {
                let character = self.source[self.at..].chars().next().unwrap_or(' ');
                self.error(format!("`{character}` has no meaning here"))
            }
        }
    }

    fn newline(&mut self, byte: u8) {
        self.at += 1;
        if byte == b'\n'
            && let Some(after) = self.after_heredocs.take()
        {
            self.at = after;
        }
    }

    /// Skips spaces, comments, joined lines, and line breaks before a line that begins with `.`.
    fn skip_space(&mut self) -> Result<bool, SyntaxError> {
        let mut skipped = false;
        loop {
            match self.byte(0) {
                b' ' | b'\t' | b'\r' | 0x0b | 0x0c => self.at += 1,
                0 if self.at < self.limit => self.at += 1,
                b'\\' if self.byte(1) == b'\n' => self.at += 2,
                b'\\' if self.byte(1) == b'\r' && self.byte(2) == b'\n' => self.at += 3,
                b'#' => {
                    while self.at < self.limit && self.byte(0) != b'\n' {
                        self.at += 1;
                    }
                }
                b'\n' if self.after_heredocs.is_none() && self.chain_continues() => self.at += 1,
                b'=' if self.at_line_start() && self.rest().starts_with("=begin") => {
                    let end = self.rest().find("\n=end");
                    let Some(end) = end else {
                        return self.error("`=begin` has no `=end`");
                    };
                    self.at += end + 5;
                }
                b'_' if self.at_line_start() && self.rest().trim_end() == "__END__" => {
                    self.at = self.limit;
                }
                _ => return Ok(skipped),
            }
            skipped = true;
        }
    }

    fn at_line_start(&self) -> bool {
        self.at == 0 || self.bytes[self.at - 1] == b'\n'
    }

    pub(crate) fn rest(&self) -> &'s str {
        self.source.get(self.at..self.limit).unwrap_or("")
    }

    /// Whether the next line with code begins with `.name` or `&.name`.
    fn chain_continues(&self) -> bool {
        let lines = self.rest()[1..].lines();
        let mut code = lines.map(str::trim_start);
        let next = code.find(|line| !line.is_empty() && !line.starts_with('#'));
        next.is_some_and(|line| {
            line.starts_with("&.") || (line.starts_with('.') && !line.starts_with(".."))
        })
    }

    /// Whether what stands here begins a value rather than continuing one.
    fn begins_value(&self, space_before: bool) -> bool {
        match self.before {
            Before::Value => true,
            Before::Operator | Before::Dot | Before::Def => false,
            Before::Method => {
                let next = self.byte(1);
                let spaced = next == b' ' || next == b'\t' || next == b'\n' || next == b'\r';
                space_before
                    && match self.byte(0) {
                        b'[' => true,
                        b'-' => !spaced && next != b'=',
                        b'*' if next == b'*' => !matches!(self.byte(2), b' ' | b'\t' | b'='),
                        b'*' | b'&' => !spaced && next != b'=' && next != b'&' && next != b'.',
                        b'/' | b'%' => !spaced && next != b'=',
                        b'+' => next.is_ascii_digit(),
                        b':' => next == b'"' || (next == b':' && !spaced) || is_name(next),
                        b'?' => is_name(next) && !is_name(self.byte(2)),
                        b'<' => {
                            next == b'<'
                                && matches!(self.byte(2), b'~' | b'-' | b'A'..=b'Z' | b'"' | b'\'')
                        }
                        b'!' => next != b'=' && next != b'~',
                        b'=' | b'>' | b'|' | b'^' | b'.' | b',' => false,
                        _ => true,
                    }
            }
        }
    }

    fn operator(&mut self) -> Option<&'static str> {
        let rest = self.rest();
        let found = OPERATORS.iter().find(|text| rest.starts_with(**text))?;
        self.at += found.len();
        Some(found)
    }

    /// After a dot or `def`: any word or operator is a name.
    fn method_name(&mut self) -> Option<Tok> {
        let first = self.byte(0);
        if is_name(first) && !first.is_ascii_digit() {
            let mut name = self.word().to_owned();
            let next = self.byte(0);
            if matches!(next, b'?' | b'!') && self.byte(1) != b'=' {
                name.push(next as char);
                self.at += 1;
            }
            let constant = first.is_ascii_uppercase();
            return Some(if constant && self.before == Before::Dot {
                Tok::Constant(name)
            } else {
                Tok::Ident(name)
            });
        }
        None
    }

    fn word(&mut self) -> &'s str {
        let start = self.at;
        while is_name(self.byte(0)) {
            self.at += 1;
        }
        &self.source[start..self.at]
    }

    /// A name, keyword, label or variable.
    fn name(&mut self) -> Result<Option<Tok>, SyntaxError> {
        let first = self.byte(0);
        if first == b'@' || first == b'$' {
            return self.variable().map(Some);
        }
        if !is_name(first) || first.is_ascii_digit() {
            return Ok(None);
        }
        let word = self.word();
        let mut name = word.to_owned();
        let next = self.byte(0);
        let suffix = matches!(next, b'?' | b'!')
            && (self.byte(1) != b'=' || self.byte(2) == b'=' || self.byte(2) == b'~');
        // `a ?b : c` aside, a name takes its question mark along, but not that of `a?b:c`.
        if suffix && !(next == b'?' && self.byte(1) == b':' && self.byte(2) != b':') {
            name.push(next as char);
            self.at += 1;
        }
        if self.byte(0) == b':' && self.byte(1) != b':' && self.label_allowed() {
            self.at += 1;
            return Ok(Some(Tok::Label(name)));
        }
        if let Some(keyword) = KEYWORDS.iter().find(|keyword| **keyword == name) {
            return Ok(Some(Tok::Keyword(keyword)));
        }
        Ok(Some(if first.is_ascii_uppercase() {
            Tok::Constant(name)
        } else {
            Tok::Ident(name)
        }))
    }

    pub(crate) fn label_allowed(&self) -> bool {
        self.before != Before::Operator && !self.no_label
    }

    fn variable(&mut self) -> Result<Tok, SyntaxError> {
        let start = self.at;
        if self.byte(0) == b'$' {
            self.at += 1;
            let byte = self.byte(0);
            if byte.is_ascii_digit() {
                let digits = self.word();
                return match digits.parse() {
                    Ok(number) if number > 0 && number < 1000 => Ok(Tok::LastMatch(number)),
                    _ => self.error(format!("there is no variable `${digits}`")),
                };
            }
            if byte == b'~' {
                self.at += 1;
                return Ok(Tok::LastMatch(0));
            }
            let part = match byte {
                b'&' => Some(WHOLE_MATCH),
                b'`' => Some(PRE_MATCH),
                b'\'' => Some(POST_MATCH),
                _ => None,
            };
            if let Some(part) = part {
                self.at += 1;
                return Ok(Tok::LastMatch(part));
            }
            if !is_name(byte) {
                return self.error("this special variable is not supported");
            }
            self.word();
        } else {
            self.at += if self.byte(1) == b'@' { 2 } else { 1 };
            if !is_name(self.byte(0)) {
                return self.error("`@` has no meaning here");
            }
            self.word();
        }
        Ok(Tok::Variable(self.source[start..self.at].to_owned()))
    }
}

/// Whether a byte can be part of a name.
pub(crate) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

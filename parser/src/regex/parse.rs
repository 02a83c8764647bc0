//! Pattern text to syntax tree, in Oniguruma's Ruby syntax.
//!
//! What is not supported (absent groups, conditionals, recursive calls, look-behind of varying length) is an error
//! that names it and points at it; nothing is silently read as something else.

use super::ast::{Assertion, Node, Repeat, RepeatKind};
use super::class::{self, CharClass};
use super::{Options, RegexError};
use foldhash::fast::RandomState;
use std::collections::{HashMap, HashSet};

/// Deeper nesting than this is an error: it bounds the recursion of everything that walks the tree.
const MAX_DEPTH: u32 = 200;
/// The largest count in `{n,m}` (Oniguruma's own limit).
const MAX_REPEAT: u32 = 100_000;

/// A parsed pattern.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) node: Node,
    /// Capture groups, the whole match not counted.
    pub(super) group_count: u32,
    /// Names in order of first appearance, each with its groups.
    pub(super) names: Vec<(String, Vec<u32>)>,
}

/// Parses a whole pattern.
pub(super) fn parse(pattern: &str, options: Options) -> Result<Parsed, RegexError> {
    // Plain groups do not capture once one group has a name, even a later one. That a pattern looks as if one had is only
    // a guess, which spares most grok patterns a second reading.
    let named = || Parser::new(pattern, options, false).run();
    let guess = pattern.contains("(?<").then(|| named().ok()).flatten();
    let parsed = match guess.filter(|parsed| parsed.named() || !parsed.plain_groups) {
        Some(parsed) => parsed,
        None => {
            let first = Parser::new(pattern, options, true).run()?;
            match first.named() && first.plain_groups {
                true => named()?,
                false => first,
            }
        }
    };
    super::parse_reference::resolve(parsed)
}

/// `\b` or, when `same`, `\B` by the characters of `\w`: `(?a)` has them so.
fn ascii_word_boundary(same: bool) -> Node {
    let word = |behind, negate| Node::Look {
        behind,
        negate,
        node: Box::new(Node::Class(class::word())),
    };
    let from_word = Node::Concat(vec![word(true, false), word(false, !same)]);
    let from_other = Node::Concat(vec![word(true, true), word(false, same)]);
    Node::Alternate(vec![from_word, from_other])
}

/// Which options hold at this point of the pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Flags {
    pub(super) ignore_case: bool,
    pub(super) extended: bool,
    pub(super) multiline: bool,
    /// `(?u)`: `\w \d \s \h` and POSIX brackets are Unicode; without it only the brackets are.
    pub(super) unicode: bool,
    /// `(?a)`: POSIX brackets and `\b` are ASCII, too.
    pub(super) ascii: bool,
}

pub(super) struct Parser<'p> {
    pub(super) pattern: &'p str,
    pub(super) at: usize,
    pub(super) flags: Flags,
    plain_capture: bool,
    depth: u32,
    pub(super) group_count: u32,
    pub(super) plain_groups: bool,
    pub(super) names: Vec<(String, Vec<u32>)>,
    /// References are resolved when all groups are known: placeholders in the tree hold an index into this.
    pub(super) references: Vec<super::parse_reference::Reference>,
    pub(super) root: Node,
    /// The sets so far: a long pattern may have one thousands of times, each with hundreds of ranges.
    classes: HashSet<CharClass, RandomState>,
    /// The bracketed ones by what stands after their `[`, up to their `]`.
    pub(super) brackets: HashMap<(&'p str, Flags), Node, RandomState>,
}

impl<'p> Parser<'p> {
    fn new(pattern: &'p str, options: Options, plain_capture: bool) -> Parser<'p> {
        let Options {
            multiline,
            ignore_case,
            extended,
        } = options;
        Parser {
            pattern,
            at: 0,
            flags: Flags {
                ignore_case,
                extended,
                multiline,
                unicode: false,
                ascii: false,
            },
            plain_capture,
            depth: 0,
            group_count: 0,
            plain_groups: false,
            names: Vec::new(),
            references: Vec::new(),
            root: Node::Empty,
            classes: HashSet::default(),
            brackets: HashMap::default(),
        }
    }

    /// The set, in the one copy that the pattern has of it.
    pub(super) fn shared(&mut self, class: CharClass) -> CharClass {
        match self.classes.get(&class) {
            Some(known) => known.clone(),
            None => {
                self.classes.insert(class.clone());
                class
            }
        }
    }

    fn run(mut self) -> Result<Parser<'p>, RegexError> {
        self.root = self.alternatives()?;
        if self.at < self.pattern.len() {
            return Err(self.error(self.at, "unmatched close parenthesis"));
        }
        Ok(self)
    }

    fn named(&self) -> bool {
        !self.names.is_empty()
    }

    /// Alternatives up to a `)` or the end of the pattern.
    fn alternatives(&mut self) -> Result<Node, RegexError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(self.at, "the pattern is nested too deeply"));
        }
        let mut branches = vec![self.sequence()?];
        while self.eat("|") {
            branches.push(self.sequence()?);
        }
        self.depth -= 1;
        Ok(if branches.len() == 1 {
            branches.remove(0)
        } else {
            Node::Alternate(branches)
        })
    }

    fn sequence(&mut self) -> Result<Node, RegexError> {
        let mut nodes = Vec::new();
        while let Some(next) = self.peek() {
            match next {
                '|' | ')' => break,
                '*' | '+' | '?' => {
                    return Err(self.error(self.at, "target of repeat operator is not specified"));
                }
                _ if self.flags.extended && self.skip_extended() => continue,
                _ if self.eat("(?#") => self.skip_comment()?,
                '{' if self.interval().is_some() => {
                    return Err(self.error(self.at, "target of repeat operator is not specified"));
                }
                _ => {
                    if let Some(text) = self.plain_text() {
                        nodes.push(Node::Literal(text.to_owned()));
                        continue;
                    }
                    let atom = self.atom()?;
                    let atom = self.quantifiers(atom)?;
                    nodes.push(atom);
                }
            }
        }
        Ok(if self.flags.ignore_case {
            super::parse_case::expand(nodes)
        } else {
            Node::Concat(nodes)
        })
    }

    /// Letters, digits and the like that stand for themselves, none of them quantified.
    fn plain_text(&mut self) -> Option<&'p str> {
        if self.flags.ignore_case || self.flags.extended {
            return None;
        }
        let rest = &self.pattern[self.at..];
        let is_plain = |byte: &u8| byte.is_ascii() && !b"()[{*+?|.^$\\".contains(byte);
        let length = rest.bytes().take_while(is_plain).count();
        // A quantifier would be for the last character alone.
        let length = match rest.as_bytes().get(length) {
            Some(b'*' | b'+' | b'?' | b'{' | b'(') => length.saturating_sub(1),
            _ => length,
        };
        self.at += length;
        (length > 0).then_some(&rest[..length])
    }

    /// Skips white space and a `#` comment in extended mode; says whether it skipped anything.
    fn skip_extended(&mut self) -> bool {
        let begin = self.at;
        let rest = &self.pattern[self.at..];
        self.at += rest.len()
            - rest
                .trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c'])
                .len();
        if self.eat("#") {
            let rest = &self.pattern[self.at..];
            self.at += rest.find('\n').map_or(rest.len(), |newline| newline + 1);
        }
        self.at > begin
    }

    fn skip_comment(&mut self) -> Result<(), RegexError> {
        let begin = self.at - 3;
        loop {
            match self.bump() {
                Some(')') => return Ok(()),
                Some('\\') => drop(self.bump()),
                Some(_) => {}
                None => {
                    return Err(self.error(begin, "end of pattern in group: `(?#` is never closed"));
                }
            }
        }
    }

    fn atom(&mut self) -> Result<Node, RegexError> {
        let begin = self.at;
        let Some(next) = self.bump() else {
            return Ok(Node::Empty);
        };
        match next {
            '(' => self.group(begin),
            '[' => self.bracket_class(begin),
            '.' if self.flags.multiline => Ok(Node::Class(CharClass::any())),
            '.' => Ok(Node::Class(class::not_newline())),
            '^' => Ok(Node::Assert(Assertion::LineStart)),
            '$' => Ok(Node::Assert(Assertion::LineEnd)),
            '\\' => self.escape(begin),
            literal => Ok(self.literal(literal)),
        }
    }

    /// A character that stands for itself (case folding happens later, over whole sequences).
    pub(super) fn literal(&self, character: char) -> Node {
        Node::Literal(character.to_string())
    }

    fn escape(&mut self, begin: usize) -> Result<Node, RegexError> {
        let Some(next) = self.peek() else {
            return Err(self.error(begin, "end of pattern after a backslash"));
        };
        let assertion = match next {
            'A' => Some(Assertion::TextStart),
            'z' => Some(Assertion::TextEnd),
            'Z' => Some(Assertion::TextEndNewline),
            'b' => Some(Assertion::WordBoundary),
            'B' => Some(Assertion::NotWordBoundary),
            'G' => Some(Assertion::SearchStart),
            _ => None,
        };
        if let Some(assertion) = assertion {
            self.bump();
            return Ok(match assertion {
                Assertion::WordBoundary if self.flags.ascii => ascii_word_boundary(false),
                Assertion::NotWordBoundary if self.flags.ascii => ascii_word_boundary(true),
                other => Node::Assert(other),
            });
        }
        match next {
            'K' => {
                self.bump();
                Ok(Node::Keep)
            }
            'R' => {
                self.bump();
                Ok(line_break())
            }
            'X' => Err(self.unsupported(begin, self.at + 1, "`\\X` (grapheme cluster)")),
            'k' | 'g' | '1'..='9' => match self.reference(begin)? {
                Some(node) => Ok(node),
                None => self.escaped_character(begin),
            },
            _ => self.escaped_character(begin),
        }
    }

    fn escaped_character(&mut self, begin: usize) -> Result<Node, RegexError> {
        match self.class_or_character(begin)? {
            Escaped::Class(class) => Ok(Node::Class(self.shared(class))),
            Escaped::Character(character) => Ok(self.literal(character)),
        }
    }

    fn quantifiers(&mut self, mut atom: Node) -> Result<Node, RegexError> {
        loop {
            loop {
                if self.eat("(?#") {
                    self.skip_comment()?;
                } else if !(self.flags.extended && self.skip_extended()) {
                    break;
                }
            }
            let begin = self.at;
            let (min, max, interval) = match self.peek() {
                Some('*') => (0, None, None),
                Some('+') => (1, None, None),
                Some('?') => (0, Some(1), None),
                Some('{') => match self.interval() {
                    Some((min, max, end)) => (min, max, Some(end)),
                    None => return Ok(atom),
                },
                _ => return Ok(atom),
            };
            self.at = interval.unwrap_or(begin + 1);
            if min.max(max.unwrap_or(0)) > MAX_REPEAT {
                return Err(RegexError::new(
                    "too big number in repeat range (at most 100000)",
                    begin..self.at,
                ));
            }
            if max.is_some_and(|max| max < min) {
                return Err(RegexError::new(
                    "the repeat range ends before it begins",
                    begin..self.at,
                ));
            }
            // `a{n}?` is an optional `a{n}`, not a lazy one; `{n,m}+` repeats the repeat, it is not possessive.
            let fixed = interval.is_some() && max == Some(min);
            let kind = if !fixed && self.eat("?") {
                RepeatKind::Lazy
            } else if interval.is_none() && self.eat("+") {
                RepeatKind::Possessive
            } else {
                RepeatKind::Greedy
            };
            atom = Node::Repeat(Repeat {
                node: Box::new(atom),
                min,
                max,
                kind,
            });
        }
    }

    /// `{n}`, `{n,}`, `{,m}` or `{n,m}` at this position: the bounds and where it ends. Anything else is literal text.
    fn interval(&self) -> Option<(u32, Option<u32>, usize)> {
        let rest = self.pattern[self.at..].strip_prefix('{')?;
        let close = rest.find('}')?;
        let number = |text: &str| match text {
            "" => Some(None),
            digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(Some(digits.parse().unwrap_or(u32::MAX)))
            }
            _ => None,
        };
        let (min, max) = match rest[..close].split_once(',') {
            None => {
                let count = number(&rest[..close])??;
                (count, Some(count))
            }
            Some((low, high)) => match (number(low)?, number(high)?) {
                (None, None) => return None,
                (low, high) => (low.unwrap_or(0), high),
            },
        };
        Some((min, max, self.at + close + 2))
    }

    fn group(&mut self, begin: usize) -> Result<Node, RegexError> {
        if !self.eat("?") {
            self.plain_groups = true;
            if !self.plain_capture {
                return self.group_body(begin);
            }
            return self.capture(begin);
        }
        let look = |behind, negate| {
            move |node| Node::Look {
                behind,
                negate,
                node: Box::new(node),
            }
        };
        if self.eat(":") {
            self.group_body(begin)
        } else if self.eat(">") {
            Ok(Node::Atomic(Box::new(self.group_body(begin)?)))
        } else if self.eat("=") {
            self.group_body(begin).map(look(false, false))
        } else if self.eat("!") {
            self.group_body(begin).map(look(false, true))
        } else if self.eat("<=") {
            self.group_body(begin).map(look(true, false))
        } else if self.eat("<!") {
            self.group_body(begin).map(look(true, true))
        } else if self.eat("<") {
            self.named_capture(begin, '>')
        } else if self.eat("'") {
            self.named_capture(begin, '\'')
        } else if self.eat("~") {
            Err(self.unsupported(begin, self.at, "the absent operator `(?~...)`"))
        } else if self.eat("(") {
            Err(self.unsupported(begin, self.at, "the conditional `(?(...)...)`"))
        } else {
            self.option_group(begin)
        }
    }

    fn group_body(&mut self, begin: usize) -> Result<Node, RegexError> {
        let flags = self.flags;
        let node = self.alternatives()?;
        self.flags = flags;
        if !self.eat(")") {
            return Err(self.error(begin, "end of pattern with unmatched parenthesis"));
        }
        Ok(node)
    }

    fn capture(&mut self, begin: usize) -> Result<Node, RegexError> {
        self.group_count += 1;
        let group = self.group_count;
        Ok(Node::Capture {
            group,
            node: Box::new(self.group_body(begin)?),
        })
    }

    fn named_capture(&mut self, begin: usize, close: char) -> Result<Node, RegexError> {
        let rest = &self.pattern[self.at..];
        let Some(length) = rest
            .find([close, ')'])
            .filter(|&end| rest[end..].starts_with(close))
        else {
            return Err(self.error(begin, "the group name is never closed"));
        };
        let name = &rest[..length];
        if name.is_empty() {
            return Err(self.error(begin, "group name is empty"));
        }
        if name.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            return Err(RegexError::new(
                format!("invalid group name <{name}>"),
                self.at..self.at + length,
            ));
        }
        self.at += length + close.len_utf8();
        let group = self.group_count + 1;
        match self.names.iter_mut().find(|(known, _)| known == name) {
            Some((_, groups)) => groups.push(group),
            None => self.names.push((name.to_owned(), vec![group])),
        }
        self.capture(begin)
    }

    /// `(?imx-imx)` and `(?imx-imx:...)`, after the `(?`.
    fn option_group(&mut self, begin: usize) -> Result<Node, RegexError> {
        let outer = self.flags;
        let mut on = true;
        loop {
            match self.bump() {
                Some('-') => on = false,
                Some('i') => self.flags.ignore_case = on,
                Some('m') => self.flags.multiline = on,
                Some('x') => self.flags.extended = on,
                Some(range @ ('u' | 'a' | 'd')) if on => {
                    self.flags.unicode = range == 'u';
                    self.flags.ascii = range == 'a';
                }
                Some(':') => {
                    let node = self.group_body(begin)?;
                    self.flags = outer;
                    return Ok(node);
                }
                // The options hold to the end of the enclosing group, and its later alternatives belong to them:
                // `a(?i)b|c` is `a(?i:b|c)`.
                Some(')') => {
                    let node = self.alternatives()?;
                    self.flags = outer;
                    return Ok(node);
                }
                _ => return Err(RegexError::new("undefined group option", begin..self.at)),
            }
        }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.pattern[self.at..].chars().next()
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    pub(super) fn eat(&mut self, text: &str) -> bool {
        let here = self.pattern[self.at..].starts_with(text);
        if here {
            self.at += text.len();
        }
        here
    }

    /// An error about what begins at `begin`, up to where the parser stands.
    pub(super) fn error(&self, begin: usize, message: &str) -> RegexError {
        let end = self.at.max(
            begin
                + self.pattern[begin..]
                    .chars()
                    .next()
                    .map_or(0, char::len_utf8),
        );
        RegexError::new(message, begin..end)
    }

    pub(super) fn unsupported(&self, begin: usize, end: usize, what: &str) -> RegexError {
        RegexError::new(format!("{what} is not supported"), begin..end)
    }
}

/// What an escape denotes.
pub(super) enum Escaped {
    Class(CharClass),
    Character(char),
}

/// `\R`: `(?>\r\n|[\n-\r\x85\u2028\u2029])`.
fn line_break() -> Node {
    let single = CharClass::range('\n', '\r')
        .union(CharClass::single('\u{85}'))
        .union(CharClass::range('\u{2028}', '\u{2029}'));
    Node::Atomic(Box::new(Node::Alternate(vec![
        Node::Literal("\r\n".to_owned()),
        Node::Class(single),
    ])))
}

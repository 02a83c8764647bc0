//! From a text without syntax errors to its layout.

use super::{Branch, Comment, Content, Entry, Group, Value};
use crate::config::cursor::Cursor;
use crate::config::source::FileId;

/// Reads the layout of `text`, which must have no syntax errors.
pub(super) fn read(file: FileId, text: &str) -> Group<'_> {
    let mut reader = Reader {
        cursor: Cursor::new(file, text),
        stray: Vec::new(),
    };
    reader.group(Kind::File)
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    File,
    Block,
    Pairs,
    List,
}

struct Reader<'s> {
    cursor: Cursor<'s>,
    /// Comments inside the entry that is being read; they move before it.
    stray: Vec<&'s str>,
}

/// White space and comments between two pieces.
struct Trivia<'s> {
    /// Each with the number of line breaks before it.
    comments: Vec<(usize, &'s str)>,
    /// Line breaks after the last comment.
    breaks: usize,
}

impl<'s> Reader<'s> {
    /// Entries up to and with the closing bracket, or the end of the file.
    fn group(&mut self, kind: Kind) -> Group<'s> {
        let mut group = Group {
            broken: matches!(kind, Kind::File | Kind::Block),
            ..Group::default()
        };
        let mut leading: Vec<Comment<'s>> = Vec::new();
        let mut joined = kind == Kind::List;
        loop {
            let trivia = self.trivia();
            let breaks = trivia.breaks > 0 || !trivia.comments.is_empty();
            group.broken |= breaks;
            joined &= !breaks;
            let mut spaced = trivia.breaks > 1;
            for (breaks, text) in trivia.comments {
                // The line break that ends a comment is its own.
                let behind = breaks == 0 && leading.is_empty();
                match group.entries.last_mut() {
                    Some(entry) if behind => entry.trailing.push(text),
                    None if behind && kind != Kind::File => group.opening.push(text),
                    _ => {
                        let first = leading.is_empty() && group.entries.is_empty();
                        let spaced = breaks > 1 && !first;
                        leading.push(Comment { text, spaced });
                    }
                }
            }
            if self.cursor.eat(",") {
                continue;
            }
            if self.cursor.at_end() || self.cursor.eat("}") || self.cursor.eat("]") {
                group.closing = leading;
                break;
            }
            spaced &= !group.entries.is_empty() || !leading.is_empty();
            let mut entry = self.entry(kind, std::mem::take(&mut leading), spaced);
            entry.joined = joined && entry.leading.is_empty() && !group.entries.is_empty();
            joined = kind == Kind::List;
            group.entries.push(entry);
        }
        let comments = |entry: &Entry| !entry.leading.is_empty() || !entry.trailing.is_empty();
        group.broken |= group.entries.iter().any(comments);
        let empty =
            group.entries.is_empty() && group.opening.is_empty() && group.closing.is_empty();
        group.broken &= !empty;
        group
    }

    fn entry(&mut self, kind: Kind, mut leading: Vec<Comment<'s>>, spaced: bool) -> Entry<'s> {
        let outer = std::mem::take(&mut self.stray);
        let content = match kind {
            Kind::File => Content::Named(self.word(), self.braces(Kind::Block)),
            Kind::Block if self.at_if() => Content::Branches(self.branches()),
            Kind::Block => Content::Named(self.word(), self.braces(Kind::Pairs)),
            Kind::Pairs => {
                let key = self.word();
                self.skip();
                self.cursor.eat("=>");
                self.skip();
                Content::Pair(key, self.value())
            }
            Kind::List => Content::Element(self.value()),
        };
        let stray = std::mem::replace(&mut self.stray, outer);
        let mut spaced = spaced;
        for text in stray {
            let spaced = std::mem::take(&mut spaced);
            leading.push(Comment { text, spaced });
        }
        Entry {
            leading,
            spaced,
            joined: false,
            content,
            trailing: Vec::new(),
        }
    }

    /// What stands between braces. The cursor stands before the opening one.
    fn braces(&mut self, kind: Kind) -> Group<'s> {
        self.skip();
        self.cursor.eat("{");
        self.group(kind)
    }

    fn value(&mut self) -> Value<'s> {
        if self.cursor.eat("[") {
            return Value::List(self.group(Kind::List));
        }
        if self.cursor.eat("{") {
            return Value::Hash(self.group(Kind::Pairs));
        }
        let word = self.word();
        if self.cursor.after_trivia().looking_at("{") {
            return Value::Plugin(word, self.braces(Kind::Pairs));
        }
        Value::Plain(word)
    }

    /// A string, name, word or number.
    fn word(&mut self) -> &'s str {
        let start = self.cursor.at;
        if matches!(self.cursor.peek(), Some('"' | '\'')) {
            self.cursor.delimited();
        } else {
            let length = self.cursor.name().len().max(self.cursor.number().len());
            self.cursor.at += length;
            if length == 0 {
                // Not reached without syntax errors; moving on keeps every loop finite.
                self.cursor.skip_char();
            }
        }
        &self.cursor.text[start..self.cursor.at]
    }

    fn at_if(&self) -> bool {
        let mut after = self.cursor.clone();
        after.eat("if") && after.name().is_empty()
    }

    fn branches(&mut self) -> Vec<Branch<'s>> {
        let mut branches: Vec<Branch<'s>> = Vec::new();
        let mut leading = Vec::new();
        loop {
            let keyword = if branches.is_empty() { "if" } else { "else if" };
            let conditional = self.cursor.eat("if");
            // Comments inside the first condition move before the whole; inside a later one, before its `else`.
            let outer = std::mem::take(&mut self.stray);
            let head = if conditional {
                self.condition(keyword)
            } else {
                vec!["else".to_owned()]
            };
            let body = self.braces(Kind::Block);
            let stray = std::mem::replace(&mut self.stray, outer);
            if branches.is_empty() {
                self.stray.extend(stray);
            } else {
                leading.extend(stray);
            }
            let leading_here = std::mem::take(&mut leading);
            branches.push(Branch {
                leading: leading_here,
                head,
                body,
            });
            let ahead = self.cursor.after_trivia();
            if !conditional || !(ahead.at_word("else") || ahead.at_word("elseif")) {
                return branches;
            }
            leading.extend(self.trivia().comments.into_iter().map(|(_, text)| text));
            self.cursor.eat("else");
            leading.extend(self.trivia().comments.into_iter().map(|(_, text)| text));
        }
    }

    /// A condition up to its brace, in one line but for breaks before `and` and `or`.
    fn condition(&mut self, keyword: &str) -> Vec<String> {
        let mut lines = vec![keyword.to_owned()];
        let mut glued = false;
        loop {
            let mut breaks = self.skip();
            if self.cursor.looking_at("{") || self.cursor.at_end() {
                return lines;
            }
            let piece = self.piece();
            if matches!(piece, "and" | "or" | "xor" | "nand") {
                breaks += self.skip();
                if breaks > 0 {
                    lines.push(piece.to_owned());
                    continue;
                }
            }
            if let Some(line) = lines.last_mut() {
                if !glued && !matches!(piece, ")" | "]" | ",") {
                    line.push(' ');
                }
                line.push_str(piece);
            }
            glued = matches!(piece, "(" | "[" | "!");
        }
    }

    /// An operand, operator, bracket or word of a condition.
    fn piece(&mut self) -> &'s str {
        const OPERATORS: [&str; 8] = ["==", "!=", "<=", ">=", "=~", "!~", "<", ">"];
        let start = self.cursor.at;
        let operator = OPERATORS.iter().find(|sign| self.cursor.looking_at(sign));
        let selector = self.cursor.selector().len();
        if let Some(operator) = operator {
            self.cursor.at += operator.len();
        } else if selector > 0 {
            self.cursor.at += selector;
        } else if self.cursor.looking_at("/") {
            self.cursor.delimited();
        } else if matches!(self.cursor.peek(), Some('(' | ')' | '[' | ']' | ',' | '!')) {
            self.cursor.skip_char();
        } else if self.cursor.bareword().is_empty() {
            self.word();
        } else {
            self.cursor.at += self.cursor.bareword().len();
        }
        &self.cursor.text[start..self.cursor.at]
    }

    /// Steps over white space inside an entry and remembers its comments; the number of line breaks.
    fn skip(&mut self) -> usize {
        let trivia = self.trivia();
        let breaks = trivia.breaks + trivia.comments.len();
        self.stray
            .extend(trivia.comments.into_iter().map(|(_, text)| text));
        breaks
    }

    fn trivia(&mut self) -> Trivia<'s> {
        let mut comments = Vec::new();
        let mut breaks = 0;
        loop {
            match self.cursor.peek() {
                Some('\n') => {
                    breaks += 1;
                    self.cursor.skip_char();
                }
                Some(' ' | '\t' | '\r') => self.cursor.skip_char(),
                Some('#') => {
                    let start = self.cursor.at;
                    self.cursor.at = self.cursor.line_end(start);
                    comments.push((breaks, self.cursor.text[start..self.cursor.at].trim_end()));
                    breaks = 0;
                }
                _ => return Trivia { comments, breaks },
            }
        }
    }
}

//! From a layout to its text.

use super::{Comment, Content, Entry, Group, Value};

/// Writes the layout of a whole file.
pub(super) fn print(file: &Group, newline: &str) -> String {
    let mut printer = Printer {
        text: String::new(),
        newline,
        list: false,
    };
    printer.lines(file, 0);
    // Every line starts with its break; the file does not.
    let mut text = printer
        .text
        .split_off(printer.text.len().min(newline.len()));
    if !text.is_empty() {
        text += newline;
    }
    text
}

struct Printer<'n> {
    text: String,
    newline: &'n str,
    /// Whether the entries being written are elements of a list.
    list: bool,
}

impl Printer<'_> {
    fn line(&mut self, indent: usize, spaced: bool) {
        if spaced {
            self.text += self.newline;
        }
        self.text += self.newline;
        self.text.extend(std::iter::repeat_n(' ', indent));
    }

    fn comments(&mut self, comments: &[Comment], indent: usize) {
        for comment in comments {
            self.line(indent, comment.spaced);
            self.text += comment.text;
        }
    }

    /// Brackets and what stands between them.
    fn group(&mut self, group: &Group, brackets: [&str; 2], indent: usize) {
        let outer = std::mem::replace(&mut self.list, brackets[0] == "[");
        let space = if self.list { "" } else { " " };
        self.text += brackets[0];
        if group.broken {
            for comment in &group.opening {
                self.text.push(' ');
                self.text += comment;
            }
            self.lines(group, indent + 2);
            self.line(indent, false);
        } else {
            for (index, entry) in group.entries.iter().enumerate() {
                if index > 0 && self.list {
                    self.text += ", ";
                } else {
                    self.text += if index > 0 { " " } else { space };
                }
                self.content(&entry.content, indent);
            }
            self.text += space;
        }
        self.text += brackets[1];
        self.list = outer;
    }

    /// Entries and comments, each in its line.
    fn lines(&mut self, group: &Group, indent: usize) {
        let list = self.list;
        for (index, entry) in group.entries.iter().enumerate() {
            self.entry(entry, indent, list && index + 1 < group.entries.len());
        }
        self.comments(&group.closing, indent);
    }

    fn entry(&mut self, entry: &Entry, indent: usize, comma: bool) {
        self.comments(&entry.leading, indent);
        if entry.joined {
            self.text.push(' ');
        } else {
            self.line(indent, entry.spaced);
        }
        self.content(&entry.content, indent);
        if comma {
            self.text.push(',');
        }
        for comment in &entry.trailing {
            self.text.push(' ');
            self.text += comment;
        }
    }

    fn content(&mut self, content: &Content, indent: usize) {
        match content {
            Content::Named(name, group) => {
                self.text += name;
                self.text.push(' ');
                self.group(group, ["{", "}"], indent);
            }
            Content::Branches(branches) => {
                for (index, branch) in branches.iter().enumerate() {
                    if index > 0 && branch.leading.is_empty() {
                        self.text.push(' ');
                    } else if index > 0 {
                        for comment in &branch.leading {
                            self.line(indent, false);
                            self.text += comment;
                        }
                        self.line(indent, false);
                    }
                    for (index, line) in branch.head.iter().enumerate() {
                        if index > 0 {
                            self.line(indent + 4, false);
                        }
                        self.text += line;
                    }
                    self.text.push(' ');
                    self.group(&branch.body, ["{", "}"], indent);
                }
            }
            Content::Pair(key, value) => {
                self.text += key;
                self.text += " => ";
                self.value(value, indent);
            }
            Content::Element(value) => self.value(value, indent),
        }
    }

    fn value(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Plain(text) => self.text += text,
            Value::List(group) => self.group(group, ["[", "]"], indent),
            Value::Hash(group) => self.group(group, ["{", "}"], indent),
            Value::Plugin(name, group) => {
                self.text += name;
                self.text.push(' ');
                self.group(group, ["{", "}"], indent);
            }
        }
    }
}

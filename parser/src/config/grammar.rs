//! The grammar of sections, statements and plugins, by recursive descent; values and conditions have their own files.
//!
//! It accepts what `lscl_grammar.treetop` of Logstash accepts. After an error it goes on at the next plausible place, guided by
//! braces and indentation, so that one run finds every mistake. It must not know any plugin.

use super::ast::{Branch, Config, If, Plugin, Section, SectionKind, Setting, Spanned, Statement};
use super::cursor::Cursor;
use super::diagnostic::Diagnostic;
use super::mistakes;
use super::source::{FileId, SourceMap, Span};

/// How a configuration is to be read.
#[derive(Clone, Debug, Default)]
pub struct ParseOptions {
    /// `config.support_escapes`: process `\n`, `\"` and their like in strings. Off by default, as in Logstash.
    pub support_escapes: bool,
}

/// Reads every file of `sources`, in order, and reports all their mistakes at once.
///
/// With an error among the diagnostics the tree is incomplete, but fit for further checks: what could not be read is left out,
/// and a condition that could not be read is the field reference `[?]`. Each file must be complete in itself.
pub fn parse(sources: &SourceMap, options: &ParseOptions) -> (Config, Vec<Diagnostic>) {
    let mut config = Config::default();
    let mut diagnostics = Vec::new();
    for file in sources.files() {
        let (sections, mut found) = parse_file(sources, file, options);
        config.sections.extend(sections);
        diagnostics.append(&mut found);
    }
    (config, diagnostics)
}

/// Reads one file.
pub(super) fn parse_file(
    sources: &SourceMap,
    file: FileId,
    options: &ParseOptions,
) -> (Vec<Section>, Vec<Diagnostic>) {
    let mut parser = Parser::new(sources, file, options);
    (parser.file(), parser.diagnostics)
}

/// Said by a part of the grammar that could not make sense of the text, after it reported so.
pub(super) struct Abandoned;

pub(super) type Parsed<T> = Result<T, Abandoned>;

pub(super) struct Parser<'s> {
    pub(super) cursor: Cursor<'s>,
    pub(super) options: &'s ParseOptions,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The last string that runs over a line break or has an escaped quote: if what sticks to its end makes no sense, it was meant
    /// to end earlier.
    pub(super) long_string: Option<Span>,
    /// The opening braces, brackets and parentheses that are not closed yet.
    pub(super) open: Vec<Span>,
    /// The first brace whose closing brace stands further left than it should.
    pub(super) suspect: Option<(Span, Span)>,
    /// A missing brace was reported; every open block ends here.
    pub(super) unwinding: bool,
    /// After an error, the end of a block was missed: braces cannot be trusted until the next section.
    pub(super) lost: bool,
}

impl<'s> Parser<'s> {
    fn new(sources: &'s SourceMap, file: FileId, options: &'s ParseOptions) -> Self {
        Self {
            cursor: Cursor::new(file, sources.text(file)),
            options,
            diagnostics: Vec::new(),
            long_string: None,
            open: Vec::new(),
            suspect: None,
            unwinding: false,
            lost: false,
        }
    }

    fn file(&mut self) -> Vec<Section> {
        let mut sections: Vec<Section> = Vec::new();
        if let Some(diagnostic) = mistakes::not_a_pipeline(&self.cursor) {
            self.report(diagnostic);
            return sections;
        }
        // Of a run of misplaced statements, only the first is reported.
        let mut misplaced = false;
        loop {
            self.skip_trivia();
            if self.cursor.at_end() {
                return sections;
            }
            if let Some(kind) = section_start(&self.cursor) {
                misplaced = false;
                sections.push(self.section(kind));
                continue;
            }
            if !misplaced {
                let before = sections.last().map(|section| section.span);
                self.report(mistakes::outside_of_a_section(&self.cursor, before));
            }
            misplaced = true;
            self.skip_to_section();
        }
    }

    fn section(&mut self, kind: SectionKind) -> Section {
        self.open.clear();
        self.suspect = None;
        self.unwinding = false;
        self.lost = false;
        let start = self.cursor.at;
        self.cursor.at += self.cursor.name().len();
        self.skip_trivia();
        let body = self.block();
        Section {
            kind,
            body,
            span: self.cursor.span(start, self.cursor.at),
        }
    }

    /// Statements between braces. The cursor stands at the opening one.
    fn block(&mut self) -> Vec<Statement> {
        let indent = self.cursor.indent(self.cursor.at);
        match self.open("{") {
            Ok(()) => self.statements(indent),
            Err(Abandoned) => Vec::new(),
        }
    }

    /// Statements up to a closing brace.
    fn statements(&mut self, indent: usize) -> Vec<Statement> {
        let mut body = Vec::new();
        loop {
            self.skip_trivia();
            if self.at_close("}") {
                return body;
            }
            let start = self.cursor.at;
            match self.statement() {
                Ok(Some(statement)) => body.push(statement),
                Ok(None) => {}
                Err(Abandoned) => {
                    self.resync(indent, statement_start, false);
                }
            }
            if self.cursor.at == start && !self.unwinding && self.cursor.peek() != Some('}') {
                self.cursor.skip_char();
            }
        }
    }

    /// A plugin or a branch; nothing where a mistake was reported and the text stepped over.
    fn statement(&mut self) -> Parsed<Option<Statement>> {
        if keyword_if(&self.cursor) {
            return self.branches().map(|chain| Some(Statement::If(chain)));
        }
        let start = self.cursor.at;
        let name = self.cursor.name();
        let name = if name.is_empty() && matches!(self.cursor.peek(), Some('"' | '\'')) {
            let quoted = self.string()?;
            self.report(mistakes::quoted_plugin_name(quoted.span, &quoted.node));
            quoted
        } else {
            self.cursor.at += name.len();
            Spanned {
                node: name.to_owned(),
                span: self.cursor.span(start, start + name.len()),
            }
        };
        if !name.node.is_empty() && self.cursor.after_trivia().looking_at("{") {
            if name.node == "else" {
                self.report(mistakes::stray_else(name.span));
                self.skip_trivia();
                self.block();
                return Ok(None);
            }
            self.skip_trivia();
            return Ok(Some(Statement::Plugin(self.plugin(name))));
        }
        let next = self.cursor.after_trivia();
        if !name.node.is_empty() && next.first_in_line(next.at) && setting_start(&next) {
            self.report(mistakes::no_brace_after_plugin(name.span, &name.node));
            self.open.push(name.span);
            return Ok(Some(Statement::Plugin(self.settings(name))));
        }
        self.cursor.at = start;
        self.fail(mistakes::not_a_statement)
    }

    /// `if ... { } else if ... { } else { }`. The cursor stands at `if`.
    fn branches(&mut self) -> Parsed<If> {
        let mut branches = Vec::new();
        let mut keyword = self.cursor.span(self.cursor.at, self.cursor.at + 2);
        self.cursor.at += 2;
        loop {
            branches.push(self.branch(keyword)?);
            let mut ahead = self.cursor.after_trivia();
            let more =
                ahead.at_word("else") || ahead.at_word("elseif") || mistakes::at_elsif(&ahead);
            if self.unwinding || !more {
                break;
            }
            let start = ahead.at;
            if mistakes::at_elsif(&ahead) {
                let word = ahead.span(start, start + ahead.name().len());
                self.report(mistakes::elsif(word, ahead.slice(word)));
                ahead.at = word.end as usize;
            } else {
                ahead.at += 4;
                let after_else = ahead.after_trivia();
                if after_else.looking_at("{") {
                    self.cursor = after_else;
                    let otherwise = Some(self.block());
                    return Ok(If {
                        branches,
                        otherwise,
                    });
                }
                ahead = after_else;
                if !ahead.eat("if") {
                    let word = ahead.span(start, start + 4);
                    if !ahead.first_in_line(ahead.at) {
                        self.cursor = ahead;
                        return self.fail(mistakes::else_without_brace);
                    }
                    self.report(mistakes::no_brace_after_else(word));
                    self.cursor = ahead;
                    self.open.push(word);
                    let otherwise = Some(self.statements(self.cursor.indent(start)));
                    return Ok(If {
                        branches,
                        otherwise,
                    });
                }
            }
            keyword = ahead.span(start, ahead.at);
            self.cursor = ahead;
        }
        Ok(If {
            branches,
            otherwise: None,
        })
    }

    /// A condition and its block.
    fn branch(&mut self, keyword: Span) -> Parsed<Branch> {
        self.skip_trivia();
        let start = self.cursor.at;
        let condition = if self.cursor.looking_at("{") {
            self.report(mistakes::no_condition(keyword));
            None
        } else {
            let condition = self.condition().ok();
            if condition.is_none() {
                self.skip_to_block()?;
            }
            condition
        };
        let span = self.cursor.span(start, self.cursor.at);
        self.skip_trivia();
        let condition = condition.unwrap_or_else(|| super::condition::unreadable(span));
        let body = if self.cursor.looking_at("{") {
            self.block()
        } else if self.cursor.first_in_line(self.cursor.at) {
            self.report(mistakes::no_brace_after_condition(span));
            self.open.push(span);
            self.statements(self.cursor.indent(keyword.start as usize))
        } else {
            let _ = self.fail::<()>(mistakes::after_condition);
            self.skip_to_block()?;
            self.block()
        };
        Ok(Branch {
            condition,
            span,
            body,
        })
    }

    /// A plugin's settings. The cursor stands at its opening brace.
    pub(super) fn plugin(&mut self, name: Spanned<String>) -> Plugin {
        match self.open("{") {
            Ok(()) => self.settings(name),
            Err(Abandoned) => Plugin {
                span: name.span,
                name,
                settings: Vec::new(),
            },
        }
    }

    /// Settings up to a closing brace.
    fn settings(&mut self, name: Spanned<String>) -> Plugin {
        let start = name.span.start as usize;
        let indent = self.cursor.indent(start);
        let mut settings = Vec::new();
        loop {
            self.skip_trivia();
            if self.at_close("}") {
                break;
            }
            let at = self.cursor.at;
            let further_left = self.cursor.first_in_line(at) && self.cursor.indent(at) <= indent;
            if further_left && statement_start(&self.cursor) {
                self.report_unclosed();
                self.open.pop();
                break;
            }
            match self.setting(&name.node) {
                Ok(Some(setting)) => settings.push(setting),
                Ok(None) => {}
                Err(Abandoned) => {
                    if !self.resync(indent, setting_start, false) {
                        self.open.pop();
                        break;
                    }
                    if self.cursor.at == at && !self.cursor.looking_at("}") {
                        self.cursor.skip_char();
                    }
                }
            }
        }
        Plugin {
            name,
            settings,
            span: self.cursor.span(start, self.cursor.at),
        }
    }

    /// `name => value`; nothing where a mistake was reported and the text stepped over.
    fn setting(&mut self, plugin: &str) -> Parsed<Option<Setting>> {
        let start = self.cursor.at;
        if self.cursor.looking_at(",") {
            let comma = self.cursor.offending();
            self.report(mistakes::comma_between_settings(comma));
            self.cursor.skip_char();
            return Ok(None);
        }
        if keyword_if(&self.cursor) {
            let keyword = self.cursor.span(start, start + 2);
            self.report(mistakes::branch_in_plugin(keyword, plugin));
            self.skip_branches();
            return Ok(None);
        }
        let name = match self.cursor.peek() {
            Some('"' | '\'') => self.raw_string()?,
            _ => {
                let name = self.cursor.name();
                self.cursor.at += name.len();
                Spanned {
                    node: name.to_owned(),
                    span: self.cursor.span(start, self.cursor.at),
                }
            }
        };
        if name.span.start == name.span.end {
            return self.fail(|cursor| mistakes::not_a_setting(cursor, plugin));
        }
        self.arrow(name.span)?;
        let value = self.value(name.span)?;
        self.separated()?;
        Ok(Some(Setting { name, value }))
    }
}

/// Which section starts here: its name and a brace.
pub(super) fn section_start(cursor: &Cursor) -> Option<SectionKind> {
    let kind = match cursor.name() {
        "input" => SectionKind::Input,
        "filter" => SectionKind::Filter,
        "output" => SectionKind::Output,
        _ => return None,
    };
    let mut after = cursor.clone();
    after.at += cursor.name().len();
    after.skip_trivia();
    after.looking_at("{").then_some(kind)
}

/// Whether a branch starts here. `if` needs no white space after it, but a plugin's name may start with it, too.
fn keyword_if(cursor: &Cursor) -> bool {
    let mut after = cursor.clone();
    after.eat("if") && after.name().is_empty() && !after.after_trivia().looking_at("=>")
}

/// Whether a plugin or a branch starts here.
pub(super) fn statement_start(cursor: &Cursor) -> bool {
    let mut after = cursor.clone();
    after.at += cursor.name().len();
    keyword_if(cursor) || !cursor.name().is_empty() && after.after_trivia().looking_at("{")
}

/// Whether `name =>` stands here.
pub(super) fn setting_start(cursor: &Cursor) -> bool {
    let mut after = cursor.clone();
    match cursor.peek() {
        Some('"' | '\'') => {
            if after.delimited().content.contains('\n') {
                return false;
            }
        }
        _ if cursor.name().is_empty() => return false,
        _ => after.at += cursor.name().len(),
    }
    after.skip_trivia();
    after.looking_at("=>")
}

//! `grok`: takes text apart with named patterns (source: logstash-filter-grok, jls-grok).
//!
//! Matching is the business of [`crate::grok`]; here is what Logstash's filter does around it: which
//! patterns are tried on which fields and how captures are merged into the event.

mod capture;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::ast::Spanned;
use crate::event::{Event, FieldRef, Value, intern, ruby_text};
use crate::filter::{BuildContext, BuildFilter, Context, CountName, Filter, Outcome};
use crate::grok::{self, Grok as Pattern, Library, Misses, PatternSet};
use crate::regex::{Attempts, Budget, RegexList, Scratch};
use crate::spec::{Pairs, Settings};
use crate::{plugin_choice, plugin_options};
use capture::Destination;

plugin_options! {
    /// Takes unstructured text apart into fields.
    ///
    /// A pattern is a regular expression (Ruby's syntax, in which `.` matches line feeds) that may
    /// refer to named patterns: `%{IP:client}` matches what the pattern `IP` matches and puts it in
    /// the field `client`; `%{NUMBER:bytes:int}` makes an integer of it and `:float` a float;
    /// `(?<field>...)` captures without a named pattern. Captures into a field that holds a string or
    /// an array are appended to it.
    pub struct GrokOptions for Filter "grok" {
        /// Patterns by the field they are tried on, one or a list of them. The fields of a hash are tried in the order of a Java
        /// `HashMap`, as in Logstash; those of a list (`["message", "...", "path", "..."]`) in the order written.
        pub r#match: Pairs<Vec<Spanned<String>>> = [],
        /// Stops at the first pattern that matches. Without it every pattern is tried.
        pub break_on_match: bool = true,
        /// Fields whose value a capture replaces instead of being appended to it.
        pub overwrite: Vec<String> = [],
        /// Captures only what has a field: `%{IP}` alone captures nothing.
        pub named_captures_only: bool = true,
        /// Sets fields for captures that are empty or took no part in the match.
        pub keep_empty_captures: bool = false,
        /// The field below which captures are set.
        pub target: Option<String>,
        /// Definitions of named patterns, which come before all others.
        pub pattern_definitions: Pairs<String> = [],
        /// Directories and files with further definitions, one a line: a name, white space, a pattern.
        pub patterns_dir: Vec<String> = [],
        /// Which files of the directories in `patterns_dir` are read.
        pub patterns_files_glob: String = "*",
        /// Tags added when no pattern matched.
        pub tag_on_failure: Vec<String> = ["_grokparsefailure"],
        /// The tag added when matching took too long.
        pub tag_on_timeout: String = "_groktimeout",
        /// How long matching may take, in milliseconds; 0 is without limit.
        pub timeout_millis: f64 = 30000.0,
        /// Whether the time is that of one pattern, or of all that are tried on a value.
        pub timeout_scope: TimeoutScope = "pattern",
    }
}

plugin_choice! {
    /// What a timeout applies to.
    pub enum TimeoutScope {
        /// Each pattern has the time for itself.
        Pattern = "pattern",
        /// All patterns that are tried on a value share it.
        Event = "event",
    }
}

/// Takes text apart with named patterns.
pub struct Grok {
    fields: Vec<MatchField>,
    break_on_match: bool,
    keep_empty: bool,
    tag_on_failure: Vec<&'static str>,
    tag_on_timeout: &'static str,
    timeout: Option<Duration>,
    timeout_scope: TimeoutScope,
    library: Arc<Library>,
    misses: Arc<Misses>,
}

/// A field and the patterns for it.
struct MatchField {
    /// `None`: its name is no field reference, so that it never matches.
    field: Option<FieldRef<'static>>,
    patterns: Vec<FieldPattern>,
    list: RegexList,
}

struct FieldPattern {
    /// The pattern's place among all of the filter, which says where its counts are.
    number: usize,
    pattern: Arc<Pattern>,
    destinations: Vec<Destination>,
}

/// What is counted of each pattern: how often it was tried, how often it matched, and how often it took
/// too long. The rest are misses.
const COUNTED: [&str; 3] = ["tried", "matched", "timed out"];
const MATCHED: usize = 1;
const TIMED_OUT: usize = 2;

/// Why the patterns of a field were left before their end.
enum Stop {
    /// A capture could not be set. What was set stays, and the field counts as not matched.
    BadField,
    /// The time was up: nothing further is tried on this event.
    Timeout,
}

impl BuildFilter for Grok {
    type Options = GrokOptions;

    fn build(
        options: GrokOptions,
        settings: &mut Settings<'_>,
        context: &BuildContext,
    ) -> Option<Self> {
        let library = build_library(&options, settings, context)?;
        let target = options.target.as_deref().map(target_prefix);
        let mut fields = Vec::new();
        let mut valid = true;
        let mut count = 0;
        for (name, patterns) in &options.r#match.0 {
            let field = FieldRef::parse(&name.node);
            if let Err(error) = &field {
                settings.warn(name.span, format!("{error}; it will never match"));
            }
            let mut compiled = Vec::with_capacity(patterns.len());
            for pattern in patterns {
                match Pattern::compile(&pattern.node, &library, options.named_captures_only) {
                    Ok(done) => {
                        let target = target.as_deref();
                        let captures = done.captures().iter().map(|capture| {
                            let overwrite = options.overwrite.contains(&capture.field);
                            Destination::new(capture, target, overwrite)
                        });
                        let mut destinations: Vec<_> = captures.collect();
                        capture::note_alone(&mut destinations);
                        compiled.push(FieldPattern {
                            number: count,
                            destinations,
                            pattern: Arc::new(done),
                        });
                        count += 1;
                    }
                    Err(error) => {
                        settings.report(pattern.span, error.to_string());
                        valid = false;
                    }
                }
            }
            fields.push(MatchField {
                field: field.ok(),
                list: grok::list(compiled.iter().map(|pattern| &*pattern.pattern)),
                patterns: compiled,
            });
        }
        let timeout = options.timeout_millis / 1000.0;
        let library = Arc::new(library);
        valid.then(|| Self {
            misses: Arc::new(misses(&library, &fields)),
            fields,
            break_on_match: options.break_on_match,
            keep_empty: options.keep_empty_captures,
            tag_on_failure: options
                .tag_on_failure
                .iter()
                .map(|tag| intern(tag))
                .collect(),
            tag_on_timeout: intern(&options.tag_on_timeout),
            timeout: (timeout > 0.0)
                .then(|| Duration::try_from_secs_f64(timeout).unwrap_or(Duration::MAX)),
            timeout_scope: options.timeout_scope,
            library,
        })
    }
}

fn misses(library: &Arc<Library>, fields: &[MatchField]) -> Misses {
    let lists = fields.iter().map(|field| {
        let name = field.field.map(|name| name.to_string());
        let patterns = field.patterns.iter();
        let patterns = patterns.map(|pattern| Arc::clone(&pattern.pattern));
        (name.unwrap_or_default(), patterns.collect())
    });
    Misses::new(Arc::clone(library), lists.collect())
}

/// The stock patterns of the mode, then those of files, then those of the configuration.
fn build_library(
    options: &GrokOptions,
    settings: &mut Settings<'_>,
    context: &BuildContext,
) -> Option<Library> {
    let mut library = Library::new(if context.ecs.is_enabled() {
        PatternSet::EcsV1
    } else {
        PatternSet::Legacy
    });
    if let Err(error) = library.add_paths(&options.patterns_dir, &options.patterns_files_glob) {
        settings.report(settings.span_of("patterns_dir"), error.to_string());
        return None;
    }
    for (name, definition) in options.pattern_definitions.iter() {
        let definition = definition.strip_suffix('\n').unwrap_or(definition);
        library.define(name, definition.strip_suffix('\r').unwrap_or(definition));
    }
    Some(library)
}

/// The target as what precedes a capture's name; a plain name gets its brackets.
fn target_prefix(target: &str) -> String {
    let bracketed = target
        .find('[')
        .is_some_and(|open| target[open..].contains(']'));
    if bracketed {
        target.to_owned()
    } else {
        format!("[{}]", target.trim())
    }
}

impl Filter for Grok {
    fn apply<'a>(&self, event: &mut Event<'a>, context: &mut Context<'a, '_>) -> Outcome {
        let mut matched = false;
        for field in &self.fields {
            match self.match_field(field, event, context) {
                Ok(true) => {
                    matched = true;
                    if self.break_on_match {
                        break;
                    }
                }
                Ok(false) | Err(Stop::BadField) => {}
                Err(Stop::Timeout) => {
                    event.tag(self.tag_on_timeout);
                    return Outcome::Unmatched;
                }
            }
        }
        if matched {
            return Outcome::Matched;
        }
        if self.misses.are_wanted() {
            self.hand_over(event);
        }
        event.tag_all(&self.tag_on_failure);
        Outcome::Unmatched
    }

    fn misses(&self) -> Option<&Arc<Misses>> {
        Some(&self.misses)
    }

    fn count_names(&self) -> Vec<CountName> {
        let patterns = self.patterns();
        let names = patterns.flat_map(|(field, pattern)| {
            let field = field.map_or_else(String::new, |field| field.to_string());
            COUNTED.map(|what| CountName {
                field: field.clone(),
                of: pattern.source().to_owned(),
                what,
            })
        });
        names.collect()
    }
}

impl Grok {
    /// The named patterns that this filter knows, to explain its patterns with.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// The fields and the patterns for each, in the order in which they are tried.
    pub fn patterns(&self) -> impl Iterator<Item = (Option<FieldRef<'static>>, &Pattern)> {
        self.fields.iter().flat_map(|field| {
            let patterns = field.patterns.iter();
            patterns.map(|pattern| (field.field, &*pattern.pattern))
        })
    }

    /// Hands over the texts that nothing matched, to be explained beside the workers.
    fn hand_over(&self, event: &Event<'_>) {
        for (list, field) in self.fields.iter().enumerate() {
            if let Some(Value::Str(text)) = field.field.and_then(|name| event.get(name)) {
                self.misses.hand_over(list, text);
            }
        }
    }

    /// Tries the patterns on a field; on each element where it is an array. A missing field is "".
    fn match_field<'a>(
        &self,
        field: &MatchField,
        event: &mut Event<'a>,
        context: &mut Context<'a, '_>,
    ) -> Result<bool, Stop> {
        let name = field.field.ok_or(Stop::BadField)?;
        let texts = match event.get(name) {
            Some(Value::Str(text)) => return self.match_text(field, text, event, context),
            Some(Value::Array(values)) => {
                let arena = event.arena();
                let texts = values.iter().map(|value| ruby_text(value, arena));
                arena.alloc_slice_fill_iter(texts)
            }
            Some(other) => {
                let text = ruby_text(other, event.arena());
                return self.match_text(field, text, event, context);
            }
            None => match event.get_owned(name) {
                None => return self.match_text(field, "", event, context),
                Some(all) => {
                    let text = ruby_text(&all, event.arena());
                    return self.match_text(field, text, event, context);
                }
            },
        };
        let mut matched = false;
        for text in texts {
            matched |= self.match_text(field, text, event, context)?;
        }
        Ok(matched)
    }

    /// Tries the patterns on a text. Without `break_on_match` the result is that of the last one.
    fn match_text<'a>(
        &self,
        field: &MatchField,
        text: &'a str,
        event: &mut Event<'a>,
        context: &mut Context<'a, '_>,
    ) -> Result<bool, Stop> {
        let mut matched = false;
        let mut clock = StopWatch::new(self.timeout);
        let mut attempts = field.list.on(text);
        for (place, pattern) in field.patterns.iter().enumerate() {
            if self.timeout_scope == TimeoutScope::Pattern {
                clock = StopWatch::new(self.timeout);
            }
            let first_count = pattern.number * COUNTED.len();
            let counts = &mut context.counts[first_count..first_count + COUNTED.len()];
            counts[0] += 1;
            let result = clock.run(&mut attempts, place, context.scratch);
            counts[TIMED_OUT] += u64::from(result.is_err());
            matched = result?;
            if matched {
                counts[MATCHED] += 1;
                let destinations = &pattern.destinations;
                capture::set(destinations, self.keep_empty, text, event, context.scratch)?;
                if self.break_on_match {
                    break;
                }
            }
        }
        Ok(matched)
    }
}

/// Measures how long matching takes. The clock is first read after thousands of steps, so that an
/// ordinary match does not pay for it.
struct StopWatch {
    timeout: Option<Duration>,
    started: Option<Instant>,
}

impl StopWatch {
    fn new(timeout: Option<Duration>) -> Self {
        Self {
            timeout,
            started: None,
        }
    }

    fn run(
        &mut self,
        attempts: &mut Attempts<'_>,
        place: usize,
        scratch: &mut Scratch,
    ) -> Result<bool, Stop> {
        let mut keep_going = || match self.timeout {
            Some(timeout) => self.started.get_or_insert_with(Instant::now).elapsed() < timeout,
            None => true,
        };
        let budget = Budget {
            steps: u64::MAX,
            keep_going: Some(&mut keep_going),
        };
        attempts
            .captures_within(place, scratch, budget)
            .map_err(|_| Stop::Timeout)
    }
}

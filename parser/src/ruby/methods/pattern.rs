//! Regular expressions and what they match.

use std::sync::Arc;

use crate::regex::{Budget, Options, Regex};
use crate::ruby::class::Class;
use crate::ruby::interp::{Eval, Flow, Run};
use crate::ruby::lexer::{POST_MATCH, PRE_MATCH, WHOLE_MATCH};
use crate::ruby::names::M;
use crate::ruby::value::{MatchData, Obj, Val};

/// Steps of a run that go for those between two questions of a search whether to go on.
const STEPS_PER_QUESTION: u64 = 160;

/// How much of a pattern is compiled in the time of a step.
const BYTES_PER_STEP: usize = 16;

impl Run<'_, '_> {
    // Regular expressions.

    pub(crate) fn new_regex(
        &mut self,
        pattern: &str,
        options: Options,
        flags: &'static str,
    ) -> Eval {
        let regex = self.compiled(pattern, options)?;
        Ok(self.heap().add(Obj::Regex(regex, flags)))
    }

    /// A pattern that is made while the code runs. Compiling takes steps and memory of the run.
    pub(super) fn compiled(&mut self, pattern: &str, options: Options) -> Result<Regex, Flow> {
        self.steps(1 + pattern.len() / BYTES_PER_STEP)?;
        let (regex, is_new) = self.program.patterns.get(pattern, options);
        let regex = regex.map_err(|error| self.error(Class::RegexpError, error.to_string()))?;
        if is_new {
            self.heap().taken += regex.size();
            self.steps(regex.size() / BYTES_PER_STEP)?;
        }
        Ok(regex)
    }

    /// Searches from a byte on and keeps what was found for `$~`.
    pub(crate) fn find(
        &mut self,
        regex: &Regex,
        text: &str,
        from: usize,
    ) -> Result<Option<(usize, usize)>, Flow> {
        let found = self.search(regex, text, from)?;
        match found {
            Some(_) => {
                self.keep_match(regex, &text.into());
            }
            None => self.last_match = Val::Nil,
        }
        Ok(found)
    }

    /// Searches from a byte on, for the steps that it takes to get to the end of the match.
    pub(super) fn search(
        &mut self,
        regex: &Regex,
        text: &str,
        from: usize,
    ) -> Result<Option<(usize, usize)>, Flow> {
        self.steps(1 + (text.len() / 256).min(16))?;
        let (most, mut asked) = (self.steps_left() / STEPS_PER_QUESTION, 0);
        let mut keep_going = || {
            asked += 1;
            asked <= most
        };
        let budget = Budget {
            keep_going: Some(&mut keep_going),
            ..Budget::default()
        };
        let found = match regex.captures_within(text, from, self.scratch, budget) {
            Ok(true) => self.scratch.span(0),
            Ok(false) => None,
            Err(_) => return Err(Flow::Exhausted("a pattern took too many steps")),
        };
        let walked = found.map_or(text.len(), |span| span.1).saturating_sub(from);
        self.steps(walked / 256 + (asked * STEPS_PER_QUESTION) as usize)?;
        Ok(found)
    }

    /// Makes what the last search found in a text the `$~`.
    pub(super) fn keep_match(&mut self, regex: &Regex, text: &Arc<str>) -> MatchData {
        let spans = (0..=regex.group_count()).map(|group| self.scratch.span(group));
        let found = MatchData {
            text: text.clone(),
            spans: spans.collect(),
            regex: regex.clone(),
        };
        self.last_match = self.heap().add(Obj::Match(Box::new(found.clone())));
        found
    }

    /// `$1` and the like.
    pub(crate) fn last_match_group(&mut self, group: u32) -> Val {
        if group == 0 {
            return self.last_match;
        }
        let Some(Obj::Match(found)) = self.memory.heap.object(self.last_match) else {
            return Val::Nil;
        };
        let whole = found.spans.first().copied().flatten().unwrap_or((0, 0));
        let text = match group {
            WHOLE_MATCH => found.group(0),
            PRE_MATCH => found.text.get(..whole.0),
            POST_MATCH => found.text.get(whole.1..),
            group => found.group(group as usize),
        };
        let text = text.map(str::to_owned);
        text.map_or(Val::Nil, |text| self.new_string(text))
    }

    /// What a named group of the last match has.
    pub(crate) fn last_match_named(&mut self, name: &str) -> Val {
        let text = match self.memory.heap.object(self.last_match) {
            Some(Obj::Match(found)) => found
                .named(name)
                .and_then(|group| found.group(group))
                .map(str::to_owned),
            _ => None,
        };
        text.map_or(Val::Nil, |text| self.new_string(text))
    }

    pub(super) fn group_value(&mut self, found: &MatchData, group: usize) -> Val {
        match found.group(group) {
            Some(text) => self.new_str(text),
            None => Val::Nil,
        }
    }

    pub(super) fn match_method(
        &mut self,
        found: &MatchData,
        method: M,
        arguments: &[Val],
    ) -> Result<Option<Val>, Flow> {
        let groups = found.spans.len();
        Ok(Some(match (method, arguments) {
            (M::Index, [Val::Int(group)]) => match usize::try_from(*group) {
                Ok(group) => self.group_value(found, group),
                Err(_) => Val::Nil,
            },
            (M::Index, [name]) => {
                let group = self
                    .memory
                    .heap
                    .name(*name)
                    .and_then(|name| found.named(name));
                match group {
                    Some(group) => self.group_value(found, group),
                    None => return self.raise(Class::IndexError, "undefined group name reference"),
                }
            }
            (M::Captures, []) | (M::ToA, []) => {
                let first = usize::from(method == M::Captures);
                let values = (first..groups)
                    .map(|group| self.group_value(found, group))
                    .collect();
                self.new_array(values)
            }
            (M::NamedCaptures, []) => {
                let names: Vec<String> = found
                    .regex
                    .capture_names()
                    .map(|(name, _)| name.to_owned())
                    .collect();
                let hash = self.heap().add(Obj::Hash(Default::default()));
                for name in names {
                    let value = found
                        .named(&name)
                        .map_or(Val::Nil, |group| self.group_value(found, group));
                    let name = self.new_string(name);
                    self.heap().set_key(hash, name, value);
                }
                hash
            }
            (M::PreMatch, []) => {
                self.new_str(&found.text[..found.spans[0].map_or(0, |span| span.0)])
            }
            (M::PostMatch, []) => {
                self.new_str(&found.text[found.spans[0].map_or(0, |span| span.1)..])
            }
            (M::ToS, []) => self.group_value(found, 0),
            _ => return Ok(None),
        }))
    }

    pub(super) fn regex_method(
        &mut self,
        regex: &Regex,
        method: M,
        arguments: &[Val],
    ) -> Result<Option<Val>, Flow> {
        let text = match arguments {
            [text, ..] => self.memory.heap.name(*text).map(str::to_owned),
            [] => None,
        };
        Ok(Some(match (method, text) {
            (M::Match_ | M::Match | M::MatchP, Some(text)) => self.matches(regex, &text, method)?,
            (M::Match_ | M::Match, None) => Val::Nil,
            (M::MatchP, None) => Val::False,
            (M::Source, None) => self.new_str(regex.pattern()),
            _ => return Ok(None),
        }))
    }

    /// `=~`, `match` and `match?`
    pub(crate) fn matches(&mut self, regex: &Regex, text: &str, method: M) -> Eval {
        let found = self.find(regex, text, 0)?;
        Ok(match (method, found) {
            (M::MatchP, found) => Val::bool(found.is_some()),
            (M::Match, _) => self.last_match,
            (_, Some((start, _))) => Val::Int(text[..start].chars().count() as i64),
            (_, None) => Val::Nil,
        })
    }
}

//! `ruby`: runs code on events (source: logstash-filter-ruby). The language is in [`crate::ruby`].

use std::path::PathBuf;

use crate::config::ast::Spanned;
use crate::event::{Event, OwnedValue};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::plugin_options;
use crate::ruby::{Script, Source};
use crate::spec::{Any, Pairs, Settings};
use crate::time::Timestamp;

plugin_options! {
    /// Runs Ruby code on each event.
    ///
    /// Kelp has an evaluator of its own for the Ruby that configurations use. What it does not know is refused when the
    /// configuration is checked. Code that takes too many steps or too much memory ends like an exception.
    pub struct RubyOptions for Filter "ruby" {
        /// Code that runs once, before the first event.
        init: Option<Spanned<String>>,
        /// The code for each event, which it has as `event`.
        code: Option<Spanned<String>>,
        /// A script file, which defines the method `filter(event)`, which returns a list of events. Its method `register(params)`,
        /// if there is one, runs once before the first event. Its tests (`test`) run when the configuration is checked.
        path: Option<Spanned<PathBuf>>,
        /// Parameters of the script in `path`.
        script_params: Option<Spanned<Pairs<Any>>>,
        /// The tag of an event whose code raised an exception.
        tag_on_exception: String = "_rubyexception",
        /// Also tags such an event with that tag and the message of the exception.
        tag_with_exception_message: bool = false,
    }
}

/// Runs code on events.
pub struct Ruby {
    script: Script,
    tag: &'static str,
    with_message: bool,
}

impl BuildFilter for Ruby {
    type Options = RubyOptions;

    fn build(
        options: RubyOptions,
        settings: &mut Settings<'_>,
        context: &BuildContext,
    ) -> Option<Self> {
        let script = options.script(settings, context.now)?;
        Some(Self {
            script,
            tag: crate::event::intern(&options.tag_on_exception),
            with_message: options.tag_with_exception_message,
        })
    }
}

impl RubyOptions {
    fn script(&self, settings: &mut Settings<'_>, now: Timestamp) -> Option<Script> {
        match (&self.path, &self.code) {
            (Some(path), None) => self.script_file(path, settings, now),
            (None, Some(code)) => self.inline(code, settings, now),
            (Some(path), Some(_)) => {
                let message = "`path` and `code` cannot be used together";
                settings.report(path.span, message).help =
                    Some("use two `ruby` filters".to_owned());
                None
            }
            (None, None) => {
                settings.report_missing("code");
                None
            }
        }
    }

    fn script_file(
        &self,
        path: &Spanned<PathBuf>,
        settings: &mut Settings<'_>,
        now: Timestamp,
    ) -> Option<Script> {
        if let Some(init) = &self.init {
            settings.warn(init.span, "`init` has no effect with `path`");
        }
        let text = match std::fs::read(&path.node) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => {
                let message = format!("cannot read `{}`: {error}", path.node.display());
                settings.report(path.span, message);
                return None;
            }
        };
        let mut params = Vec::new();
        for (name, value) in self
            .script_params
            .iter()
            .flat_map(|params| params.node.iter())
        {
            match OwnedValue::of_literal(&value.0.node) {
                Some(value) => params.push((name.to_owned(), value)),
                None => settings.report_type(&value.0, "a string, number, array or hash"),
            }
        }
        Script::compile_file(Source::file(&text, path.span), &params, now, settings)
    }

    fn inline(
        &self,
        code: &Spanned<String>,
        settings: &mut Settings<'_>,
        now: Timestamp,
    ) -> Option<Script> {
        if let Some(params) = &self.script_params {
            settings.warn(params.span, "`script_params` has no effect without `path`");
        }
        let mut sources = Vec::new();
        if let Some(init) = &self.init {
            sources.push(Source::init(&init.node, init.span));
        }
        let variables = &["event", "new_event_block"];
        sources.push(Source::code(&code.node, code.span, variables));
        Script::compile(&sources, now, settings)
    }
}

impl Filter for Ruby {
    fn apply<'a>(&self, event: &mut Event<'a>, context: &mut Context<'a, '_>) -> Outcome {
        let outcome = self.script.run(event, context);
        if let Some(message) = &outcome.error {
            if self.with_message {
                event.tag(context.arena.alloc_str(&format!("{}: {message}", self.tag)));
            }
            event.tag(self.tag);
        }
        match outcome {
            _ if outcome.cancelled => Outcome::Drop,
            _ if outcome.error.is_some() => Outcome::Unmatched,
            _ => Outcome::Matched,
        }
    }
}

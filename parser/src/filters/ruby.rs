//! `ruby`: runs code on events (source: logstash-filter-ruby). The language is in [`crate::ruby`].

use crate::config::ast::Spanned;
use crate::event::Event;
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::plugin_options;
use crate::ruby::{Script, Source};
use crate::spec::Settings;

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
        /// A file with the code. Not supported: put the code into `code`.
        path: Option<Spanned<String>>,
        /// Parameters of the file in `path`.
        script_params: Option<Spanned<crate::spec::Pairs<crate::spec::Any>>>,
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

    fn build(options: RubyOptions, settings: &mut Settings<'_>, _: &BuildContext) -> Option<Self> {
        if let Some(params) = &options.script_params {
            settings.warn(params.span, "`script_params` has no effect without `path`");
        }
        if let Some(path) = &options.path {
            let message = "script files are not supported";
            settings.report(path.span, message).help = Some("put the code of its `filter` method into `code`, and that of `register` into `init`".to_owned());
            return None;
        }
        let Some(code) = &options.code else {
            settings.report_missing("code");
            return None;
        };
        let mut sources = Vec::new();
        if let Some(init) = &options.init {
            sources.push(Source::init(&init.node, init.span));
        }
        let variables = &["event", "new_event_block"];
        sources.push(Source::code(&code.node, code.span, variables));
        Some(Self {
            script: Script::compile(&sources, settings)?,
            tag: crate::event::intern(&options.tag_on_exception),
            with_message: options.tag_with_exception_message,
        })
    }
}

impl Filter for Ruby {
    fn apply<'a>(&self, event: &mut Event<'a>, context: &mut Context<'a, '_>) -> Outcome {
        let outcome = self.script.run(event, context);
        if let Some(message) = outcome.error {
            if self.with_message {
                event.tag(context.arena.alloc_str(&format!("{}: {message}", self.tag)));
            }
            event.tag(self.tag);
            return if outcome.cancelled {
                Outcome::Drop
            } else {
                Outcome::Unmatched
            };
        }
        if outcome.cancelled {
            Outcome::Drop
        } else {
            Outcome::Matched
        }
    }
}

//! The grok filters of a configuration are built several at a time: compiling their patterns takes a millisecond or two each,
//! all else of a configuration microseconds.

use std::sync::{Mutex, PoisonError};

use crate::config::Diagnostic;
use crate::config::ast::{Plugin, Statement};
use crate::filter::SideBySide;

/// Fewer are built in their turn.
const FILTERS_MIN: usize = 8;

/// What was built, and what there was to say about it.
type Built<T> = (Option<T>, Vec<Diagnostic>);

/// Filters that were built before their turn came, the last of the text first.
pub(crate) struct GroksAhead<'c, T>(Vec<(&'c Plugin, Built<T>)>);

impl<'c, T: Send> GroksAhead<'c, T> {
    /// Builds all grok filters of these statements.
    pub(crate) fn build(
        statements: impl IntoIterator<Item = &'c Statement>,
        side_by_side: SideBySide,
        build: impl Fn(&Plugin, &mut Vec<Diagnostic>) -> Option<T> + Sync,
    ) -> Self {
        let mut plugins = Vec::new();
        for statement in statements {
            find(statement, &mut plugins);
        }
        if plugins.len() < FILTERS_MIN {
            return Self::none();
        }
        let slots: Vec<Mutex<Option<Built<T>>>> =
            plugins.iter().map(|_| Mutex::default()).collect();
        side_by_side(plugins.len(), &|at| {
            let mut diagnostics = Vec::new();
            let filter = build(plugins[at], &mut diagnostics);
            *slots[at].lock().unwrap_or_else(PoisonError::into_inner) = Some((filter, diagnostics));
        });
        let built = |(plugin, slot): (&'c Plugin, Mutex<_>)| {
            let built = slot.into_inner().unwrap_or_else(PoisonError::into_inner);
            Some((plugin, built?))
        };
        Self(
            plugins
                .into_iter()
                .zip(slots)
                .rev()
                .filter_map(built)
                .collect(),
        )
    }

    /// Nothing ahead.
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// What was made of the plugin, if it was built ahead. They are asked for in the order of the text.
    pub(crate) fn take(&mut self, plugin: &Plugin) -> Option<Built<T>> {
        let (_, built) = self.0.pop_if(|(next, _)| std::ptr::eq(*next, plugin))?;
        Some(built)
    }
}

/// Adds the grok filters within a statement, in the order of the text.
fn find<'c>(statement: &'c Statement, plugins: &mut Vec<&'c Plugin>) {
    match statement {
        Statement::Plugin(plugin) if plugin.name.node == "grok" => plugins.push(plugin),
        Statement::Plugin(_) => {}
        Statement::If(chain) => {
            let bodies = chain.branches.iter().map(|branch| &branch.body);
            for statement in bodies.chain(&chain.otherwise).flatten() {
                find(statement, plugins);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{ParseOptions, SourceMap, parse};
    use crate::filter::BuildContext;
    use crate::pipeline::Pipeline;
    use crate::spec::EcsCompatibility;

    #[test]
    fn filters_and_what_is_said_of_them_keep_the_order_of_the_text() {
        let grok = |id: usize| {
            let pattern = if id % 10 == 3 {
                "%{NOTHING}"
            } else {
                "%{WORD}"
            };
            format!("grok {{ id => \"{id}\" match => {{ message => \"{pattern}\" }} }} ")
        };
        let drop = |id: usize| format!("drop {{ id => \"{id}\" }} ");
        let mut text = "filter { ".to_owned();
        for id in (0..40).step_by(4) {
            let (body, other) = (drop(id + 1) + &grok(id + 2), grok(id + 3));
            text += &format!("{} if [a] {{ {body} }} else {{ {other} }} ", grok(id));
        }
        let mut sources = SourceMap::default();
        sources.add("a.conf", &(text + "}"));
        let (config, mut found) = parse(&sources, &ParseOptions::default());
        let context = BuildContext::new(EcsCompatibility::default())
            .side_by_side(|count, work| (0..count).rev().for_each(work));
        let pipeline = Pipeline::compile(&config, &context, &mut found);
        let fails = |id: &usize| id % 4 != 1 && id % 10 == 3;
        let ids: Vec<usize> = pipeline
            .filter_names()
            .map(|(_, id)| id.unwrap().parse().unwrap())
            .collect();
        let expected: Vec<usize> = (0..40).filter(|id| !fails(id)).collect();
        assert_eq!(ids, expected);
        assert_eq!(found.len(), (0..40).filter(fails).count());
        assert!(found.is_sorted_by_key(|diagnostic| diagnostic.span.start));
    }
}

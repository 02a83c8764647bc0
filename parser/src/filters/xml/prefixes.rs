//! The prefixes of namespaces that are declared where a reader is.

use std::collections::HashMap;

/// The namespace of `xml:`, which need not be declared.
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Prefixes and what they stand for; the prefix of the default is empty.
#[derive(Default)]
pub(super) struct Prefixes<'a> {
    /// In the order of their declarations.
    declared: Vec<&'a str>,
    /// What each stands for, the innermost last.
    meanings: HashMap<&'a str, Vec<&'a str>>,
}

impl<'a> Prefixes<'a> {
    pub(super) fn declare(&mut self, prefix: &'a str, uri: &'a str) {
        self.declared.push(prefix);
        self.meanings.entry(prefix).or_default().push(uri);
    }

    /// What a prefix stands for; `None` where it is not declared.
    pub(super) fn get(&self, prefix: &str) -> Option<&'a str> {
        let declared = self.meanings.get(prefix).and_then(|uris| uris.last());
        declared.copied().or((prefix == "xml").then_some(XML))
    }

    /// How many declarations there are.
    pub(super) fn len(&self) -> usize {
        self.declared.len()
    }

    /// Forgets all declarations but the first ones.
    pub(super) fn truncate(&mut self, length: usize) {
        for prefix in self.declared.drain(length..) {
            self.meanings.get_mut(prefix).map(Vec::pop);
        }
    }
}

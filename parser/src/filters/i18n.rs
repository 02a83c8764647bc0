//! `i18n`: replaces letters that are not ASCII (source: logstash-filter-i18n, the gem i18n).

use std::collections::HashMap;

use crate::event::{Arena, ArenaString, Event, FieldRef, Value};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::plugin_options;
use crate::spec::Settings;

plugin_options! {
    /// Replaces characters that are not ASCII by similar ones that are: `Ærø` becomes `AEro`.
    ///
    /// Characters without such become `?`.
    pub struct I18nOptions for Filter "i18n" {
        /// The fields to change: texts, or arrays of texts.
        transliterate: Vec<FieldRef<'static>> = [],
    }
}

/// Replaces letters that are not ASCII.
pub struct I18n {
    fields: Vec<FieldRef<'static>>,
    approximations: HashMap<char, &'static str>,
}

impl BuildFilter for I18n {
    type Options = I18nOptions;

    fn build(options: I18nOptions, _: &mut Settings<'_>, _: &BuildContext) -> Option<Self> {
        let approximations = APPROXIMATIONS
            .iter()
            .flat_map(|(ascii, letters)| letters.chars().map(|letter| (letter, *ascii)));
        Some(Self {
            fields: options.transliterate,
            approximations: approximations.collect(),
        })
    }
}

impl Filter for I18n {
    fn apply<'a>(&self, event: &mut Event<'a>, _: &mut Context<'a, '_>) -> Outcome {
        let arena = event.arena();
        for field in &self.fields {
            match event.get_mut(*field) {
                Some(Value::Array(values)) => {
                    for value in values.iter_mut() {
                        self.transliterate(value, arena);
                    }
                }
                Some(value) => self.transliterate(value, arena),
                None => {}
            }
        }
        Outcome::Matched
    }
}

impl I18n {
    /// Changes a text; other values stay.
    fn transliterate<'a>(&self, value: &mut Value<'a>, arena: &'a Arena) {
        let Value::Str(text) = value else {
            return;
        };
        if text.is_ascii() {
            return;
        }
        let mut ascii = ArenaString::with_capacity_in(text.len(), arena);
        for c in text.chars() {
            if c.is_ascii() {
                ascii.push(c);
            } else {
                ascii.push_str(self.approximations.get(&c).copied().unwrap_or("?"));
            }
        }
        *text = ascii.into_bump_str();
    }
}

/// ASCII, and the characters that it replaces.
const APPROXIMATIONS: &[(&str, &str)] = &[
    ("'n", "ŉ"),
    ("A", "ÀÁÂÃÄÅĀĂĄ"),
    ("AE", "Æ"),
    ("C", "ÇĆĈĊČ"),
    ("D", "ÐĎĐ"),
    ("E", "ÈÉÊËĒĔĖĘĚ"),
    ("G", "ĜĞĠĢ"),
    ("H", "ĤĦ"),
    ("I", "ÌÍÎÏĨĪĬĮİ"),
    ("IJ", "Ĳ"),
    ("J", "Ĵ"),
    ("K", "Ķ"),
    ("L", "ĹĻĽĿŁ"),
    ("N", "ÑŃŅŇ"),
    ("NG", "Ŋ"),
    ("O", "ÒÓÔÕÖØŌŎŐǪǬ"),
    ("OE", "Œ"),
    ("R", "ŔŖŘ"),
    ("S", "ŚŜŞŠ"),
    ("SS", "ẞ"),
    ("T", "ŢŤŦ"),
    ("Th", "Þ"),
    ("U", "ÙÚÛÜŨŪŬŮŰŲ"),
    ("W", "Ŵ"),
    ("Y", "ÝŶŸ"),
    ("Z", "ŹŻŽ"),
    ("a", "àáâãäåāăą"),
    ("ae", "æ"),
    ("c", "çćĉċč"),
    ("d", "ðďđ"),
    ("e", "èéêëēĕėęě"),
    ("g", "ĝğġģ"),
    ("h", "ĥħ"),
    ("i", "ìíîïĩīĭįı"),
    ("ij", "ĳ"),
    ("j", "ĵ"),
    ("k", "ķĸ"),
    ("l", "ĺļľŀł"),
    ("n", "ñńņň"),
    ("ng", "ŋ"),
    ("o", "òóôõöøōŏőǫǭ"),
    ("oe", "œ"),
    ("r", "ŕŗř"),
    ("s", "śŝşš"),
    ("ss", "ß"),
    ("t", "ţťŧ"),
    ("th", "þ"),
    ("u", "ùúûüũūŭůűų"),
    ("w", "ŵ"),
    ("x", "×"),
    ("y", "ýÿŷ"),
    ("z", "źżž"),
];

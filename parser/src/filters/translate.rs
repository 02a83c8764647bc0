//! `translate`: replaces values by what a dictionary says (source: logstash-filter-translate).

mod dictionary;
mod file;
mod yaml;

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use dictionary::{Dictionary, Entries, Lookup};
use file::{DictionaryFile, Format};

use crate::config::ast::Spanned;
use crate::event::{
    Arena, Array, Event, EventError, FieldRef, OwnedValue, Template, Value, ruby_text,
};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::regex::Scratch;
use crate::spec::{Any, Pairs, Settings};
use crate::{plugin_choice, plugin_options};

plugin_options! {
    /// Looks a field's value up in a dictionary and sets another field, or the same, to what stands there.
    ///
    /// The dictionary stands in the configuration or in a YAML, JSON or CSV file. Keys are texts: a number or boolean of
    /// an event is looked up as it prints, a key of a YAML file that looks like a number needs quotes.
    pub struct TranslateOptions for Filter "translate" {
        /// The field that holds the value to look up; of an array the first element.
        source: Option<FieldRef<'static>>,
        /// Former name of `source`.
        field: Option<Spanned<FieldRef<'static>>>,
        /// The field to set. By default the source itself; with ECS disabled, `translation`.
        target: Option<FieldRef<'static>>,
        /// Former name of `target`.
        destination: Option<Spanned<FieldRef<'static>>>,
        /// Sets the target even if there is one already; always so when it is the source.
        r#override: Option<bool>,
        /// The dictionary itself. Where several keys fit (`regex`, `exact => false`) the first counts: of a hash in the order of a Java
        /// `HashMap`, as in Logstash, of a list in the order written.
        dictionary: Option<Spanned<Pairs<Any>>>,
        /// A file that holds the dictionary, ending in `.yml`, `.yaml`, `.json` or `.csv`.
        dictionary_path: Option<Spanned<PathBuf>>,
        /// Seconds after which a changed file is read again; never if zero or less.
        refresh_interval: i64 = 300,
        /// Whether a file that is read again replaces the dictionary or is merged into it.
        refresh_behaviour: RefreshBehaviour = "merge",
        /// Looks up the whole value. Otherwise every key that occurs in the value is replaced.
        exact: bool = true,
        /// Takes keys for regular expressions, of which the first that matches counts. Only together with `exact`.
        regex: bool = false,
        /// What the target gets when nothing is found.
        fallback: Option<Template>,
        /// An array to go through. If it is the source, the target gets an array of translations. Otherwise its
        /// elements are objects, and `source` and `target` are fields in them.
        iterate_on: Option<FieldRef<'static>>,
        /// The longest YAML file that is read, in characters.
        yaml_dictionary_code_point_limit: Option<Spanned<i64>>,
        /// How YAML is read: `one_shot` knows all of it, `streaming` only `true`, `false`, `null` and decimal numbers.
        yaml_load_strategy: YamlLoadStrategy = "one_shot",
    }
}

plugin_choice! {
    /// What a dictionary that is read again does to the old one.
    pub enum RefreshBehaviour {
        /// New entries are added, old ones stay.
        Merge = "merge",
        /// Nothing stays.
        Replace = "replace",
    }
}

plugin_choice! {
    /// How much of YAML is known.
    pub enum YamlLoadStrategy {
        /// All of it.
        OneShot = "one_shot",
        /// The simple scalars.
        Streaming = "streaming",
    }
}

/// The longest YAML file, unless another limit is set.
const CODE_POINTS_MAX: i64 = 134_217_728;

/// Looks values up.
pub struct Translate {
    source: FieldRef<'static>,
    target: FieldRef<'static>,
    override_target: bool,
    iterate_on: Option<FieldRef<'static>>,
    fallback: Option<Template>,
    dictionary: ArcSwap<Dictionary>,
    file: Option<DictionaryFile>,
}

impl BuildFilter for Translate {
    type Options = TranslateOptions;

    fn build(
        options: TranslateOptions,
        settings: &mut Settings<'_>,
        context: &BuildContext,
    ) -> Option<Self> {
        let lookup = Lookup::of(options.exact, options.regex);
        let (dictionary, file) = dictionary(&options, lookup, settings)?;
        let source = renamed(options.source, options.field, "source", settings)?;
        let Some(source) = source else {
            settings.report_missing("source");
            return None;
        };
        let target = renamed(options.target, options.destination, "target", settings)?;
        let target = target.unwrap_or(match context.ecs.is_enabled() {
            true => source,
            false => FieldRef::top(&["translation"]),
        });
        if source == target && options.r#override == Some(false) {
            let span = settings.span_of("override");
            let message = "`override => false` has no effect where the target is the source";
            settings.report(span, message);
            return None;
        }
        Some(Self {
            source,
            target,
            override_target: options.r#override.unwrap_or(source == target),
            iterate_on: options.iterate_on,
            fallback: options.fallback,
            dictionary: ArcSwap::from_pointee(dictionary),
            file,
        })
    }
}

/// The value of an option that may be set by its former name, but not by both; `None` after an error.
fn renamed(
    new: Option<FieldRef<'static>>,
    old: Option<Spanned<FieldRef<'static>>>,
    name: &str,
    settings: &mut Settings<'_>,
) -> Option<Option<FieldRef<'static>>> {
    let Some(old) = old else {
        return Some(new);
    };
    if new.is_some() {
        let message = format!("this is the former name of `{name}`, which is set too: remove it");
        settings.report(old.span, message);
        return None;
    }
    Some(Some(old.node))
}

/// The dictionary, and the file that it comes from; `None` after an error.
fn dictionary(
    options: &TranslateOptions,
    lookup: Lookup,
    settings: &mut Settings<'_>,
) -> Option<(Dictionary, Option<DictionaryFile>)> {
    let inline = options.dictionary.as_ref();
    let inline = inline.filter(|pairs| !pairs.node.is_empty());
    let Some(path) = &options.dictionary_path else {
        let mut entries = Entries::default();
        for (key, value) in inline.into_iter().flat_map(|pairs| pairs.node.iter()) {
            let Some(value) = OwnedValue::of_literal(&value.0.node) else {
                settings.report_type(&value.0, "a value");
                return None;
            };
            entries.insert(key.to_owned(), value);
        }
        let span = settings.span_of("dictionary");
        let dictionary = Dictionary::new(entries, lookup);
        return match dictionary {
            Ok(dictionary) => Some((dictionary, None)),
            Err(error) => {
                settings.report(span, error.to_string());
                None
            }
        };
    };
    if inline.is_some() {
        let message = "`dictionary` and `dictionary_path` cannot be used together";
        settings.report(path.span, message);
        return None;
    }
    let Some(format) = Format::of(&path.node) else {
        let message = format!(
            "`{}` is no dictionary: its name must end in .yml, .yaml, .json or .csv",
            path.node.display()
        );
        settings.report(path.span, message);
        return None;
    };
    let limit = &options.yaml_dictionary_code_point_limit;
    if let Some(limit) = limit
        && (format != Format::Yaml || limit.node <= 0)
    {
        let message = "the limit takes a positive number, and only for YAML dictionaries";
        settings.report(limit.span, message);
        return None;
    }
    let file = DictionaryFile::new(
        path.node.clone(),
        format,
        lookup,
        options,
        limit.as_ref().map_or(CODE_POINTS_MAX, |limit| limit.node),
    );
    match file.load(None) {
        Ok(dictionary) => Some((dictionary, Some(file))),
        Err(error) => {
            settings.report(path.span, error.to_string());
            None
        }
    }
}

impl Filter for Translate {
    fn apply<'a>(&self, event: &mut Event<'a>, context: &mut Context<'a, '_>) -> Outcome {
        let mut search = Search {
            dictionary: &self.dictionary.load(),
            fallback: self.fallback.as_ref(),
            scratch: context.scratch,
        };
        let translated = match self.iterate_on {
            None => self.translate_one(event, &mut search),
            Some(list) if list == self.source => self.translate_values(event, list, &mut search),
            Some(list) => self.translate_objects(event, list, &mut search),
        };
        match translated {
            Ok(Some(found)) if found || self.source == self.target => Outcome::Matched,
            _ => Outcome::Unmatched,
        }
    }

    fn flush<'a>(&self, context: &mut Context<'a, '_>) {
        if let Some(file) = &self.file
            && let Some(changed) = file.refresh(context.now, &self.dictionary.load())
        {
            self.dictionary.store(Arc::new(changed));
        }
    }
}

/// A look-up and what comes when it finds nothing.
struct Search<'s> {
    dictionary: &'s Dictionary,
    fallback: Option<&'s Template>,
    scratch: &'s mut Scratch,
}

impl Search<'_> {
    fn find<'a>(&mut self, value: &Value<'a>, arena: &'a Arena) -> Option<Value<'a>> {
        let text = ruby_text(value, arena);
        self.dictionary.find(text, arena, self.scratch)
    }

    fn fallback<'a>(&self, event: &Event<'a>) -> Result<Option<Value<'a>>, EventError> {
        let Some(fallback) = self.fallback else {
            return Ok(None);
        };
        let text = fallback.try_render(event).map_err(Clone::clone)?;
        Ok(Some(Value::Str(text)))
    }
}

/// Whether something was found (or the fallback taken); `None` where there was nothing to do.
type Translated = Result<Option<bool>, EventError>;

impl Translate {
    /// Whether there is a value to look up, and a place for what is found.
    fn applies(&self, event: &Event<'_>, from: FieldRef<'static>) -> bool {
        (self.override_target || !event.contains(self.target)) && event.contains(from)
    }

    fn translate_one(&self, event: &mut Event<'_>, search: &mut Search<'_>) -> Translated {
        if !self.applies(event, self.source) {
            return Ok(None);
        }
        let arena = event.arena();
        let source = event.get_owned(self.source).unwrap_or(Value::Null);
        let found = match &source {
            Value::Array(values) => search.find(values.first().unwrap_or(&Value::Null), arena),
            value => search.find(value, arena),
        };
        let translation = match found {
            None => search.fallback(event)?,
            found => found,
        };
        let Some(translation) = translation else {
            return Ok(Some(false));
        };
        event.set_checked(self.target, translation)?;
        Ok(Some(true))
    }

    fn translate_values(
        &self,
        event: &mut Event<'_>,
        list: FieldRef<'static>,
        search: &mut Search<'_>,
    ) -> Translated {
        if !self.applies(event, list) {
            return Ok(None);
        }
        let arena = event.arena();
        let fallback = search.fallback(event)?.unwrap_or(Value::Null);
        let values = elements(event.get_owned(list), arena);
        let translations = values.iter().map(|value| {
            search
                .find(value, arena)
                .unwrap_or_else(|| fallback.clone())
        });
        let translations = Array::from_iter_in(translations, arena);
        let is_something = |value: &Value<'_>| !matches!(value, Value::Null | Value::Bool(false));
        let found = translations.iter().any(is_something);
        event.set_checked(self.target, Value::Array(translations))?;
        Ok(Some(found))
    }

    fn translate_objects(
        &self,
        event: &mut Event<'_>,
        list: FieldRef<'static>,
        search: &mut Search<'_>,
    ) -> Translated {
        if !event.contains(list) {
            return Ok(None);
        }
        let arena = event.arena();
        let mut any = false;
        for index in 0..elements(event.get_owned(list), arena).len() {
            let within = |field: FieldRef<'static>| {
                let path = format!("{}[{index}]{}", bracketed(list), bracketed(field));
                FieldRef::parse_in(arena, arena.alloc_str(&path))
            };
            let value = match event.get(within(self.source)?) {
                None | Some(Value::Null) => continue,
                Some(value) => value.clone(),
            };
            let translation = match search.find(&value, arena) {
                None => search.fallback(event)?,
                found => found,
            };
            if let Some(translation) = translation {
                event.set_checked(within(self.target)?, translation)?;
                any = true;
            }
        }
        Ok(Some(any))
    }
}

/// A reference with brackets around every part.
fn bracketed(field: FieldRef<'_>) -> String {
    match field.top_level() {
        Some(name) => format!("[{name}]"),
        None => field.to_string(),
    }
}

/// What Ruby's `Array()` makes of a value.
fn elements<'a>(value: Option<Value<'a>>, arena: &'a Arena) -> Array<'a> {
    match value {
        Some(Value::Array(values)) => values,
        None | Some(Value::Null) => Array::new_in(arena),
        Some(Value::Object(object)) => {
            let pairs = object.iter().map(|(key, value)| {
                let pair = [Value::Str(key), value.clone()];
                Value::Array(Array::from_iter_in(pair, arena))
            });
            Array::from_iter_in(pairs, arena)
        }
        Some(single) => Array::from_iter_in([single], arena),
    }
}

//! The keys of CEF and the fields they stand for.

use std::collections::HashMap;

use crate::event::{FieldRef, intern};

const TABLE: &str = include_str!("keys.txt");
const NUMBERED: std::ops::RangeInclusive<u32> = 1..=15;

/// One line of the table, its numbers filled in.
struct Key {
    name: &'static str,
    short: &'static str,
    ecs_field: &'static str,
    alias: Option<&'static str>,
    is_time: bool,
    is_first: bool,
}

/// The fields that keys are read to, by full name, short key and alias.
pub(super) struct ReadKeys {
    fields: HashMap<&'static str, ReadKey>,
    /// How many of the fields hold timestamps.
    pub(super) times: usize,
}

/// Where the value of a key goes.
#[derive(Clone, Copy)]
pub(super) struct ReadKey {
    pub(super) field: FieldRef<'static>,
    /// Which of the timestamps it is, in the order in which they are set.
    pub(super) time: Option<usize>,
}

impl ReadKeys {
    /// `ecs` for the fields of ECS, else the full names; `is_host` where the device is the host of the event.
    pub(super) fn new(ecs: bool, is_host: bool) -> Self {
        let mut fields = HashMap::new();
        let mut times = 0;
        for key in keys(is_host) {
            let name = if ecs { key.ecs_field } else { key.name };
            let time = (ecs && key.is_time).then(|| {
                times += 1;
                times - 1
            });
            let read = ReadKey {
                field: FieldRef::constant(name),
                time,
            };
            fields.insert(key.short, read);
            fields.insert(key.name, read);
            if let Some(alias) = key.alias {
                let name = if ecs { key.ecs_field } else { alias };
                let field = FieldRef::constant(name);
                fields.insert(alias, ReadKey { field, time });
            }
        }
        Self { fields, times }
    }

    pub(super) fn get(&self, key: &str) -> Option<ReadKey> {
        self.fields.get(key).copied()
    }
}

/// The key that a field is written under: what is left of its name where it has no key of its own
/// (source: `generate_mappings!` and `sanitize_extension_key` in logstash-codec-cef).
pub(super) fn written_key(field: &str, ecs: bool, is_host: bool, short: bool) -> String {
    let (first, others): (Vec<Key>, _) = keys(is_host).into_iter().partition(|key| key.is_first);
    let by_field = |key: &&Key| ecs && key.ecs_field == field;
    let by_name = |key: &&Key| key.name == field;
    let all = || first.iter().chain(&others);
    let found = all().find(by_field).or_else(|| all().find(by_name));
    let key = match found {
        Some(key) if short => key.short,
        Some(key) => key.name,
        None => match all().find(|key| key.alias == Some(field)) {
            Some(key) if short => key.short,
            _ => field,
        },
    };
    key.chars().filter(char::is_ascii_alphanumeric).collect()
}

fn keys(is_host: bool) -> Vec<Key> {
    let mut keys = Vec::new();
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        if line.contains('#') {
            for number in NUMBERED {
                let line = intern(&line.replace('#', &number.to_string()));
                keys.extend(key_of(line, is_host));
            }
        } else {
            keys.extend(key_of(line, is_host));
        }
    }
    keys
}

fn key_of(line: &'static str, is_host: bool) -> Option<Key> {
    let mut words = line.split(' ');
    let name = words.next()?;
    let short = words
        .next()
        .map(|key| if key == "-" { name } else { key })?;
    let ecs_field = match words.next()?.split_once('|') {
        Some((_, host)) if is_host => host,
        Some((observer, _)) => observer,
        None => line.split(' ').nth(2)?,
    };
    let mut key = Key {
        name,
        short,
        ecs_field,
        alias: None,
        is_time: false,
        is_first: false,
    };
    for word in words {
        match word {
            "time" => key.is_time = true,
            "first" => key.is_first = true,
            _ => key.alias = word.strip_prefix("alias="),
        }
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_a_key_and_no_key_stands_for_two() {
        let keys = keys(false);
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(lines.count(), 127);
        assert_eq!(keys.len(), 119 + 8 * 15);
        let mut seen = std::collections::HashSet::new();
        for key in &keys {
            assert!(seen.insert(key.name), "{}", key.name);
            assert!(
                key.short == key.name || seen.insert(key.short),
                "{}",
                key.short
            );
            assert!(key.ecs_field.starts_with('[') || key.ecs_field == "@timestamp");
        }
        assert_eq!(ReadKeys::new(true, false).times, 8);
        assert_eq!(ReadKeys::new(false, false).times, 0);
    }

    #[test]
    fn fields_are_written_under_their_keys() {
        let written = |field| written_key(field, true, false, true);
        assert_eq!(written("[source][ip]"), "src");
        assert_eq!(written("sourceAddress"), "src");
        assert_eq!(written("[source][registered_domain]"), "sourceDnsDomain");
        assert_eq!(
            written("[cef][device_custom_string_15][label]"),
            "cs15Label"
        );
        assert_eq!(written("destinationLatitude"), "dlat");
        assert_eq!(written("my.own field"), "myownfield");
        assert_eq!(
            written_key("destinationLatitude", false, false, false),
            "destinationLatitude"
        );
        assert_eq!(
            written_key("[host][ip]", true, true, false),
            "deviceAddress"
        );
        assert_eq!(written_key("[host][ip]", true, false, false), "hostip");
    }
}

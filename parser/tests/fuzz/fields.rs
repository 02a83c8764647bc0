//! References to fields, and templates.

use super::*;

const REFERENCES: &[&str] = &[
    "[",
    "]",
    "a",
    "b",
    "[a]",
    "[0]",
    "[-1]",
    "@metadata",
    "@timestamp",
    "tags",
    "][",
    " ",
    "\\",
    "%",
    "999999999999",
];

#[test]
fn field_references() {
    texts(1, REFERENCES, |text, _| {
        let arena = Arena::new();
        let Ok(field) = FieldRef::parse_in(&arena, arena.alloc_str(text)) else {
            return;
        };
        let mut event = Event::new(&arena, now());
        if event.set(field, Value::Int(1)).is_ok() {
            event.get(field);
            event.contains(field);
        }
        event.remove(field);
        write_json(&mut Vec::new(), &event);
        assert!(arena.allocated_bytes() < MEMORY_MAX, "{text:?}");
    });
}

const TEMPLATES: &[&str] = &[
    "%{",
    "}",
    "%{a}",
    "%{[a][0]}",
    "%{+",
    "%{+YYYY.MM.dd}",
    "%{{",
    "}}",
    "yyyy",
    "'",
    "''",
    "+",
    "%s",
    "[a",
    "]",
    "Q",
    "e",
    "x",
    "{",
    "\\",
    "SSSSSSSSSSSS",
    "ZZZ",
    "%{}",
    "%{+}",
];

#[test]
fn templates() {
    texts(2, TEMPLATES, |text, _| {
        CONFIGURED.set(CONFIGURED.get() + text.len());
        let arena = Arena::new();
        let mut event = Event::new(&arena, now());
        event.fields_mut().push("a", Value::Str("x"));
        Template::lenient(text).render(&event);
    });
}

use super::*;

fn field(text: &str) -> FieldRef<'static> {
    FieldRef::parse(text).unwrap()
}

fn json(event: &Event<'_>) -> serde_json::Value {
    let mut out = Vec::new();
    write_json(&mut out, event);
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn setting_a_nested_field_makes_the_objects_on_the_way() {
    let arena = Arena::new();
    let mut event = Event::empty(&arena);
    event.set(field("[a][b][c]"), Value::Int(1)).unwrap();
    event.set(field("[a][x]"), Value::Str("y")).unwrap();
    event
        .set(field("[@metadata][m]"), Value::Bool(true))
        .unwrap();
    assert_eq!(
        json(&event),
        serde_json::json!({"a": {"b": {"c": 1}, "x": "y"}})
    );
    assert_eq!(event.get(field("[@metadata][m]")), Some(&Value::Bool(true)));
}

#[test]
fn arrays_are_indexed_from_both_ends_and_padded() {
    let arena = Arena::new();
    let mut event = Event::empty(&arena);
    let mut list = Array::new_in(&arena);
    list.extend([Value::Int(1), Value::Int(2)]);
    event.set(field("list"), Value::Array(list)).unwrap();
    assert_eq!(event.get(field("[list][-1]")), Some(&Value::Int(2)));
    assert_eq!(event.get(field("[list][2]")), None);
    event.set(field("[list][3]"), Value::Int(4)).unwrap();
    assert_eq!(json(&event), serde_json::json!({"list": [1, 2, null, 4]}));
    event.remove(field("[list][0]"));
    assert_eq!(json(&event), serde_json::json!({"list": [2, null, 4]}));
}

#[test]
fn nothing_can_lie_below_a_string() {
    let arena = Arena::new();
    let mut event = Event::empty(&arena);
    event.set(field("a"), Value::Str("text")).unwrap();
    let error = event.set(field("[a][b]"), Value::Int(1)).unwrap_err();
    assert!(matches!(error, InvalidFieldSet::Parent { parent, .. } if parent == "a"));
    assert_eq!(json(&event), serde_json::json!({"a": "text"}));
}

#[test]
fn field_references_that_are_refused() {
    for text in ["[a", "a]", "[a]b", "a[b]", "[]", "[a][]", "[a]]"] {
        assert!(FieldRef::parse(text).is_err(), "{text}");
    }
    assert_eq!(field("[[a][b]]").to_string(), "[a][b]");
    assert_eq!(field("[a]"), field("a"));
}

#[test]
fn tags_are_added_once_and_to_whatever_is_there() {
    let arena = Arena::new();
    let mut event = Event::empty(&arena);
    event.tag("one");
    event.tag("one");
    assert_eq!(json(&event), serde_json::json!({"tags": ["one"]}));
    event.set(field("tags"), Value::Str("single")).unwrap();
    event.tag("two");
    assert_eq!(json(&event), serde_json::json!({"tags": ["single", "two"]}));
}

#[test]
fn ill_typed_tags_and_timestamps_are_set_apart() {
    let arena = Arena::new();
    let mut fields = Object::new(&arena);
    fields.push("tags", Value::Int(7));
    fields.push("@timestamp", Value::Str("never"));
    let event = Event::from_object(&arena, fields, Timestamp::from_millis(0));
    let json = json(&event);
    assert_eq!(json["_tags"], serde_json::json!([7]));
    assert_eq!(json["_@timestamp"], "never");
    assert_eq!(
        json["tags"],
        serde_json::json!(["_tagsparsefailure", "_timestampparsefailure"])
    );
    assert_eq!(json["@timestamp"], "1970-01-01T00:00:00.000Z");
}

#[test]
fn templates_print_values_as_logstash_does() {
    let arena = Arena::new();
    let mut event = Event::new(&arena, Timestamp::from_millis(1_431_869_103_000));
    event.set(field("[a][b]"), Value::Str("x")).unwrap();
    event.set(field("big"), Value::Float(1e20)).unwrap();
    event.set(field("nothing"), Value::Null).unwrap();
    let mut list = Array::new_in(&arena);
    let mut nested = Object::new(&arena);
    nested.push("x", Value::Int(1));
    list.extend([Value::Int(1), Value::Str("two"), Value::Object(nested)]);
    event.set(field("list"), Value::Array(list)).unwrap();
    let cases = [
        ("plain", "plain"),
        ("%{[a][b]}", "x"),
        ("<%{[a][b]}>", "<x>"),
        ("%{a}", r#"{"b":"x"}"#),
        ("%{list}", "1,two,{x=1}"),
        ("%{big}", "1.0E20"),
        ("%{missing} %{nothing}", "%{missing} %{nothing}"),
        ("apache-%{+YYYY.MM.dd}", "apache-2015.05.17"),
        ("%{+%s}", "1431869103"),
        ("%{unclosed", "%{unclosed"),
    ];
    for (template, text) in cases {
        assert_eq!(Template::parse(template).unwrap().render(&event), text);
    }
}

#[test]
fn tags_hold_strings_and_nothing_else() {
    let arena = Arena::new();
    let mut event = Event::empty(&arena);
    assert!(event.set(field("tags"), Value::Int(1)).is_err());
    assert!(event.set(field("[tags][a]"), Value::Str("x")).is_err());
    event.set(field("tags"), Value::Str("x")).unwrap();
    assert_eq!(json(&event), serde_json::json!({"tags": "x"}));
}

#[test]
fn a_null_counts_as_there_but_not_in_an_array() {
    let arena = Arena::new();
    let mut event = Event::empty(&arena);
    event.set(field("nothing"), Value::Null).unwrap();
    let list = Array::from_iter_in([Value::Null], &arena);
    event.set(field("list"), Value::Array(list)).unwrap();
    assert!(event.contains(field("nothing")));
    assert!(!event.contains(field("[list][0]")));
    // A name that is no index goes nowhere.
    event.set(field("[list][x]"), Value::Int(1)).unwrap();
    assert_eq!(
        json(&event),
        serde_json::json!({"nothing": null, "list": [null]})
    );
}

#[test]
fn a_template_that_cannot_be_compiled_is_an_error_when_it_is_rendered() {
    let arena = Arena::new();
    let event = Event::empty(&arena);
    let bad = Template::lenient("a %{[b}");
    assert!(bad.try_render(&event).is_err());
    assert_eq!(bad.render(&event), "a %{[b}");
    assert_eq!(Template::lenient("a").try_render(&event), Ok("a"));
    // Without a timestamp a date is nothing.
    let date = Template::parse("x%{+YYYY}").unwrap();
    assert_eq!(date.render(&event), "x");
}

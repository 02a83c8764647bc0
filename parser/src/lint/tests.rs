#![allow(clippy::unwrap_used, reason = "a test")]

use super::*;
use crate::config::{ParseOptions, Severity, SourceMap, parse};

/// The rules that a filter section breaks, in the order of the text.
fn rules(filter: &str) -> Vec<&'static str> {
    rules_of(format!("filter {{\n{filter}\n}}"))
}

/// The same, where events come from Kafka with this codec.
fn rules_fed(codec: &str, filter: &str) -> Vec<&'static str> {
    rules_of(format!(
        "input {{ kafka {{ topics => logs codec => {codec} }} }}\nfilter {{\n{filter}\n}}"
    ))
}

fn rules_of(text: String) -> Vec<&'static str> {
    let mut sources = SourceMap::default();
    sources.add("a.conf", text);
    let (config, mut found) = parse(&sources, &ParseOptions::default());
    let errors: Vec<_> = found
        .iter()
        .filter(|one| one.severity != Severity::Warning)
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    found.extend(lint(&config, EcsCompatibility::V8));
    silence(&mut found, &config, &sources);
    found.iter().map(|one| one.rule.unwrap()).collect()
}

#[test]
fn what_cannot_be_reached_is_found() {
    assert_eq!(rules("drop { } mutate { }"), ["unreachable"]);
    assert_eq!(
        rules("if [a] { drop { } } else { drop { } } mutate { }"),
        ["unreachable"]
    );
    assert_eq!(
        rules("if [a] == 1 { mutate { } } else if [a] == 1 { mutate { } }"),
        ["unreachable"]
    );
    assert!(rules("drop { percentage => 50 } mutate { }").is_empty());
    assert!(rules("if [a] { drop { } } mutate { }").is_empty());
    assert!(rules("if [a] { mutate { } drop { } } mutate { }").is_empty());
}

#[test]
fn conditions_that_never_change_are_found() {
    assert_eq!(rules("if [a] in [\"x\"] { }"), ["one-element-list"]);
    assert!(rules("if [a] in [\"x\", \"y\"] { }").is_empty());
    assert!(rules("if \"x\" in [tags] { }").is_empty());
    assert_eq!(
        rules("if [a] == \"x\" and [a] == \"y\" { }"),
        ["constant-condition"]
    );
    assert_eq!(
        rules("if [a] != \"x\" or [a] != \"y\" { }"),
        ["constant-condition"]
    );
    assert!(rules("if [a] == \"x\" or [a] == \"y\" { }").is_empty());
    assert_eq!(rules("if \"a\" == \"b\" { }"), ["constant-condition"]);
}

#[test]
fn comparisons_with_another_type_are_found() {
    let convert = |kind: &str, condition: &str| {
        rules(&format!(
            "mutate {{ convert => {{ \"s\" => \"{kind}\" }} }} if {condition} {{ }}"
        ))
    };
    assert_eq!(convert("integer", "[s] == \"200\""), ["never-equal"]);
    assert_eq!(convert("integer", "[s] =~ /^2/"), ["never-equal"]);
    assert_eq!(convert("float", "[s] == 5"), ["never-equal"]);
    assert_eq!(convert("boolean", "[s] == \"true\""), ["never-equal"]);
    assert_eq!(convert("string", "[s] >= 5"), ["never-equal"]);
    assert!(convert("integer", "[s] >= 500").is_empty());
    assert!(convert("float", "[s] > 5").is_empty());
    assert!(convert("string", "[s] == \"5\"").is_empty());
    let replaced = "mutate { convert => { \"s\" => integer } } mutate { replace => { \"s\" => \"x\" } } if [s] == \"x\" { }";
    assert!(rules(replaced).is_empty());
}

#[test]
fn captures_that_collide_are_found() {
    let grok = |pattern: &str| {
        rules(&format!(
            "grok {{ match => {{ message => \"{pattern}\" }} }}"
        ))
    };
    assert_eq!(grok("%{WORD:a} %{GREEDYDATA:message}"), ["grok-capture"]);
    assert_eq!(grok("%{TIMESTAMP_ISO8601:@timestamp}"), ["grok-capture"]);
    assert_eq!(grok("%{WORD:a} %{WORD:[a][b]}"), ["grok-capture"]);
    assert_eq!(grok("%{IP:a} %{WORD:a}"), ["grok-capture"]);
    assert_eq!(grok("%{IP:a}(?: (?<[a]>.))?"), ["grok-capture"]);
    assert!(grok("%{IP:a} x|%{WORD:a} y|(?!%{INT:a})%{INT:a}").is_empty());
    assert!(grok("%{COMBINEDAPACHELOG}").is_empty());
    // It captures the user twice by itself, and this one the action again.
    assert!(grok("%{CISCOFW106100:all}").is_empty());
    assert_eq!(
        grok("%{WORD:[cisco][asa][outcome]} %{CISCOFW106100}"),
        ["grok-capture"]
    );
    let overwritten = "grok { match => { message => \"%{WORD:a} %{GREEDYDATA:message}\" } overwrite => [\"message\"] }";
    assert!(rules(overwritten).is_empty());
}

#[test]
fn captures_of_several_types_are_found() {
    let grok = |pattern: &str| {
        rules(&format!(
            "grok {{ match => {{ message => \"{pattern}\" }} }}"
        ))
    };
    assert_eq!(grok("%{INT:n:int}|%{WORD:n}"), ["grok-capture"]);
    assert_eq!(grok("%{INT:n:int} %{NUMBER:n:float}"), ["grok-capture"]);
    assert!(grok("%{INT:n:int}|%{NUMBER:n:int}").is_empty());
    // One gives the status as a number, the other as text.
    let both = grok("(?:%{COMBINEDAPACHELOG}|%{HAPROXYHTTP})");
    assert_eq!(both, ["grok-capture"]);
    // The second status is not converted.
    assert_eq!(
        grok("%{COMMONAPACHELOG}|%{HTTPD_COMMONLOG}"),
        ["grok-capture"]
    );
    assert!(grok("%{HAPROXYHTTP}").is_empty());
}

#[test]
fn what_nothing_sets_is_found() {
    let plain = |filter: &str| rules_fed("plain", filter);
    assert_eq!(plain("if [type] == \"a\" { mutate { } }"), ["never-set"]);
    assert_eq!(plain("if ![level] { mutate { } }"), ["never-set"]);
    assert_eq!(
        plain("mutate { add_field => { aa => \"%{[b][c]}\" } }"),
        ["never-set"]
    );
    assert_eq!(
        plain("grok { match => { message => \"%{WORD:levl}\" } } if [level] { mutate { } }"),
        ["never-set"]
    );
    assert_eq!(
        plain("if [@metadata][beat] in [\"a\", \"b\"] { mutate { } }"),
        ["never-set"]
    );
    for known in [
        "grok { match => { message => \"%{WORD:[log][level]}\" } } if [log][level] { mutate { } }",
        "dissect { mapping => { message => \"%{a} %{+b/1}%{c->} %{?d}\" } } if [a] == [b] and [c] { mutate { } }",
        "mutate { copy => { message => \"aa\" } add_field => { bb => \"%{aa}\" } } if [bb] { mutate { } }",
        "json { source => message target => json } if [json][x] { mutate { } }",
        "csv { columns => [aa] } if [aa] or [column2] { mutate { } }",
        "if [message] and [@timestamp] > 1 and \"x\" in [tags] { mutate { } }",
        "mutate { add_field => { aa => \"%{+yyyy}%{message}\" } }",
    ] {
        assert!(plain(known).is_empty(), "{known}");
    }
    // Where any field may come from somewhere.
    let looks = "if [type] { mutate { } }";
    assert!(rules(looks).is_empty());
    assert!(rules_fed("json", looks).is_empty());
    for open in [
        "ruby { code => \"\" }",
        "json { source => message }",
        "kv { }",
    ] {
        assert!(plain(&format!("{open} {looks}")).is_empty(), "{open}");
    }
}

#[test]
fn formats_of_dates_are_checked_wherever_they_stand() {
    assert_eq!(
        rules("date { match => [\"t\", \"yyyy-mm-dd\"] }"),
        ["date-format"]
    );
    assert_eq!(
        rules("mutate { add_field => { day => \"%{+YYYY.mm.dd}\" } }"),
        ["date-format"]
    );
    assert!(rules("date { match => [\"mm dd\", \"yyyy-MM-dd\"] }").is_empty());
}

#[test]
fn comments_silence_rules() {
    let bad = "date { match => [\"t\", \"yyyy-mm-dd\"] }";
    assert!(rules(&format!("{bad} # kelp: allow(date-format)")).is_empty());
    assert!(rules(&format!("# kelp: allow(date-format)\n{bad}")).is_empty());
    assert!(rules(&format!("# kelp: allow-file(date-format)\n{bad}\n{bad}")).is_empty());
    assert_eq!(
        rules(&format!("# kelp: allow(date-format)\n{bad}\n{bad}")),
        ["date-format"]
    );
    assert_eq!(
        rules(&format!("# kelp: allow(date-formt)\n{bad}")),
        ["date-format", "unknown-rule"]
    );
}

#[test]
fn rules_are_sorted() {
    assert!(RULES.is_sorted_by_key(|rule| rule.name));
}

//! The filters that take a text apart.

use super::*;

#[test]
fn dissect() {
    const MAPPINGS: &[&str] = &[
        "%{a}",
        "%{b}",
        "%{+a}",
        "%{+a/2}",
        "%{?k}",
        "%{&k}",
        "%{}",
        "%{a->}",
        " ",
        ",",
        "[",
        "]",
        "%{",
        "}",
        "->",
        "%{[x][y]}",
        "é",
        "\t",
        "/",
    ];
    const LINES: &[&str] = &[
        "a", " ", ",", "[", "]", "  ", "é", "=", "\n", "/", "1", "x y",
    ];
    texts(5, MAPPINGS, |mapping, random| {
        let options = format!("mapping => {{ \"message\" => {} }}", quoted(mapping));
        if let Some(pipeline) = filter("dissect", &options) {
            run(&pipeline, &text(LINES, random));
        }
    });
}

const PAIRS: &[&str] = &[
    "a",
    "b",
    "=",
    " ",
    "a=1",
    "\"",
    "'",
    "[",
    "]",
    "(",
    ")",
    "<",
    ">",
    "\\",
    ",",
    ";",
    "&",
    ":",
    "\n",
    "é",
    "a=\"x",
    "@timestamp=1",
    "tags=x",
    "[a][b]=",
];

#[test]
fn kv() {
    let options = [
        "",
        "recursive => true",
        "value_split => \":\"",
        "field_split_pattern => \"[,;]+\"",
        "whitespace => \"strict\"",
        "include_brackets => false",
        "target => \"kv\"",
        "trim_value => \"<>\" remove_char_key => \"a\"",
    ];
    let pipelines: Vec<_> = options
        .iter()
        .filter_map(|options| filter("kv", options))
        .collect();
    assert_eq!(pipelines.len(), options.len());
    texts(6, PAIRS, |text, random| {
        run(&pipelines[random.below(pipelines.len())], text)
    });
    texts(7, PAIRS, |split, random| {
        let options = format!(
            "field_split => {0} value_split => {0} trim_key => {0}",
            quoted(split)
        );
        if let Some(pipeline) = filter("kv", &options) {
            run(&pipeline, &text(PAIRS, random));
        }
    });
}

#[test]
fn csv() {
    const ROWS: &[&str] = &[
        "a",
        ",",
        "\"",
        "\"\"",
        "\n",
        "\r\n",
        ";",
        " ",
        "1",
        "2.5",
        "é",
        "\t",
        "\0",
        "2020-01-02",
        "\",\"",
    ];
    let options = [
        "",
        "separator => \";\"",
        "quote_char => \"'\"",
        "columns => [\"a\", \"[b][c]\"] skip_empty_columns => true",
        "convert => { \"column1\" => \"integer\" \"column2\" => \"date_time\" }",
        "autodetect_column_names => true",
        "target => \"t\"",
    ];
    let pipelines: Vec<_> = options
        .iter()
        .filter_map(|options| filter("csv", options))
        .collect();
    assert_eq!(pipelines.len(), options.len());
    texts(8, ROWS, |text, random| {
        run(&pipelines[random.below(pipelines.len())], text)
    });
}

#[test]
fn dates() {
    const FORMATS: &[&str] = &[
        "yyyy",
        "MM",
        "MMM",
        "dd",
        "HH",
        "mm",
        "ss",
        "SSS",
        "Z",
        "ZZZ",
        "z",
        "EEE",
        "a",
        "e",
        "ww",
        "xxxx",
        "D",
        "G",
        "'",
        "-",
        " ",
        "T",
        "ISO8601",
        "UNIX",
        "UNIX_MS",
        "TAI64N",
        "Q",
        "yyyy-MM-dd'T'HH:mm:ss",
    ];
    const DATES: &[&str] = &[
        "2020",
        "-",
        "01",
        "12",
        "31",
        "T",
        "10",
        ":",
        "59",
        ".",
        "123",
        "Z",
        "+01:00",
        "Mar",
        "Tue",
        "@4000000050d506482dbdf024",
        "1478207457",
        " ",
        "PM",
        "Europe/Prague",
        "99999999999999999999",
        "é",
    ];
    let known: Vec<_> = [
        "ISO8601",
        "UNIX",
        "UNIX_MS",
        "TAI64N",
        "dd/MMM/yyyy:HH:mm:ss Z",
        "MMM d HH:mm:ss",
    ]
    .iter()
    .filter_map(|format| filter("date", &format!("match => [\"message\", \"{format}\"]")))
    .collect();
    texts(9, DATES, |text, random| {
        run(&known[random.below(known.len())], text)
    });
    texts(10, FORMATS, |format, random| {
        let options = format!("match => [\"message\", {}]", quoted(format));
        if let Some(pipeline) = filter("date", &options) {
            run(&pipeline, &text(DATES, random));
        }
    });
}

#[test]
fn translate() {
    const KEYS: &[&str] = &[
        "", "a", "b", "é", "日", "ab", ".", "^", "(a)", " ", "\u{301}",
    ];
    texts(16, KEYS, |text, random| {
        let pairs: String = (0..random.below(5))
            .map(|value| format!("{}, \"{value}\", ", quoted(KEYS[random.below(KEYS.len())])))
            .collect();
        let kind = ["", "exact => false", "regex => true"][random.below(3)];
        let options = format!(
            "source => \"message\" target => \"t\" {kind} dictionary => [{}]",
            pairs.trim_end_matches(", ")
        );
        if let Some(pipeline) = filter("translate", &options) {
            run(&pipeline, text);
        }
    });
}

//! What filters cost on inputs that are hard on them: `cargo bench -p kelp-parser --bench hard` prints milliseconds for an event of
//! a size and of four times that size. Where the cost grows with the size alone the last column is about 4; a filter that goes over
//! what it has for each part of it shows 16. `-- NAME` measures one filter.

use std::time::{Duration, Instant};

use kelp_parser::event::{Arena, Event, Value};
use kelp_parser::json::{Fractions, parse as parse_json};
use kelp_parser::pipeline::WorkerState;
use kelp_parser::time::Timestamp;

#[path = "support/filter.rs"]
mod filter;
#[path = "support/separators.rs"]
mod separators;

/// An input: the filter, its options, what it shows, its size, and the event of a size.
type Row = (
    &'static str,
    String,
    &'static str,
    usize,
    fn(usize) -> String,
);

fn message(text: &str) -> String {
    serde_json::json!({ "message": text }).to_string()
}

/// `piece` for each number, in one text.
fn text_of(count: usize, piece: impl Fn(usize) -> String) -> String {
    (0..count).map(piece).collect()
}

fn fields(count: usize, name: impl Fn(usize) -> String) -> String {
    let pairs = (0..count).map(|number| (name(number), serde_json::json!(number.to_string())));
    serde_json::Value::Object(pairs.collect()).to_string()
}

fn list(count: usize) -> String {
    let values: Vec<String> = (0..count).map(|number| format!("value {number}")).collect();
    serde_json::json!({ "list": values, "other": values }).to_string()
}

fn rows() -> Vec<Row> {
    // A list ends without a comma.
    let pairs = |count: usize, pair: fn(usize) -> String| {
        let text = text_of(count, pair);
        text.trim_end_matches([',', ' ']).to_owned()
    };
    let dictionary = pairs(2_000, |number| {
        format!("\"^key{number}[a-z]+$\" => \"{number}\" ")
    });
    let patterns = pairs(100, |number| format!("\"^f{number}[0-9]x$\", "));
    let networks = pairs(1_000, |number| {
        format!("\"10.{}.{}.0/24\", ", number / 250, number % 250)
    });
    let columns = pairs(1_000, |number| format!("\"c{number}\", "));
    let formats = pairs(10, |number| format!("\"yyyy-MM-dd'T{number}'HH:mm:ss\", "));
    let owned = str::to_owned;
    vec![
        ("kv", String::new(), "many keys", 20_000, |n| {
            message(&text_of(n, |k| format!("k{k}=v ")))
        }),
        (
            "kv",
            String::new(),
            "one key again and again",
            20_000,
            |n| message(&text_of(n, |k| format!("k=v{k} "))),
        ),
        (
            "kv",
            owned("allow_duplicate_values => false"),
            "one key, no duplicates",
            20_000,
            |n| message(&text_of(n, |k| format!("k=v{k} "))),
        ),
        (
            "kv",
            owned("include_keys => [\"none\"]"),
            "a text without a pair",
            200_000,
            |n| message(&"word ".repeat(n / 5)),
        ),
        (
            "mutate",
            owned("gsub => [\"message\", \"a\", \"bb\"]"),
            "long text",
            200_000,
            |n| message(&"xa".repeat(n / 2)),
        ),
        (
            "mutate",
            owned("gsub => [\"message\", \"%{x}b\", \"c\"]"),
            "an expression of the event",
            200_000,
            |n| message(&"xa".repeat(n / 2)),
        ),
        (
            "mutate",
            owned("split => { \"message\" => \",\" }"),
            "many parts",
            50_000,
            |n| message(&"a,".repeat(n)),
        ),
        (
            "mutate",
            owned("join => { \"list\" => \",\" }"),
            "many parts",
            20_000,
            list,
        ),
        (
            "mutate",
            owned("merge => { \"list\" => \"other\" }"),
            "two long lists",
            10_000,
            list,
        ),
        (
            "mutate",
            owned("uppercase => [\"list\"] strip => [\"list\"]"),
            "a long list",
            20_000,
            list,
        ),
        (
            "mutate",
            owned("add_tag => [\"t\"] remove_tag => [\"u\"]"),
            "many tags",
            5_000,
            |n| {
                let tags: Vec<String> = (0..n).map(|tag| format!("t{tag}")).collect();
                serde_json::json!({ "tags": tags }).to_string()
            },
        ),
        ("csv", String::new(), "many columns", 10_000, |n| {
            message(&"a,".repeat(n))
        }),
        (
            "csv",
            format!("columns => [{columns}]"),
            "a thousand columns by name",
            1_000,
            |n| message(&"a,".repeat(n)),
        ),
        (
            "csv",
            owned("convert => { \"column1\" => \"integer\" }"),
            "long value",
            200_000,
            |n| message(&"9".repeat(n)),
        ),
        (
            "json",
            owned("source => \"message\""),
            "many fields",
            20_000,
            |n| message(&fields(n, |k| format!("k{k}"))),
        ),
        (
            "json",
            owned("source => \"message\""),
            "long list",
            50_000,
            |n| message(&format!("{{\"a\":[{}1]}}", "1,".repeat(n))),
        ),
        (
            "json_encode",
            owned("source => \"list\""),
            "long list",
            20_000,
            list,
        ),
        ("split", String::new(), "many lines", 20_000, |n| {
            message(&"a line\n".repeat(n))
        }),
        (
            "split",
            owned("field => \"list\""),
            "long list",
            20_000,
            // Each part has a copy of all else.
            |n| serde_json::json!({ "list": vec!["value"; n] }).to_string(),
        ),
        (
            "clone",
            owned("clones => [\"a\", \"b\"]"),
            "many fields",
            5_000,
            |n| fields(n, |k| format!("k{k}")),
        ),
        (
            "prune",
            format!("whitelist_names => [{patterns}]"),
            "a hundred patterns",
            1_000,
            |n| fields(n, |k| format!("f{k}")),
        ),
        ("de_dot", String::new(), "many names", 5_000, |n| {
            fields(n, |k| format!("a.k{k}"))
        }),
        (
            "de_dot",
            owned("nested => true"),
            "many nested names",
            5_000,
            |n| fields(n, |k| format!("a.k{k}")),
        ),
        (
            "de_dot",
            owned("recursive => true"),
            "many names below one",
            5_000,
            |n| format!("{{\"o\":{}}}", fields(n, |k| format!("a.k{k}"))),
        ),
        (
            "prune",
            owned("blacklist_names => [\"[13579]$\"]"),
            "half of many fields",
            5_000,
            |n| fields(n, |k| format!("k{k}")),
        ),
        (
            "json",
            owned("source => \"k0\""),
            "few fields into an event of many",
            5_000,
            |n| {
                fields(n, |k| format!("k{k}")).replacen(
                    "\"0\"",
                    "\"{\\\"k7\\\":1,\\\"new\\\":2}\"",
                    1,
                )
            },
        ),
        (
            "kv",
            owned("source => \"k0\""),
            "few pairs into an event of many fields",
            5_000,
            |n| fields(n, |k| format!("k{k}")).replacen("\"0\"", "\"k7=1 new=2\"", 1),
        ),
        (
            "ruby",
            owned(
                "code => \"event.to_hash.each { |k, v| event.set('new_' + k, v) unless k.start_with?('@') }\"",
            ),
            "sets as many fields as there are",
            1_000,
            |n| fields(n, |k| format!("k{k}")),
        ),
        (
            "ruby",
            owned(
                "code => \"event.to_hash.each { |k, v| event.remove(k) unless k.start_with?('@') }\"",
            ),
            "removes many fields",
            1_000,
            |n| fields(n, |k| format!("k{k}")),
        ),
        (
            "fingerprint",
            owned("method => \"SHA256\" concatenate_all_fields => true"),
            "many fields",
            5_000,
            |n| fields(n, |k| format!("k{k}")),
        ),
        (
            "translate",
            format!(
                "source => \"message\" target => \"t\" regex => true exact => true dictionary => {{ {dictionary} }}"
            ),
            "2,000 expressions, none fits",
            1_000,
            |n| message(&"key ".repeat(n / 4)),
        ),
        (
            "translate",
            format!(
                "source => \"message\" target => \"t\" exact => false dictionary => {{ {dictionary} }}"
            ),
            "2,000 texts, none is in it",
            1_000,
            |n| message(&"key ".repeat(n / 4)),
        ),
        (
            "xml",
            owned("source => \"message\" target => \"x\""),
            "many elements of one name",
            10_000,
            |n| message(&format!("<a>{}</a>", "<b>1</b>".repeat(n))),
        ),
        (
            "xml",
            owned("source => \"message\" target => \"x\""),
            "many names",
            5_000,
            |n| {
                message(&format!(
                    "<a>{}</a>",
                    text_of(n, |k| format!("<b{k}>1</b{k}>"))
                ))
            },
        ),
        (
            "xml",
            owned(
                "source => \"message\" store_xml => false xpath => [\"//b/text()\", \"b\", \"/a/b[last()]\", \"c\"]",
            ),
            "paths over many elements",
            5_000,
            |n| message(&format!("<a>{}</a>", "<b>1</b>".repeat(n))),
        ),
        (
            "urldecode",
            owned("field => \"message\""),
            "all of it encoded",
            100_000,
            |n| message(&"%41".repeat(n)),
        ),
        (
            "urldecode",
            owned("all_fields => true"),
            "many fields",
            5_000,
            |n| fields(n, |k| format!("k{k}")),
        ),
        (
            "truncate",
            owned("length_bytes => 10"),
            "many fields",
            5_000,
            |n| fields(n, |k| format!("k{k}")),
        ),
        (
            "truncate",
            owned("fields => [\"message\"] length_bytes => 10"),
            "long text",
            200_000,
            |n| message(&"ä".repeat(n)),
        ),
        (
            "dissect",
            owned("mapping => { \"message\" => \"%{a} %{b},%{c}\" }"),
            "a delimiter that does not come",
            200_000,
            |n| message(&"a ".repeat(n / 2)),
        ),
        (
            "date",
            format!("match => [\"message\", {formats}]"),
            "ten formats, none fits",
            20,
            |n| message(&format!("2026-10-06T{}", "9".repeat(n))),
        ),
        (
            "cidr",
            format!("address => [\"%{{message}}\"] network => [{networks}]"),
            "a thousand networks, a miss",
            1,
            |_| message("11.0.0.1"),
        ),
        (
            "useragent",
            owned("source => \"message\""),
            "long odd agent",
            2_000,
            |n| message(&"Mozilla/5.0 (x; ".repeat(n / 16)),
        ),
        (
            "extractnumbers",
            owned("source => \"message\""),
            "many numbers",
            10_000,
            |n| message(&"12.5 a ".repeat(n)),
        ),
        (
            "grok",
            owned("match => { \"message\" => \"%{IP:a} %{WORD:b} %{GREEDYDATA:c}x$\" }"),
            "long line, a miss",
            50_000,
            |n| message(&"10.0.0.1 word ".repeat(n / 14)),
        ),
        (
            "grok",
            owned("match => { \"message\" => \"%{COMBINEDAPACHELOG}\" }"),
            "long line, a miss",
            50_000,
            |n| message(&"10.0.0.1 word ".repeat(n / 14)),
        ),
        (
            "range",
            owned("ranges => [\"message\", 0, 5, \"tag:a\"]"),
            "long text",
            200_000,
            |n| message(&"a".repeat(n)),
        ),
        (
            "ruby",
            owned(
                "code => \"event.set('n', event.get('message').split(',').map { |v| v.upcase }.uniq.length)\"",
            ),
            "long text",
            10_000,
            |n| message(&"a,".repeat(n)),
        ),
    ]
}

fn main() {
    let wanted = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    println!("| Filter | Input | Size | ms | ms at four times the size | times |");
    println!("| --- | --- | ---: | ---: | ---: | ---: |");
    for (name, options, shows, size, event) in rows().into_iter().chain(separators::rows()) {
        if wanted.as_ref().is_some_and(|wanted| wanted != name) {
            continue;
        }
        let filter = format!("{name} {{ {options} }}");
        let small = measure(&filter, &event(size));
        let large = measure(&filter, &event(size * 4));
        let times = large / small;
        println!("| `{name}` | {shows} | {size} | {small:.3} | {large:.3} | {times:.1} |");
    }
}

/// A worker whose arena has taken more than this begins with a new one, as in `src/run/worker.rs`.
const ARENA_KEEPS_BYTES: usize = 4 << 20;

/// How long each input is measured, and how many times at least.
const MEASURED: Duration = Duration::from_millis(60);
const RUNS_MIN: u32 = 5;

/// Milliseconds for an event: the least of some runs. The memory of an event is that of the one before, as a worker has it.
fn measure(filter: &str, event: &str) -> f64 {
    let pipeline = filter::compile(filter);
    let now = Timestamp::new(1_795_478_400, 0);
    let mut worker = WorkerState::default();
    let mut arena = Arena::new();
    let mut best = f64::MAX;
    let mut runs = 0;
    let began = Instant::now();
    while runs < RUNS_MIN || began.elapsed() < MEASURED {
        let Ok(Value::Object(fields)) = parse_json(event, &arena, Fractions::Double) else {
            panic!("not an object: {event}");
        };
        let event = Event::from_object(&arena, fields, now);
        let started = Instant::now();
        pipeline.run(event, now, &mut worker, &mut |event, _| {
            std::mem::forget(std::hint::black_box(event));
        });
        best = best.min(started.elapsed().as_secs_f64() * 1000.0);
        runs += 1;
        match arena.allocated_bytes() > ARENA_KEEPS_BYTES {
            true => arena = Arena::new(),
            false => arena.reset(),
        }
    }
    best
}

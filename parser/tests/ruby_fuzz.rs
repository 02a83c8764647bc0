//! Random Ruby: whatever the code, there is a result, an exception, or a message when it is checked. No panic, no hang, no
//! unbounded memory. `KELP_FUZZ=1000000` runs more of it.

#[path = "support/memory.rs"]
mod memory;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use kelp_parser::config::{ParseOptions, Severity, SourceMap, parse};
use kelp_parser::event::{Arena, Event, Value};
use kelp_parser::filter::BuildContext;
use kelp_parser::json::{Fractions, parse as parse_json};
use kelp_parser::pipeline::{Pipeline, WorkerState};
use kelp_parser::spec::EcsCompatibility;
use kelp_parser::time::Timestamp;
use memory::{Memory, ignore_full_arenas, is_full, measured};

/// A small generator of its own, so that a failure is the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    fn pick<'l>(&mut self, list: &[&'l str]) -> &'l str {
        list[self.below(list.len())]
    }
}

const VALUES: &[&str] = &[
    "1",
    "-7",
    "0",
    "3.5",
    "-0.0",
    "2**70",
    "9223372036854775807",
    "-9223372036854775808",
    "'abc'",
    "''",
    "'a,b;c=d'",
    "'2024-01-02T03:04:05Z'",
    "'%5.2f %s'",
    "'\u{e9}\u{4e2d}'",
    ":sym",
    "nil",
    "true",
    "false",
    "[]",
    "[3, 1, 2]",
    "[1, [2, [3]], nil]",
    "['b', 'a']",
    "{}",
    "{'a' => 1, :b => [2]}",
    "(1..5)",
    "(1...3)",
    "('a'..'e')",
    "/b(c)?/",
    "event.get('n')",
    "event.get('t')",
    "event.get('l')",
    "event.get('h')",
    "Time.at(0).utc",
    "Time.now",
    "Date.parse('2024-02-29')",
    "Set.new([1, 2])",
    "IPAddr.new('10.0.0.0/8')",
    "Float::INFINITY",
    "0.0 / 0",
    "x",
    "y",
    "event",
    "->(q) { q }",
    "[1].pack('C')",
    "Hash.new(0)",
    "'a'.to_sym",
    "event.to_hash",
    "URI.parse('http://a/b?c')",
];

const METHODS: &[&str] = &[
    "length",
    "size",
    "to_s",
    "to_i",
    "to_f",
    "to_a",
    "to_h",
    "inspect",
    "upcase",
    "strip",
    "reverse",
    "chars",
    "bytes",
    "split",
    "sort",
    "uniq",
    "flatten",
    "compact",
    "first",
    "last",
    "min",
    "max",
    "sum",
    "keys",
    "values",
    "empty?",
    "nil?",
    "abs",
    "round",
    "floor",
    "ceil",
    "succ",
    "next",
    "hash",
    "dup",
    "to_json",
    "to_sym",
    "digits",
    "year",
    "wday",
    "utc",
    "iso8601",
    "lines",
    "ord",
    "hex",
    "chop",
    "chomp",
    "squeeze",
    "invert",
    "transpose",
    "rotate",
    "shuffle",
    "to_set",
    "any?",
    "all?",
    "tally",
    "minmax",
    "pop",
    "shift",
    "clear",
    "frozen?",
    "class",
    "chr",
    "bit_length",
    "to_range",
    "each_slice(2)",
    "each_cons(2)",
    "combination(2)",
    "first(2)",
    "last(-1)",
    "rjust(9)",
    "center(5, 'x')",
    "unpack('C*')",
    "unpack('N n a3 H*')",
    "index('b')",
    "gsub(/[ab]/) { |m| m * 2 }",
    "scan(/(.)(.)/)",
    "map { |e| e }",
    "select { |e| e }",
    "each { |e| e.to_s }",
    "sort_by { |e| e.to_s }",
    "group_by { |e| e.class }",
    "inject { |a, b| a }",
    "each_with_index { |e, i| i }",
    "reject(&:nil?)",
    "map(&:to_s)",
    "zip([1, 2])",
    "merge({'z' => 1})",
    "fetch(9, 0)",
    "dig('a', 0)",
    "slice(1, 2)",
    "[0]",
    "[-1]",
    "[1..]",
    "['a']",
    "strftime('%Y-%j %U %z')",
    "join('-')",
    "tr('a-c', 'x-z')",
    "sub('a', '\\\\0')",
    "to_s(16)",
    "then { |e| [e] }",
    "tap { |e| x = e }",
    "is_a?(String)",
    "respond_to?(:each)",
    "pack('n*')",
    "clamp(1, 5)",
    "step(20, 3).to_a",
    "times { |i| y = i }",
    "upto(9) { |i| y = i }",
    "prepend('p')",
    "insert(1, 'i')",
    "delete('a')",
    "push(1)",
    "unshift(nil)",
    "concat([4])",
    "replace('r')",
    "partition('b')",
    "start_with?('a')",
    "match(/b/)",
    "=~ /b/",
    "casecmp('ABC')",
    "each_char { |c| c }",
    "encode('UTF-8')",
    "force_encoding('BINARY')",
    "valid_encoding?",
    "default_proc",
    "transform_values { |v| v }",
    "cancel",
    "tag('t')",
];

const OPERATORS: &[&str] = &[
    "+", "-", "*", "/", "%", "**", "<<", ">>", "&", "|", "^", "==", "!=", "<", "<=", ">", ">=",
    "<=>", "===", "=~", "&&", "||",
];

fn expression(random: &mut Random, depth: usize) -> String {
    match random.below(if depth == 0 { 2 } else { 9 }) {
        0 | 1 => random.pick(VALUES).to_owned(),
        2 | 3 => format!(
            "({}).{}",
            expression(random, depth - 1),
            random.pick(METHODS)
        ),
        4 => format!(
            "({}) {} ({})",
            expression(random, depth - 1),
            random.pick(OPERATORS),
            expression(random, depth - 1)
        ),
        5 => format!(
            "[{}, {}]",
            expression(random, depth - 1),
            expression(random, depth - 1)
        ),
        6 => format!(
            "{{ 'k' => {}, {} => 1 }}",
            expression(random, depth - 1),
            random.pick(VALUES)
        ),
        7 => format!("\"a#{{{}}}b\"", expression(random, depth - 1)),
        _ => format!(
            "(({}) ? ({}) : ({}))",
            expression(random, depth - 1),
            expression(random, depth - 1),
            expression(random, depth - 1)
        ),
    }
}

fn statement(random: &mut Random, depth: usize) -> String {
    let inner = |random: &mut Random| match depth {
        0 => "x = 1".to_owned(),
        depth => statement(random, depth - 1),
    };
    match random.below(12) {
        0..=2 => format!("x = {}", expression(random, 2)),
        3 => format!("y = {}", expression(random, 3)),
        4 => format!("event.set('r', {})", expression(random, 3)),
        5 => format!(
            "if {}\n{}\nelse\n{}\nend",
            expression(random, 2),
            inner(random),
            inner(random)
        ),
        6 => format!("begin\n{}\nrescue => e\nx = e.message\nend", inner(random)),
        7 => format!("3.times do |i|\n{}\nend", inner(random)),
        8 => format!(
            "x {}= {}",
            random.pick(&["+", "-", "*", "||", "&&", "<<"]),
            random.pick(VALUES)
        ),
        9 => format!(
            "while true\n{}\nbreak if {}\nend",
            inner(random),
            expression(random, 1)
        ),
        10 => format!(
            "case {}\nwhen {}, {}\n{}\nend",
            expression(random, 1),
            random.pick(VALUES),
            random.pick(VALUES),
            inner(random)
        ),
        _ => format!(
            "y, x = {}, {}",
            expression(random, 2),
            expression(random, 2)
        ),
    }
}

/// Runs the code on an event, if it is accepted; whether it was.
fn run(code: &str) -> bool {
    let mut sources = SourceMap::default();
    sources.add(
        "case.conf",
        format!(
            "filter {{ ruby {{ code => '{}' }} }}",
            code.replace('\'', "\"")
        ),
    );
    let (config, mut diagnostics) = parse(&sources, &ParseOptions::default());
    let context = BuildContext::new(EcsCompatibility::Disabled);
    let pipeline = Pipeline::compile(&config, &context, &mut diagnostics);
    if diagnostics
        .iter()
        .any(|one| one.severity == Severity::Error)
    {
        return false;
    }
    let (arena, now) = (Arena::new(), Timestamp::new(1_700_000_000, 0));
    arena.set_allocation_limit(Some(EVENT_MAX));
    ignore_full_arenas();
    let input = r#"{"n":42,"t":"some text, with words","l":[1,"two",null],"h":{"a":{"b":[1,2]}}}"#;
    let Ok(Value::Object(fields)) = parse_json(input, &arena, Fractions::Double) else {
        panic!("not an object");
    };
    let event = Event::from_object(&arena, fields, now);
    pipeline.run(event, now, &mut WorkerState::default(), &mut |_, _| {});
    true
}

/// What an event may take in its arena, as `kelp.event.max_bytes` says it in a pipeline.
const EVENT_MAX: usize = 64 << 20;

/// Code may take 256 MiB beside the event; the compiler of the configuration and the event itself come on top.
const MEMORY_MAX: usize = (256 << 20) + EVENT_MAX + (32 << 20);

/// A machine under load is slow; a hang is slower.
const LONGEST: Duration = Duration::from_secs(60);

/// What was seen of the code so far.
#[derive(Debug, Default)]
struct Seen {
    runs: u64,
    accepted: u64,
    slowest: Duration,
    most_bytes: usize,
    kept: isize,
}

impl Seen {
    /// Runs code, which must end in time and with little memory.
    fn run(&mut self, seed: u64, code: &str) {
        let code = format!("x = nil\ny = nil\n{code}");
        let begun = Instant::now();
        let (result, Memory { peak, kept }) =
            measured(|| catch_unwind(AssertUnwindSafe(|| run(&code))));
        let took = begun.elapsed();
        let accepted = match result {
            Ok(accepted) => accepted,
            // It ran, but made too much of the event.
            Err(panic) if is_full(&*panic) => true,
            Err(_) => panic!("seed {seed} panics:\n{code}"),
        };
        assert!(took < LONGEST, "seed {seed} took {took:?}:\n{code}");
        assert!(peak < MEMORY_MAX, "seed {seed} took {peak} bytes:\n{code}");
        self.runs += 1;
        self.accepted += u64::from(accepted);
        self.slowest = self.slowest.max(took);
        self.most_bytes = self.most_bytes.max(peak);
        self.kept += kept;
        if self.runs.is_multiple_of(100_000) {
            eprintln!("{self:?}");
        }
    }
}

#[test]
fn random_code_ends() {
    let count: u64 = std::env::var("KELP_FUZZ").map_or(600, |count| count.parse().unwrap());
    let mut seen = Seen::default();
    for seed in 1..=count {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let lines = 1 + random.below(4);
        let code: Vec<String> = (0..lines).map(|_| statement(&mut random, 2)).collect();
        seen.run(seed, &code.join("\n"));
    }
    assert!(
        seen.accepted > count / 3,
        "only {} of {count} were accepted",
        seen.accepted
    );
}

/// Code cut off, doubled or with letters exchanged at random places is refused or runs.
#[test]
fn damaged_code_is_refused_or_runs() {
    let count: u64 = std::env::var("KELP_FUZZ").map_or(1_500, |count| count.parse().unwrap());
    let letters: Vec<char> = "(){}[]|&.,;:?!=<>+-*/%'\"#@$~^\\ \nab1_E\u{e9}"
        .chars()
        .collect();
    let mut seen = Seen::default();
    for seed in 1..=count {
        let mut random = Random(seed.wrapping_mul(0xD1B5_4A32_D192_ED03) | 1);
        let mut code: Vec<char> = statement(&mut random, 2).chars().collect();
        for _ in 0..1 + random.below(4) {
            let at = random.below(code.len() + 1);
            match random.below(3) {
                0 => code.truncate(at.max(1)),
                1 => code.insert(at, letters[random.below(letters.len())]),
                _ if at < code.len() => code[at] = letters[random.below(letters.len())],
                _ => {}
            }
        }
        seen.run(seed, &code.into_iter().collect::<String>());
    }
}

/// What the long search has found: loops without end that took more than the bound.
#[test]
fn what_was_once_too_large_is_within_bounds() {
    let mut seen = Seen::default();
    for (number, code) in [
        // A match keeps its pattern, which was compiled each time and not counted.
        "while true\nbreak if :a =~ '2024-01-02T03:04:05Z'\nend",
        "while true\n3.times do |i|\nx = [IPAddr.new('10.0.0.0/8'), event.to_hash]\nend\nend",
        "l = []\nwhile true\n3.times { |a, b = 1, c = 2, d = 3, e = 4, f = 5| y = ->(q) { a } }\nend",
        "h = {}\nn = 0\nwhile true\nh[n += 1] = n\nend",
    ]
    .iter()
    .enumerate()
    {
        seen.run(number as u64, code);
    }
    assert_eq!(seen.accepted, 4);
}

//! Ruby code that nests or recurses deeply ends with an exception or is refused; it never exhausts the stack. Tests run on
//! threads with as much stack as workers have, in a build whose frames are larger than a release's.

use kelp_parser::config::{ParseOptions, Severity, SourceMap, parse};
use kelp_parser::event::{Arena, Event, Object, write_json};
use kelp_parser::filter::BuildContext;
use kelp_parser::pipeline::{Pipeline, WorkerState};
use kelp_parser::spec::EcsCompatibility;
use kelp_parser::time::Timestamp;

/// What a worker's thread has unless it asks for more.
const STACK: usize = 2 << 20;

/// The event that comes of an empty one, or the errors of the configuration.
fn run(code: String) -> Result<String, String> {
    let worker = move || {
        let mut sources = SourceMap::default();
        sources.add(
            "case.conf",
            format!("filter {{ ruby {{ code => \"{code}\" }} }}"),
        );
        let (config, mut diagnostics) = parse(&sources, &ParseOptions::default());
        let context = BuildContext::new(EcsCompatibility::default());
        let pipeline = Pipeline::compile(&config, &context, &mut diagnostics);
        let errors: Vec<&str> = diagnostics
            .iter()
            .filter(|one| one.severity == Severity::Error)
            .map(|one| one.message.as_str())
            .collect();
        if !errors.is_empty() {
            return Err(errors.join("; "));
        }
        let (arena, now) = (Arena::new(), Timestamp::new(0, 0));
        let event = Event::from_object(&arena, Object::new(&arena), now);
        let mut text = Vec::new();
        pipeline.run(event, now, &mut WorkerState::default(), &mut |event, _| {
            write_json(&mut text, &event);
        });
        Ok(String::from_utf8_lossy(&text).into_owned())
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(worker);
    match thread.map(std::thread::JoinHandle::join) {
        Ok(Ok(result)) => result,
        other => panic!("the thread failed: {other:?}"),
    }
}

/// `f` called within `levels` parentheses.
fn recursion(levels: usize) -> String {
    let (open, close) = ("(1 + ".repeat(levels), ")".repeat(levels));
    format!("def f(x) {open}f(x + 1){close} end; f(1)")
}

#[test]
fn recursion_within_nested_code_raises() {
    for levels in [0, 6, 12, 17] {
        let event = run(recursion(levels));
        assert!(
            event
                .as_ref()
                .is_ok_and(|text| text.contains("_rubyexception")),
            "{levels} levels: {event:?}"
        );
    }
}

#[test]
fn recursion_through_blocks_raises_and_can_be_rescued() {
    let code = "def f(x) [x].each { |y| [y].map { |z| [z].each_with_object([]) { |a, b| f(a) } } } end; \
        begin; f(1); rescue SystemStackError => e; event.set('deep', e.message); end";
    let event = run(code.to_owned());
    assert!(
        event
            .as_ref()
            .is_ok_and(|text| text.contains(r#""deep":"stack level too deep""#)),
        "{event:?}"
    );
}

#[test]
fn deep_nesting_is_refused() {
    let blocks = format!("{}1{}", "[1].each { ".repeat(3000), " }".repeat(3000));
    let ifs = format!("{}1{}", "if true\n".repeat(3000), "\nend".repeat(3000));
    let parentheses = format!("{}1{}", "(".repeat(3000), ")".repeat(3000));
    let arrays = format!("{}1{}", "[".repeat(3000), "]".repeat(3000));
    for code in [blocks, ifs, parentheses, arrays, "!".repeat(3000) + "true"] {
        let result = run(code);
        assert!(
            result
                .as_ref()
                .is_err_and(|error| error.contains("the code nests too deep")),
            "{result:?}"
        );
    }
}

#[test]
fn long_chains_are_refused() {
    for link in [" + 1", ".succ", " && 1", " || 1", " and 1", " if true"] {
        let result = run(format!("1{}", link.repeat(20_000)));
        assert!(
            result
                .as_ref()
                .is_err_and(|error| error.contains("the expression is too long")),
            "{link}: {result:?}"
        );
        let result = run(format!("1{}", link.repeat(400)));
        assert!(result.is_ok(), "{link}: {result:?}");
    }
}

#[test]
fn nesting_that_people_write_runs() {
    let code = format!(
        "x = {}1{}; event.set('x', x)",
        "(1 + ".repeat(15),
        ")".repeat(15)
    );
    let event = run(code);
    assert!(
        event.as_ref().is_ok_and(|text| text.contains(r#""x":16"#)),
        "{event:?}"
    );
}

#[test]
fn methods_that_go_over_a_text_take_long_texts() {
    let code = "m = 'at some.place \t(Code.java:12)\n' * 4000; \
        event.set('gsub', m.gsub(/\\t/, ' ').length); \
        event.set('block', m.gsub(/[aeiou]/) { |v| v.upcase }.length); \
        event.set('scan', m.scan(/\\d+/).length); \
        event.set('split', m.split(/\\n/).length); \
        event.set('last', 'ab'.gsub(/(a)|b/, 'x') + $~[0])";
    let event = run(code.to_owned());
    assert!(
        event.as_ref().is_ok_and(|text| text
            .contains(r#""gsub":120000,"block":120000,"scan":4000,"split":4000,"last":"xxb""#)),
        "{event:?}"
    );
}

#[test]
fn methods_that_call_others_for_each_argument_raise() {
    let codes = [
        "h = {}; h['a'] = h; h.dig(*(['a'] * 100_000))",
        "a = []; a << a; a.dig(*([0] * 100_000))",
        "1.send(*([:send] * 100_000))",
        "c = :call.to_proc; c.call(*([c] * 100_000))",
        "a = []; a << a; a.flatten(1_000_000)",
    ];
    for code in codes {
        let event = run(format!(
            "begin; {code}; rescue SystemStackError => e; event.set('deep', e.message); end"
        ));
        assert!(
            event
                .as_ref()
                .is_ok_and(|text| text.contains(r#""deep":"stack level too deep""#)),
            "{code}: {event:?}"
        );
    }
}

#[test]
fn an_array_is_read_and_measured_in_a_loop() {
    let code = "a = (1..20_000).to_a; i = 0; s = 0; \
        while i < a.length do s += a[i]; i += 1 end; event.set('sum', s)";
    let event = run(code.to_owned());
    assert!(
        event
            .as_ref()
            .is_ok_and(|text| text.contains(r#""sum":200010000"#)),
        "{event:?}"
    );
}

/// What would take gigabytes or minutes ends before it does.
#[test]
fn what_grows_without_bound_ends() {
    let codes = [
        "a = [1]; 40.times { a.concat(a) }",
        "a = (1..100_000).to_a; a.flat_map { a }",
        "a = (1..100_000).to_a; a.each_cons(50_000) { }",
        "a = (1..100_000).to_a; a.zip(*([a] * 50_000))",
        "a = (1..100_000).to_a; ([a] * 100_000).transpose",
        "s = 'x' * 1_000_000; ([s] * 100_000).join",
        "s = 'x' * 1_000_000; ([1] * 100_000).join(s)",
        "s = 'x' * 1_000_000; ([s] * 100_000).inspect",
        "s = 'x' * 1_000_000; event.set('x', [s] * 100_000)",
        "s = 'x' * 1_000_000; ([s] * 100_000).to_json",
        "s = 'x'; 40.times { s << s }",
        "''.unpack('G999999999')",
        "('\u{4e00}' * 1_000_000).tr('\u{4e01}-\u{9fff}', 'x')",
        "('%10000d' * 100_000) % ([1] * 100_000)",
        "x = 3; 40.times { x = x * x }",
        "x = 1; 4000.times { x <<= 100_000 }; x.to_s",
        "('9' * 8_000_000).to_i",
    ];
    for code in codes {
        let event = run(format!(
            "begin; {code}; event.set('done', 1); rescue RangeError => e; event.set('refused', 1); end"
        ));
        assert!(
            event.as_ref().is_ok_and(|text| {
                !text.contains("\"done\"")
                    && (text.contains("_rubyexception") || text.contains("\"refused\""))
            }),
            "{code}"
        );
    }
}

#[test]
fn times_beyond_all_calendars_are_held_at_their_end() {
    let codes = [
        "Time.at(0) + 1e300",
        "Time.at(0) - 1e300",
        "Time.at(9_000_000_000_000_000_000, 1e300)",
        "DateTime.parse('2024-01-01') - -9_223_372_036_854_775_808",
        "Date.parse('2024-01-01') - -9_223_372_036_854_775_808",
        "Date.parse('2024-01-01').prev_day(-9_223_372_036_854_775_808)",
    ];
    for code in codes {
        let event = run(format!("event.set('year', ({code}).year)"));
        let far = |year: &str| year.trim_start_matches('-').len() > 5;
        let year = event.as_ref().ok().and_then(|text| {
            let (_, rest) = text.split_once("\"year\":")?;
            rest.split(['}', ',']).next()
        });
        assert!(year.is_some_and(far), "{code}: {event:?}");
    }
}

//! What texts mean: configurations and the trees they become, written as s-expressions.

use kelp_parser::config::ast::{
    CompareOperator, Config, Expr, Literal, Operand, Plugin, Spanned, Statement,
};
use kelp_parser::config::{Diagnostic, ParseOptions, Severity, SourceMap, parse, render, resolve};

#[test]
fn plugins_and_values() {
    for (text, tree) in [
        ("", ""),
        ("# only a comment, without a line break", ""),
        ("input{}output{}", "(input) (output)"),
        ("filter { } filter { drop { } }", "(filter) (filter (drop))"),
        (
            "input{kafka{topics=>[\"a\",'b']}}",
            "(input (kafka topics=[\"a\" \"b\"]))",
        ),
        (
            "filter{a_b-c{'d'=>1 \"e-f\"=>-2.50 0g => hi_}}",
            "(filter (a_b-c d=#1 e-f=#-2.50 0g=hi_))",
        ),
        (
            "output { a { codec => json b => plain{c => \"d\"} } }",
            "(output (a codec=json b=(plain c=\"d\")))",
        ),
        (
            "filter { a { b => { \"c\" => 1 dd => [ ] 3 => { } } } }",
            "(filter (a b={\"c\"=#1 dd=[] #3={}}))",
        ),
        (
            "filter { a { b => [ [1, 2], { \"c\" => d2 } , json { } ] } }",
            "(filter (a b=[[#1 #2] {\"c\"=d2} (json)]))",
        ),
        ("filter { a { b => c1 b => d1 } }", "(filter (a b=c1 b=d1))"),
        (
            "filter#1\n{#2\na#3\n{#4\nb#5\n=>#6\n[#7\n1#8\n,#9\n2#10\n]#11\n c#12\n=> {#13\ndd#14\n=>#15\n1 #16\n ee => 2#17\n}#18\n}#19\n}#20",
            "(filter (a b=[#1 #2] c={dd=#1 ee=#2}))",
        ),
        (
            "\u{feff}filter {\r\n  drop {\r\n\r\n  }\r\n}\r\n",
            "(filter (drop))",
        ),
        (
            "filter { a { b => \"# no { comment } \\\" 'x' \r\n\\n\" } }",
            "(filter (a b=\"# no { comment } \\\\\\\" 'x' \\r\\n\\\\n\"))",
        ),
        (
            "filter { a { b => 'it\\'s' c => '\"' d => \"\" } }",
            "(filter (a b=\"it\\\\'s\" c=\"\\\"\" d=\"\"))",
        ),
        (
            "filter { ifx { input => 1 } inputs { } }",
            "(filter (ifx input=#1) (inputs))",
        ),
    ] {
        assert_eq!(tree_of(text), tree, "{text}");
    }
}

#[test]
fn branches() {
    for (text, tree) in [
        ("if [a] { }", "(if [a])"),
        ("if[a]{drop{}}else{b{}}", "(if [a] (drop) else (b))"),
        (
            "if [a] { } else if [b] { drop { } } elseif [c] { } else#x\n{ b { } if [d] { } }",
            "(if [a] elif [b] (drop) elif [c] else (b) (if [d]))",
        ),
        ("if [a] { } if [b] { } else { }", "(if [a]) (if [b] else)"),
    ] {
        assert_eq!(
            tree_of(&format!("filter {{ {text} }}")),
            format!("(filter {tree})"),
            "{text}"
        );
    }
}

#[test]
fn conditions() {
    for (text, tree) in [
        ("[a][b c][@d]", "[a][b c][@d]"),
        ("[a] == \"b\"", "(== [a] \"b\")"),
        ("[a]==1", "(== [a] #1)"),
        ("\"x\" in [tags]", "(in \"x\" [tags])"),
        ("\"x\"in[tags]and[b]", "(and (in \"x\" [tags]) [b])"),
        ("[a] not in [b]", "(not-in [a] [b])"),
        ("[a] not   in ['x', 'y']", "(not-in [a] {\"x\" \"y\"})"),
        ("[a] =~ /a\\/b\\\\x/", "(=~ [a] /a/b\\\\x/)"),
        ("[a] !~ \"^x\"", "(!~ [a] \"^x\")"),
        (
            "[a] != 1 and [b] <= 2 and [c] >= -3.5",
            "(and (!= [a] #1) (and (<= [b] #2) (>= [c] #-3.5)))",
        ),
        ("[a] < 1 or [b] > 2", "(or (< [a] #1) (> [b] #2))"),
        ("![a]", "(not [a])"),
        (
            "! [a] and !([b] or [c])",
            "(and (not [a]) (not (or [b] [c])))",
        ),
        ("[a] or [b] and [c]", "(or [a] (and [b] [c]))"),
        ("[a] and [b] or [c]", "(or (and [a] [b]) [c])"),
        ("([a] or [b]) and [c]", "(and (or [a] [b]) [c])"),
        (
            "[a] or [b] and [c] or [d]",
            "(or [a] (or (and [b] [c]) [d]))",
        ),
        ("(([a])) and ( [b]xor[c] )", "(and [a] (xor [b] [c]))"),
        ("[a] nand ![b]", "(nand [a] (not [b]))"),
        ("[a] #why\n == #this\n 1", "(== [a] #1)"),
        // Constants on both sides, as far as Logstash takes them.
        ("1 < 2 and \"a\" =~ /a/", "(and (< #1 #2) (=~ \"a\" /a/))"),
        // A list is no field reference, and words in it are strings.
        ("[a] in [foo, [bar], 1]", "(in [a] {\"foo\" {\"bar\"} #1})"),
        ("[a] in []", "(in [a] {})"),
        ("[a] == [b]", "(== [a] [b])"),
    ] {
        let config = format!("filter {{ if {text} {{ }} }}");
        assert_eq!(tree_of(&config), format!("(filter (if {tree}))"), "{text}");
    }
}

#[test]
fn quirks_of_logstash_are_reproduced_with_a_warning() {
    for (text, tree) in [
        ("[a] in [\"b\"]", "(in [a] [\"b\"])"),
        ("[a] not in [1]", "(not-in [a] [1])"),
        ("[a] == [\"b\", \"c\"]", "(== [a] \"b\")"),
    ] {
        let (config, diagnostics) = read(&format!("filter {{ if {text} {{ }} }}"), false);
        assert_eq!(show(&config), format!("(filter (if {tree}))"), "{text}");
        assert_eq!(diagnostics.len(), 1, "{text}");
        assert_eq!(diagnostics[0].severity, Severity::Warning, "{text}");
    }
}

#[test]
fn escapes_are_processed_only_when_asked_for() {
    let text =
        r#"filter { if [a] == "x\ty" { a { 'b\n' => "c\nd\"\\ " e => { "f\t" => '\'' } } } }"#;
    assert_eq!(
        show(&read(text, false).0),
        r#"(filter (if (== [a] "x\\ty") (a b\n="c\\nd\\\"\\\\ " e={"f\\t"="\\'"})))"#
    );
    assert_eq!(
        show(&read(text, true).0),
        r#"(filter (if (== [a] "x\ty") (a b\n="c\nd\"\\ " e={"f\t"="'"})))"#
    );
}

#[test]
fn long_chains_and_deep_nesting_do_not_exhaust_the_stack() {
    let chain = vec!["[a] == 1"; 20_000].join(" or ");
    let (config, diagnostics) = read(&format!("filter {{ if {chain} {{ }} }}"), false);
    assert_eq!((config.sections.len(), diagnostics.len()), (1, 0));
    for (open, close) in [
        ("if [a] {", "}"),
        ("if (", ")"),
        ("a { b => [", "]}"),
        ("if !(", ")"),
        ("if not ", ""),
    ] {
        let text = format!(
            "filter {{ {}{} }}",
            open.repeat(50_000),
            close.repeat(50_000)
        );
        let (_, diagnostics) = read(&text, false);
        assert!(!diagnostics.is_empty(), "{open}");
    }
    let nots = format!("filter {{ if {}[a] {{ }} }}", "not ".repeat(50_000));
    assert!(!read(&nots, false).1.is_empty());
}

#[test]
fn files_follow_each_other_and_each_is_complete_in_itself() {
    let mut sources = SourceMap::default();
    sources.add("1.conf", "input { } # no line break");
    sources.add("2.conf", "\u{feff}filter { a { b = 1 } }");
    sources.add("3.conf", "output { }\n}");
    sources.add("4.conf", "filter {\n");
    let (config, diagnostics) = parse(&sources, &ParseOptions::default());
    assert_eq!(show(&config), "(input) (filter (a b=#1)) (output) (filter)");
    let places: Vec<_> = diagnostics
        .iter()
        .map(|diagnostic| {
            let (line, column) = sources.line_column(diagnostic.span);
            format!("{}:{line}:{column}", sources.name(diagnostic.span.file))
        })
        .collect();
    assert_eq!(places, ["2.conf:1:17", "3.conf:2:1", "4.conf:1:8"]);
}

#[test]
fn variables_are_replaced_in_values_and_conditions_only() {
    let lookup = |name: &str| match name {
        "A" => Some("x".to_owned()),
        "EMPTY" => Some(String::new()),
        "a.b_1" => Some("dotted".to_owned()),
        "NESTED" => Some("${A}".to_owned()),
        _ => None,
    };
    for (text, tree) in [
        ("a { b => \"${A}\" }", "(a b=\"x\")"),
        ("a { b => '1${A}2${A:d}3' }", "(a b=\"1x2x3\")"),
        ("a { b => \"${NO:d}${NO:}${EMPTY:d}\" }", "(a b=\"d\")"),
        ("a { b => \"${a.b_1}${NESTED}\" }", "(a b=\"dotted${A}\")"),
        ("a { b => \"${NO:a:${A}}\" }", "(a b=\"a:${A}\")"),
        (
            "a { b => \"%{${A}} $A ${} ${1A} ${A ${-x}\" }",
            "(a b=\"%{x} $A ${} ${1A} ${A ${-x}\")",
        ),
        (
            "a { b => [\"${A}\", { cc => \"${A}\" }] d => json { e => \"${A}\" } }",
            "(a b=[\"x\" {cc=\"x\"}] d=(json e=\"x\"))",
        ),
        (
            "if [a] == \"${A}\" or \"${A}\" in [b] and [c] in [\"${A}\", 1] { }",
            "(if (or (== [a] \"x\") (and (in \"x\" [b]) (in [c] {\"x\" #1}))))",
        ),
        (
            "if ![a] { } else { a { b => \"${A}\" } }",
            "(if (not [a]) else (a b=\"x\"))",
        ),
    ] {
        let (mut config, diagnostics) = read(&format!("filter {{ {text} }}"), false);
        assert_eq!(diagnostics, [], "{text}");
        let mut sources = SourceMap::default();
        sources.add("test.conf", format!("filter {{ {text} }}"));
        assert_eq!(resolve(&mut config, &sources, &lookup), [], "{text}");
        assert_eq!(show(&config), format!("(filter {tree})"), "{text}");
    }
}

fn tree_of(text: &str) -> String {
    let (config, diagnostics) = read(text, false);
    let mut sources = SourceMap::default();
    sources.add("test.conf", text);
    assert!(
        diagnostics.is_empty(),
        "{}",
        render(&diagnostics, &sources, false)
    );
    show(&config)
}

fn read(text: &str, support_escapes: bool) -> (Config, Vec<Diagnostic>) {
    let mut sources = SourceMap::default();
    sources.add("test.conf", text);
    parse(&sources, &ParseOptions { support_escapes })
}

fn show(config: &Config) -> String {
    let section =
        |kind: &str, body: &[Statement]| format!("({}{})", kind.to_lowercase(), statements(body));
    let sections = config.sections.iter();
    sections
        .map(|found| section(&format!("{:?}", found.kind), &found.body))
        .collect::<Vec<_>>()
        .join(" ")
}

fn statements(body: &[Statement]) -> String {
    body.iter()
        .map(|found| format!(" {}", statement(found)))
        .collect()
}

fn statement(found: &Statement) -> String {
    match found {
        Statement::Plugin(found) => plugin(found),
        Statement::If(chain) => {
            let branches = chain.branches.iter().enumerate();
            let mut text: String = branches
                .map(|(index, branch)| {
                    let keyword = if index == 0 { "(if" } else { " elif" };
                    format!(
                        "{keyword} {}{}",
                        condition(&branch.condition),
                        statements(&branch.body)
                    )
                })
                .collect();
            if let Some(otherwise) = &chain.otherwise {
                text += &format!(" else{}", statements(otherwise));
            }
            text + ")"
        }
    }
}

fn plugin(found: &Plugin) -> String {
    let settings = found.settings.iter();
    let settings: String = settings
        .map(|setting| format!(" {}={}", setting.name.node, literal(&setting.value)))
        .collect();
    format!("({}{settings})", found.name.node)
}

fn literal(found: &Spanned<Literal>) -> String {
    match &found.node {
        Literal::Bareword(text) => text.clone(),
        Literal::String(text) => format!("{text:?}"),
        Literal::Number(text) => format!("#{text}"),
        Literal::Array(found) => format!(
            "[{}]",
            found.iter().map(literal).collect::<Vec<_>>().join(" ")
        ),
        Literal::Hash(entries) => {
            let entries = entries.iter();
            let entries =
                entries.map(|(key, value)| format!("{}={}", literal(key), literal(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(" "))
        }
        Literal::Plugin(found) => plugin(found),
    }
}

fn condition(found: &Expr) -> String {
    let pair = |name: &str, left: &Expr, right: &Expr| {
        format!("({name} {} {})", condition(left), condition(right))
    };
    let operands = |name: &str, left: &Spanned<Operand>, right: &Spanned<Operand>| {
        format!("({name} {} {})", operand(left), operand(right))
    };
    match found {
        Expr::And(left, right) => pair("and", left, right),
        Expr::Or(left, right) => pair("or", left, right),
        Expr::Xor(left, right) => pair("xor", left, right),
        Expr::Nand(left, right) => pair("nand", left, right),
        Expr::Not(inner) => format!("(not {})", condition(inner)),
        Expr::Truthy(found) => operand(found),
        Expr::Compare {
            operator,
            left,
            right,
        } => operands(symbol(*operator), left, right),
        Expr::Match {
            negated,
            value,
            pattern,
        } => operands(if *negated { "!~" } else { "=~" }, value, pattern),
        Expr::In {
            negated,
            needle,
            haystack,
        } => operands(if *negated { "not-in" } else { "in" }, needle, haystack),
    }
}

fn symbol(operator: CompareOperator) -> &'static str {
    match operator {
        CompareOperator::Equal => "==",
        CompareOperator::NotEqual => "!=",
        CompareOperator::Less => "<",
        CompareOperator::LessOrEqual => "<=",
        CompareOperator::Greater => ">",
        CompareOperator::GreaterOrEqual => ">=",
    }
}

fn operand(found: &Spanned<Operand>) -> String {
    match &found.node {
        Operand::Field(text) => text.clone(),
        Operand::String(text) => format!("{text:?}"),
        Operand::Number(text) => format!("#{text}"),
        Operand::Array(found) => format!(
            "{{{}}}",
            found.iter().map(operand).collect::<Vec<_>>().join(" ")
        ),
        Operand::Regex(text) => format!("/{text}/"),
    }
}

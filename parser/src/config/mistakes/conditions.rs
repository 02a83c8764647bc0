//! Mistakes about conditions.

use super::{expected, found, mistake};
use crate::config::ast::Operand;
use crate::config::cursor::Cursor;
use crate::config::diagnostic::Diagnostic;
use crate::config::source::Span;

/// What other languages write for `and` and `or`: its length, and what was meant.
pub(in crate::config) fn instead_of_junction(cursor: &Cursor) -> Option<(usize, &'static str)> {
    let symbols = [
        ("&&", "and"),
        ("||", "or"),
        ("&", "and"),
        ("|", "or"),
        (",", "and"),
    ];
    let words = [("AND", "and"), ("And", "and"), ("OR", "or"), ("Or", "or")];
    let symbol = symbols.iter().find(|(sign, _)| cursor.looking_at(sign));
    let word = || words.iter().find(|(word, _)| cursor.at_word(word));
    symbol
        .or_else(word)
        .map(|(written, meant)| (written.len(), *meant))
}

/// What other languages write for an operator: its length, and what was meant.
pub(in crate::config) fn instead_of_operator(cursor: &Cursor) -> Option<(usize, &'static str)> {
    let symbols = [
        ("===", "=="),
        ("!==", "!="),
        ("<>", "!="),
        ("=<", "<="),
        ("=>", ">="),
        ("=", "=="),
        ("~=", "=~"),
        ("~", "=~"),
    ];
    let words = [
        ("is", "=="),
        ("eq", "=="),
        ("equals", "=="),
        ("ne", "!="),
        ("gt", ">"),
        ("lt", "<"),
        ("matches", "=~"),
        ("like", "=~"),
        ("IN", "in"),
    ];
    let symbol = symbols.iter().find(|(sign, _)| cursor.looking_at(sign));
    let word = || words.iter().find(|(word, _)| cursor.at_word(word));
    symbol
        .or_else(word)
        .map(|(written, meant)| (written.len(), *meant))
}

pub(in crate::config) fn wrong_word(span: Span, written: &str, meant: &str) -> Diagnostic {
    mistake(
        span,
        format!("there is no operator `{written}`"),
        "",
        format!("write `{meant}`"),
    )
}

pub(in crate::config) fn mixed_junctions(span: Span, word: &str) -> Diagnostic {
    mistake(
        span,
        format!("`{word}` cannot be combined with another operator without parentheses"),
        "",
        format!("say what belongs together: `([a] {word} [b]) and [c]`"),
    )
}

pub(in crate::config) fn after_condition(cursor: &Cursor) -> Diagnostic {
    let previous = cursor.text[..cursor.at].trim_end();
    if cursor.looking_at("[") && previous.ends_with(']') {
        let help = "a nested field is written without white space: `[a][b]`; conditions are joined with `and` or `or`";
        return mistake(
            cursor.offending(),
            "unexpected `[` after a field reference",
            "",
            help,
        );
    }
    if cursor.looking_at(")") {
        return mistake(
            cursor.offending(),
            "this `)` closes nothing",
            "",
            "remove it, or add `(` before",
        );
    }
    let diagnostic = expected(cursor, "`{`, `and` or `or`");
    if cursor.text[..cursor.at].ends_with('/') {
        return diagnostic.help("a `/` inside a regex is written `\\/`");
    }
    diagnostic
}

pub(in crate::config) fn in_group(cursor: &Cursor) -> Diagnostic {
    expected(cursor, "`)`, `and` or `or`")
}

pub(in crate::config) fn group_compared(span: Span, left: &str, right: &str) -> Diagnostic {
    mistake(
        span,
        format!("the condition in parentheses cannot be compared with `{right}`"),
        "",
        format!("write `{left}` alone, or `!(...)` for its opposite"),
    )
}

pub(in crate::config) fn negated_compared(span: Span, left: &str, right: &str) -> Diagnostic {
    let field = left.trim_start_matches('!').trim_start();
    mistake(
        span,
        format!("`{left}` cannot be compared"),
        "",
        format!("`!` binds to the field alone; write `!({field} {right})`"),
    )
}

pub(in crate::config) fn not_is_no_operator(word: Span, cursor: &Cursor) -> Diagnostic {
    let mut after = cursor.clone();
    after.at += 3;
    after.skip_trivia();
    let help = match after.selector() {
        "" => "write `!( ... )`".to_owned(),
        field => format!("write `!{field}`, or `!( ... )` around a whole condition"),
    };
    mistake(word, "`not` exists only in `not in`", "", help)
}

pub(in crate::config) fn not_without_in(cursor: &Cursor) -> Diagnostic {
    mistake(
        cursor.offending(),
        "expected `in` after `not`",
        "",
        "write `[a] not in [b]`, `[a] != \"x\"` or `!( ... )`",
    )
}

pub(in crate::config) fn cannot_negate(start: usize, cursor: &Cursor) -> Diagnostic {
    let end = cursor.offending().end;
    let name = cursor.bareword();
    let help = if name.is_empty() {
        "`!` stands before a field reference or parentheses: `![a]`, `!([a] == 1)`".to_owned()
    } else {
        format!("a field is written in brackets: `![{name}]`")
    };
    let span = Span {
        start: start as u32,
        ..cursor.span(start, end as usize)
    };
    mistake(
        span,
        format!("`!` cannot stand before {}", found(cursor)),
        "",
        help,
    )
}

pub(in crate::config) fn not_an_operand(cursor: &Cursor) -> Diagnostic {
    let name = cursor.bareword();
    let span = cursor.offending();
    let mut after = cursor.clone();
    after.at += name.len();
    if cursor.looking_at("%{") || cursor.looking_at("${") {
        let length = cursor.rest().find('}').map_or(2, |end| end + 1);
        let end = (cursor.at + length).min(cursor.line_end(cursor.at));
        let span = cursor.span(cursor.at, end);
        let inside = cursor
            .slice(span)
            .trim_start_matches(['%', '$', '{'])
            .trim_end_matches('}');
        let (message, help) = if cursor.looking_at("$") {
            (
                "a variable needs quotes here",
                format!("write \"{}\"", cursor.slice(span)),
            )
        } else {
            let field = inside.trim_start_matches('[').trim_end_matches(']');
            (
                "conditions do not take `%{...}`",
                format!("write the field reference: `[{field}]`"),
            )
        };
        return mistake(span, message, "", help);
    }
    match name {
        "" if cursor.looking_at("{") || cursor.at_end() => mistake(
            span,
            "the condition is incomplete",
            "expected an operand",
            "write `[field] == \"value\"`",
        ),
        "" => expected(cursor, "a field reference, a string or a number"),
        "true" | "false" => mistake(
            span,
            format!("a condition cannot compare with `{name}`"),
            "",
            "write `[field]` alone for true and `![field]` for false or missing; for the string write it in quotes",
        ),
        "nil" | "null" => mistake(
            span,
            format!("a condition cannot compare with `{name}`"),
            "",
            "write `[field]` for present and `![field]` for null or missing",
        ),
        _ if after.after_trivia().looking_at("(") => {
            let message = format!("there is no function `{name}`");
            mistake(
                span,
                message,
                "",
                "conditions have operators only, as in Logstash",
            )
        }
        "and" | "or" | "xor" | "nand" | "in" => {
            let message = format!("an operand is missing before `{name}`");
            mistake(span, message, "", "write `[field] == \"value\"`")
        }
        _ => mistake(
            span,
            format!("expected a field reference, a string or a number, found `{name}`"),
            "",
            format!("write `[{name}]` for the field, \"{name}\" for the text"),
        ),
    }
}

pub(in crate::config) fn constant_condition(span: Span, cursor: &Cursor) -> Diagnostic {
    let text = cursor.slice(span);
    let message = format!("`{text}` is no field: it holds for every event, or for none");
    let field = text.trim_matches(['"', '\'']);
    let help = match field.starts_with('[') {
        true => format!("Logstash takes it so, too; for the field write `{field}` without quotes"),
        false => "Logstash takes it so, too; a field is written in brackets: `[field]`".to_owned(),
    };
    Diagnostic::warning(span, message)
        .help(help)
        .rule("constant-condition")
}

pub(in crate::config) fn constant_in_condition(span: Span, cursor: &Cursor) -> Diagnostic {
    mistake(
        span,
        format!("`{}` is no part of a condition", cursor.slice(span)),
        "",
        "compare it with a field: `[field] == ...`",
    )
}

pub(in crate::config) fn regex_compared(span: Span, operator: &str) -> Diagnostic {
    mistake(
        span,
        format!("`{operator}` does not take a regex"),
        "",
        "a regex is matched with `=~` or `!~`: `[field] =~ /regex/`",
    )
}

pub(in crate::config) fn list_compared(span: Span) -> Diagnostic {
    mistake(
        span,
        "a list cannot be compared",
        "",
        "to find a value in a list write `[field] in [\"a\", \"b\"]`",
    )
}

pub(in crate::config) fn only_first_compared(span: Span, first: &str) -> Diagnostic {
    Diagnostic::warning(
        span,
        format!("only the first value of the list, {first}, is compared"),
    )
    .help("Logstash ignores the rest; to find a value in a list write `[field] in [\"a\", \"b\"]`")
}

pub(in crate::config) fn not_searchable(span: Span) -> Diagnostic {
    mistake(
        span,
        "a regex searches a field or a string only",
        "",
        "write `[field] =~ /regex/`",
    )
}

pub(in crate::config) fn not_a_pattern(span: Span, text: &str) -> Diagnostic {
    mistake(
        span,
        format!("`{text}` is not a regex"),
        "",
        "write `/regex/` or \"regex\"; the pattern cannot come from a field",
    )
}

/// Whether a field reference looks as if a list of one element was meant.
pub(in crate::config) fn looks_like_list(operand: &Operand) -> bool {
    let Operand::Field(text) = operand else {
        return false;
    };
    let inside = text.trim_start_matches('[').trim_start();
    inside.starts_with(|c: char| matches!(c, '"' | '\'') || c.is_ascii_digit())
}

pub(in crate::config) fn list_of_one(span: Span, text: &str) -> Diagnostic {
    let inside = text.trim_start_matches('[').trim_end_matches(']').trim();
    Diagnostic::warning(
        span,
        format!("`{text}` is read as a field reference, not as a list"),
    )
    .rule("one-element-list")
    .label("the field of this name hardly exists")
        .help(format!(
            "Logstash does so, too; compare with one value: `[field] == {inside}`, or give the list two elements"
        ))
}

pub(in crate::config) fn unclosed_regex(line: Span) -> Diagnostic {
    mistake(
        line,
        "the closing `/` is missing",
        "this regex is not closed",
        "a `/` inside a regex is written `\\/`",
    )
}

pub(in crate::config) fn unclosed_field(line: Span) -> Diagnostic {
    mistake(
        line,
        "`]` is missing",
        "this field reference is not closed",
        "write `[field]`",
    )
}

/// Whether `[word` stands here without its `]`.
pub(in crate::config) fn field_not_closed(cursor: &Cursor) -> bool {
    let mut after = cursor.clone();
    after.skip_char();
    let length = after.number().len().max(after.name().len());
    after.at += length;
    length > 0 && !after.after_trivia().looking_at(",") && !after.after_trivia().looking_at("]")
}

pub(in crate::config) fn hash_in_condition(span: Span) -> Diagnostic {
    mistake(
        span,
        "a condition cannot hold a hash",
        "",
        "compare with a string, a number or a list",
    )
}

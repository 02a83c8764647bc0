//! Mistakes about sections, plugins, braces and whole files.

use super::{expected, found, mistake};
use crate::config::cursor::Cursor;
use crate::config::diagnostic::Diagnostic;
use crate::config::source::Span;

const SECTIONS: &str =
    "a pipeline consists of `input { ... }`, `filter { ... }` and `output { ... }`";

/// Recognises files that are no pipeline at all by what they start with.
pub(in crate::config) fn not_a_pipeline(cursor: &Cursor) -> Option<Diagnostic> {
    let start = cursor.after_trivia();
    let line = start.span(start.at, start.line_end(start.at));
    let text = start.slice(line);
    let key = text
        .split_once(':')
        .map(|(key, _)| key.trim_start_matches("- "));
    let yaml_key = key.is_some_and(|key| {
        let dotted = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        !key.is_empty() && key.chars().all(dotted)
    });
    let language = if text.starts_with("---") || text.starts_with("- ") || yaml_key {
        "YAML"
    } else if text.starts_with('{') && matches!(start.text.trim_end().chars().last(), Some('}')) {
        "JSON"
    } else if text.starts_with('<') {
        "XML"
    } else {
        return None;
    };
    Some(mistake(
        line,
        format!("this file looks like {language}, not like a pipeline configuration"),
        "",
        format!("{SECTIONS}; settings files such as pipelines.yml belong elsewhere"),
    ))
}

pub(in crate::config) fn outside_of_a_section(
    cursor: &Cursor,
    section_before: Option<Span>,
) -> Diagnostic {
    let name = cursor.name();
    let span = cursor.offending();
    if cursor.looking_at("}") {
        return after_section(
            mistake(
                span,
                "this `}` closes nothing",
                "no brace is open here",
                "remove it, or look for a brace too many before it",
            ),
            section_before,
        );
    }
    let after_name = {
        let mut after = cursor.clone();
        after.at += name.len();
        after.after_trivia()
    };
    if matches!(name, "input" | "filter" | "output") {
        return mistake(
            span,
            format!("expected `{{` after `{name}`, found {}", found(&after_name)),
            "",
            format!("a section is written `{name} {{ ... }}`"),
        );
    }
    let meant = match name {
        "inputs" | "Input" | "INPUT" | "source" | "sources" => Some("input"),
        "filters" | "Filter" | "FILTER" => Some("filter"),
        "outputs" | "Output" | "OUTPUT" | "sink" | "sinks" => Some("output"),
        _ => None,
    };
    if let Some(meant) = meant {
        let message = format!("`{name}` is no section");
        return mistake(span, message, "", format!("write `{meant}`"));
    }
    if !name.is_empty() && (after_name.looking_at("{") || name == "if") {
        let message = format!("`{name}` stands outside of a section");
        let help =
            format!("{SECTIONS}; put it into one of them, or look for a brace too many before it");
        return after_section(mistake(span, message, "", help), section_before);
    }
    let diagnostic = expected(cursor, "`input`, `filter` or `output`");
    match diagnostic.help {
        Some(_) => diagnostic,
        None => diagnostic.help(SECTIONS),
    }
}

/// Shows where the section before the mistake ends: perhaps too early.
fn after_section(diagnostic: Diagnostic, section: Option<Span>) -> Diagnostic {
    match section {
        Some(section) => {
            let start = section.end.saturating_sub(1);
            diagnostic.related(
                Span { start, ..section },
                "the section before is closed here",
            )
        }
        None => diagnostic,
    }
}

pub(in crate::config) fn quoted_plugin_name(span: Span, name: &str) -> Diagnostic {
    let message = format!("the plugin name `{name}` stands in quotes");
    mistake(span, message, "", format!("write `{name} {{ ... }}`"))
}

pub(in crate::config) fn not_a_statement(cursor: &Cursor) -> Diagnostic {
    let name = cursor.name();
    let span = cursor.offending();
    let mut after = cursor.clone();
    after.at += name.len();
    after.skip_trivia();
    if name == "else" || at_elsif(cursor) {
        return stray_else(span);
    }
    if matches!(
        name,
        "for" | "while" | "switch" | "case" | "unless" | "foreach"
    ) {
        let message = format!("there is no `{name}`");
        return mistake(
            span,
            message,
            "",
            "the only control structure is `if ... { } else { }`",
        );
    }
    if !name.is_empty() && after.looking_at("=>") {
        let message = format!("the option `{name}` stands outside of a plugin");
        let help = "options belong inside a plugin's braces: `mutate { add_tag => \"x\" }`; a brace too many before it \
                    has the same effect";
        return mistake(span, message, "", help);
    }
    if !name.is_empty() && name.len() == (span.end - span.start) as usize {
        return no_brace_after_plugin(span, name);
    }
    if matches!(cursor.peek(), Some(',' | ';')) {
        let message = format!("unexpected {} between plugins", found(cursor));
        return mistake(
            span,
            message,
            "",
            "plugins follow each other without separators",
        );
    }
    expected(cursor, "a plugin, `if` or `}`")
}

pub(in crate::config) fn stray_else(span: Span) -> Diagnostic {
    mistake(
        span,
        "`else` without an `if` before it",
        "",
        "`else` follows the closing brace of an `if` directly: `if [a] { ... } else { ... }`",
    )
}

/// What other languages write for `else if`. `elseif` is fine.
pub(in crate::config) fn at_elsif(cursor: &Cursor) -> bool {
    cursor.at_word("elsif") || cursor.at_word("elif")
}

pub(in crate::config) fn elsif(span: Span, word: &str) -> Diagnostic {
    mistake(span, format!("there is no `{word}`"), "", "write `else if`")
}

pub(in crate::config) fn else_without_brace(cursor: &Cursor) -> Diagnostic {
    expected(cursor, "`{` or `if` after `else`")
}

pub(in crate::config) fn no_brace_after_else(word: Span) -> Diagnostic {
    mistake(
        word,
        "expected `{` after `else`",
        "add `{` after this",
        "the body of an `else` always stands in braces: `else { ... }`",
    )
}

pub(in crate::config) fn no_condition(keyword: Span) -> Diagnostic {
    mistake(
        keyword,
        "`if` without a condition",
        "",
        "write `if [field] == \"value\" { ... }`",
    )
}

pub(in crate::config) fn no_brace_after_condition(condition: Span) -> Diagnostic {
    mistake(
        condition,
        "expected `{` after the condition",
        "add `{` after this",
        "the body of an `if` always stands in braces: `if [a] { ... }`",
    )
}

pub(in crate::config) fn no_brace_after_plugin(span: Span, name: &str) -> Diagnostic {
    mistake(
        span,
        format!("expected `{{` after `{name}`"),
        "",
        format!("a plugin always has braces, also without options: `{name} {{ }}`"),
    )
}

pub(in crate::config) fn comma_between_settings(comma: Span) -> Diagnostic {
    mistake(
        comma,
        "unexpected `,` between options",
        "",
        "remove it: options are separated by white space",
    )
}

pub(in crate::config) fn branch_in_plugin(keyword: Span, plugin: &str) -> Diagnostic {
    mistake(
        keyword,
        format!("`if` cannot stand inside the plugin `{plugin}`"),
        "",
        format!("put `if` around the plugin: `if ... {{ {plugin} {{ ... }} }}`"),
    )
}

pub(in crate::config) fn not_a_setting(cursor: &Cursor, plugin: &str) -> Diagnostic {
    if cursor.looking_at(";") {
        let help = "remove it: options are separated by white space";
        return mistake(
            cursor.offending(),
            "unexpected `;` between options",
            "",
            help,
        );
    }
    expected(cursor, &format!("an option of `{plugin}` or `}}`"))
}

/// White space that Logstash does not know, mostly brought by copying from web pages.
pub(in crate::config) fn is_odd_space(character: char) -> bool {
    !matches!(character, ' ' | '\t' | '\r' | '\n')
        && (character.is_whitespace()
            || matches!(character, '\u{feff}' | '\u{200b}'..='\u{200d}' | '\u{2060}'))
}

pub(in crate::config) fn odd_space(span: Span, character: char) -> Diagnostic {
    let name = match character {
        '\u{a0}' => "a no-break space",
        '\u{feff}' => "a byte order mark",
        '\u{200b}' => "a zero-width space",
        _ => "an unusual space",
    };
    let message = format!("{name} (U+{:04X}) outside of quotes", u32::from(character));
    mistake(span, message, "", "replace it with a plain space")
}

pub(in crate::config) fn unclosed(open: Span, bracket: &str) -> Diagnostic {
    let close = match bracket {
        "[" => "]",
        "(" => ")",
        _ => "}",
    };
    let message = format!("`{close}` is missing");
    let label = match bracket {
        "[" | "(" | "{" => format!("this `{bracket}` is never closed"),
        _ => "the block of this is never closed".to_owned(),
    };
    Diagnostic::error(open, message).label(label)
}

pub(in crate::config) fn too_deep(span: Span, limit: usize) -> Diagnostic {
    Diagnostic::error(span, format!("nested more than {limit} levels deep"))
        .help("write it flatter: with `else if`, with `and`, or in several blocks")
}

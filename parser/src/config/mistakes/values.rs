//! Mistakes about options, strings, lists and hashes.

use super::{expected, found, mistake, quoted, shortened};
use crate::config::cursor::Cursor;
use crate::config::diagnostic::Diagnostic;
use crate::config::grammar::setting_start;
use crate::config::source::Span;

/// How long a sign is that other languages put between a key and its value.
pub(in crate::config) fn instead_of_arrow(cursor: &Cursor) -> usize {
    ["==>", "= >", "==", "->", ":=", "=", ":"]
        .iter()
        .find(|sign| cursor.looking_at(sign))
        .map_or(0, |sign| sign.len())
}

pub(in crate::config) fn wrong_arrow(span: Span, sign: &str) -> Diagnostic {
    mistake(
        span,
        format!("expected `=>`, found `{sign}`"),
        "write `=>`",
        "a value is set with `name => value`",
    )
}

pub(in crate::config) fn no_arrow(name: Span, text: &str) -> Diagnostic {
    mistake(
        name,
        format!("`=>` is missing after `{}`", shortened(text)),
        "add `=>` after this",
        "a value is set with `name => value`",
    )
}

pub(in crate::config) fn no_value(name: Span, cursor: &Cursor) -> Diagnostic {
    let text = cursor.slice(name);
    if text == "[" {
        return expected(cursor, "a value or `]`");
    }
    mistake(
        name,
        format!(
            "`{}` has no value, found {}",
            shortened(text),
            found(cursor)
        ),
        "",
        "a value is a string in quotes, a number, a word, a list `[...]` or a hash `{...}`",
    )
}

pub(in crate::config) fn no_arrow_nor_value(name: Span, cursor: &Cursor) -> Diagnostic {
    let text = shortened(cursor.slice(name));
    mistake(
        name,
        format!("`{text}` has no value, found {}", found(cursor)),
        "this needs `=>` and a value",
        if cursor.looking_at(",") {
            "a list stands in brackets: `[\"a\", \"b\"]`; braces hold pairs: `{ \"key\" => \"value\" }`"
        } else {
            "a value is set with `name => value`"
        },
    )
}

pub(in crate::config) fn is_smart_quote(character: Option<char>) -> bool {
    matches!(
        character,
        Some('“' | '”' | '„' | '‟' | '‘' | '’' | '‚' | '«' | '»' | '`' | '´')
    )
}

pub(in crate::config) fn smart_quotes(span: Span, text: &str) -> Diagnostic {
    mistake(
        span,
        "these are not quotes that the language knows",
        "",
        format!(
            "write {}; word processors and web pages replace plain quotes",
            quoted(text)
        ),
    )
}

pub(in crate::config) fn unclosed_string(first_line: Span, text: &str) -> Diagnostic {
    let quote = &text[..1];
    let help = if text.contains(&format!("\\{quote}")) {
        format!(
            "\\{quote} does not close a string, so no value can end in a backslash: write a path with slashes, a regex \
             with [\\\\]"
        )
    } else {
        format!("add {quote} at the end of the value")
    };
    mistake(
        first_line,
        format!("the closing {quote} is missing"),
        "this string is not closed where it should be",
        help,
    )
}

/// How long the text is that looks like one value without quotes: a host, a path, a duration.
pub(in crate::config) fn unquoted_length(cursor: &Cursor) -> usize {
    let mut open = 0usize;
    let mut before = ' ';
    for (index, character) in cursor.rest().char_indices() {
        let ends = match character {
            '{' => !matches!(before, '%' | '$'),
            '}' | ']' | ')' => open == 0,
            ',' | '"' | '\'' | '#' => true,
            '=' => cursor.rest()[index..].starts_with("=>"),
            other => other.is_whitespace(),
        };
        if ends {
            return index;
        }
        match character {
            '{' | '[' | '(' => open += 1,
            '}' | ']' | ')' => open -= 1,
            _ => {}
        }
        before = character;
    }
    cursor.rest().len()
}

/// The same for a key; a colon ends it.
pub(in crate::config) fn unquoted_key_length(cursor: &Cursor) -> usize {
    let length = unquoted_length(cursor);
    cursor.rest()[..length].trim_end_matches([':', '=']).len()
}

pub(in crate::config) fn unquoted(span: Span, text: &str) -> Diagnostic {
    mistake(
        span,
        format!("`{}` needs quotes", shortened(text)),
        "",
        format!(
            "write {}; without quotes stand only numbers and words of two or more letters, digits and `_`",
            quoted(text)
        ),
    )
}

pub(in crate::config) fn short_word(span: Span, text: &str) -> Diagnostic {
    mistake(
        span,
        format!("`{text}` needs quotes"),
        "",
        format!(
            "write {}; a word without quotes has at least two characters",
            quoted(text)
        ),
    )
}

pub(in crate::config) fn bad_number(span: Span, text: &str) -> Diagnostic {
    let digits = text.trim_start_matches('-');
    let help = if text.ends_with('.') {
        format!("write {} or {text}0", text.trim_end_matches('.'))
    } else if digits.starts_with('0') {
        format!(
            "a number with a leading zero is octal; write {}",
            digits.trim_start_matches('0')
        )
    } else {
        "integers have 64 bits; put it in quotes to pass it as a string".to_owned()
    };
    mistake(span, format!("`{text}` is not a valid number"), "", help)
}

pub(in crate::config) fn trailing_comma(comma: Span) -> Diagnostic {
    mistake(
        comma,
        "unexpected `,` at the end of a list",
        "",
        "remove it: a list ends without a comma",
    )
}

pub(in crate::config) fn extra_comma(comma: Span) -> Diagnostic {
    mistake(
        comma,
        "unexpected `,`",
        "a value is missing before this",
        "remove it",
    )
}

pub(in crate::config) fn no_comma(here: Span, cursor: &Cursor) -> Diagnostic {
    let element = cursor.offending();
    mistake(
        Span {
            end: element.end,
            ..here
        },
        format!("`,` is missing before {}", found(cursor)),
        "",
        "the values of a list are separated by commas",
    )
}

/// Whether an option of a plugin starts here, so that a list must have ended before.
pub(in crate::config) fn setting_in_list(cursor: &Cursor) -> bool {
    !cursor.name().is_empty() && setting_start(cursor)
}

/// Whether no value can start here.
pub(in crate::config) fn is_junk(cursor: &Cursor) -> bool {
    cursor.looking_at("=")
        || unquoted_length(cursor) == 0 && !matches!(cursor.peek(), Some('"' | '\'' | '[' | '{'))
}

pub(in crate::config) fn in_list(cursor: &Cursor) -> Diagnostic {
    if cursor.looking_at("=") || cursor.looking_at(":") {
        let help =
            "a list `[...]` holds values only; write pairs in a hash: `{ \"key\" => \"value\" }`";
        return mistake(
            cursor.offending(),
            format!("unexpected {} in a list", found(cursor)),
            "",
            help,
        );
    }
    expected(cursor, "`,` or `]`")
}

pub(in crate::config) fn comma_between_entries(comma: Span) -> Diagnostic {
    mistake(
        comma,
        "unexpected `,` between the entries of a hash",
        "",
        "remove it: the entries are separated by white space",
    )
}

pub(in crate::config) fn not_a_key(cursor: &Cursor) -> Diagnostic {
    expected(cursor, "a key or `}`").help("a hash is written `{ \"key\" => \"value\" }`")
}

pub(in crate::config) fn duplicate_key(span: Span, key: &str, same: bool) -> Diagnostic {
    if same {
        return mistake(
            span,
            format!("the key `{key}` is set twice in one hash"),
            "set again here",
            "for several values write a list: `key => [\"first\", \"second\"]`",
        );
    }
    Diagnostic::warning(
        span,
        format!("the key `{key}` is set twice in one hash; the last one counts"),
    )
    .label("set again here")
}

pub(in crate::config) fn no_space(span: Span) -> Diagnostic {
    mistake(
        span,
        "white space is missing",
        "add a space before this",
        "options and entries are separated by white space",
    )
}

pub(in crate::config) fn stuck_to_value(cursor: &Cursor) -> Diagnostic {
    let diagnostic = Diagnostic::error(
        cursor.offending(),
        format!("unexpected {} right after a value", found(cursor)),
    );
    let before = cursor.text[..cursor.at].chars().next_back();
    match before {
        Some(quote @ ('"' | '\'')) => diagnostic.help(format!(
            "the string ends at the {quote} before this; inside a string write \\{quote}, or use the other quotes around it"
        )),
        _ => diagnostic,
    }
}

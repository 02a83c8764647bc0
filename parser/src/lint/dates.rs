//! `date-format`: letters that look like something else, in the `date` filter and in `%{+...}`.

use super::option;
use crate::config::ast::{Literal, Plugin, SectionKind, Spanned};
use crate::config::{Diagnostic, Span};

/// Checks the formats of one plugin.
pub(super) fn check(kind: SectionKind, plugin: &Plugin, found: &mut Vec<Diagnostic>) {
    if kind == SectionKind::Filter && plugin.name.node == "date" {
        let formats: Option<Vec<Spanned<String>>> = option(plugin, "match");
        for format in formats.unwrap_or_default().iter().skip(1) {
            report(&format.node, format.span, found);
        }
    }
    for setting in &plugin.settings {
        literal(&setting.value, found);
    }
}

fn literal(value: &Spanned<Literal>, found: &mut Vec<Diagnostic>) {
    match &value.node {
        Literal::String(text) => {
            for part in text.split("%{+").skip(1) {
                if let Some((format, _)) = part.split_once('}') {
                    report(format, value.span, found);
                }
            }
        }
        Literal::Array(items) => items.iter().for_each(|item| literal(item, found)),
        Literal::Hash(pairs) => pairs.iter().for_each(|(_, value)| literal(value, found)),
        Literal::Plugin(plugin) => plugin
            .settings
            .iter()
            .for_each(|setting| literal(&setting.value, found)),
        Literal::Bareword(_) | Literal::Number(_) => {}
    }
}

fn report(format: &str, span: Span, found: &mut Vec<Diagnostic>) {
    if let Some((message, help)) = trap(format) {
        found.push(
            Diagnostic::warning(span, format!("`{format}`: {message}"))
                .help(help)
                .rule("date-format"),
        );
    }
}

/// What is wrong with a format of Joda-Time, and what was meant.
fn trap(format: &str) -> Option<(&'static str, &'static str)> {
    if matches!(format, "ISO8601" | "UNIX" | "UNIX_MS" | "TAI64N") {
        return None;
    }
    let runs = runs(format);
    let has = |letter: char| runs.iter().any(|(found, _)| *found == letter);
    if has('D') && has('M') {
        return Some((
            "`D` is the day of the year, from 1 to 366",
            "write `dd` for the day of the month",
        ));
    }
    if has('m') && !has('M') && has('d') && (has('y') || has('Y')) && !has('s') {
        return Some((
            "`m` is minutes, and there is no month",
            "write `MM` for months",
        ));
    }
    let minutes = runs.iter().filter(|(letter, _)| *letter == 'm').count();
    if minutes > 1 && !has('M') {
        return Some((
            "`m` is minutes, and stands here twice",
            "write `MM` for months",
        ));
    }
    if has('h') && !has('a') && !has('K') {
        return Some((
            "`h` is the hour of a half day, and there is no `a` for AM or PM",
            "write `HH` for hours from 0 to 23",
        ));
    }
    if (has('Y') || has('y')) && has('w') && !has('x') {
        return Some((
            "`Y` and `y` are years of the calendar, which differ from those of weeks around New Year",
            "write `xxxx` for the year of a week, as in `xxxx.ww`",
        ));
    }
    None
}

/// The runs of equal letters outside of quotes.
fn runs(format: &str) -> Vec<(char, usize)> {
    let mut runs: Vec<(char, usize)> = Vec::new();
    let mut quoted = false;
    let mut previous = '\0';
    for character in format.chars() {
        if character == '\'' {
            quoted = !quoted;
        } else if !quoted && character.is_ascii_alphabetic() {
            match runs.last_mut() {
                Some((letter, count)) if previous == character && *letter == character => {
                    *count += 1;
                }
                _ => runs.push((character, 1)),
            }
        }
        previous = character;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traps_are_seen_and_sound_formats_are_not() {
        for bad in [
            "yyyy-mm-dd",
            "yyyy-mm-dd HH:mm:ss",
            "yyyy-MM-DD",
            "YYYY.mm.dd",
            "dd/MMM/yyyy hh:mm:ss",
            "YYYY.ww",
        ] {
            assert!(trap(bad).is_some(), "{bad}");
        }
        for good in [
            "ISO8601",
            "UNIX_MS",
            "yyyy-MM-dd HH:mm:ss",
            "YYYY.MM.dd",
            "dd/MMM/yyyy:HH:mm:ss Z",
            "MMM dd HH:mm:ss",
            "MMM dd, yyyy h:mm:ss a",
            "xxxx.ww",
            "yyyy.DDD",
            "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'",
            "HH:mm",
        ] {
            assert!(trap(good).is_none(), "{good}");
        }
    }
}

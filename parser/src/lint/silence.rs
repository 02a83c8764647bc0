//! Comments that silence rules: `# kelp: allow(rule, other)` in the same line, or above a plugin or condition, which it
//! then covers; `# kelp: allow-file(rule)` anywhere in a file.

use super::{RULES, Visited, walk};
use crate::config::ast::Config;
use crate::config::{Diagnostic, FileId, SourceMap, Span, nearest};

/// Takes away what comments silence, and adds a warning for each name that is no rule's.
pub fn silence(found: &mut Vec<Diagnostic>, config: &Config, sources: &SourceMap) {
    for file in sources.files() {
        let text = sources.text(file);
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let here = start..start + line.len();
            start = here.end;
            let Some((comment, names, whole_file)) = allowance(line) else {
                continue;
            };
            let own_line = line[..comment].trim().is_empty();
            let covered = if whole_file {
                0..text.len()
            } else if own_line {
                covered_below(here.end, file, text, config)
            } else {
                here.clone()
            };
            for name in names.split(',').map(str::trim) {
                let at = here.start + comment;
                match RULES.iter().find(|rule| rule.name == name) {
                    Some(rule) => found.retain(|diagnostic| {
                        let start = diagnostic.span.start as usize;
                        diagnostic.rule != Some(rule.name)
                            || diagnostic.span.file != file
                            || !covered.contains(&start)
                    }),
                    None => found.push(unknown(name, file, at, line[comment..].trim_end().len())),
                }
            }
        }
    }
}

/// Where the comment starts, the names in it, and whether they hold for the whole file.
fn allowance(line: &str) -> Option<(usize, &str, bool)> {
    let comment = line.find("# kelp: allow")?;
    let rest = &line[comment + "# kelp: allow".len()..];
    let (rest, whole_file) = match rest.strip_prefix("-file") {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let (names, _) = rest.strip_prefix('(')?.split_once(')')?;
    Some((comment, names, whole_file))
}

/// What a comment in a line of its own covers: the plugin or condition that comes next, or the next line.
fn covered_below(from: usize, file: FileId, text: &str, config: &Config) -> std::ops::Range<usize> {
    let mut next: Option<Span> = None;
    for section in &config.sections {
        walk(&section.body, &mut |visited| {
            let span = match visited {
                Visited::Plugin(plugin) => plugin.span,
                Visited::Condition(_, span) => span,
            };
            let start = span.start as usize;
            if span.file == file && start >= from && next.is_none_or(|next| span.start < next.start)
            {
                next = Some(span);
            }
        });
    }
    let code = text[from..]
        .split_inclusive('\n')
        .scan(from, |at, line| {
            let start = *at;
            *at += line.len();
            Some((start, line))
        })
        .find(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    let Some((start, line)) = code else {
        return from..from;
    };
    let end = start + line.len();
    match next {
        Some(span) if (span.start as usize) < end => start..end.max(span.end as usize),
        _ => start..end,
    }
}

fn unknown(name: &str, file: FileId, start: usize, length: usize) -> Diagnostic {
    let span = Span {
        file,
        start: start as u32,
        end: (start + length) as u32,
    };
    let diagnostic = Diagnostic::warning(span, format!("there is no rule `{name}`"));
    let names = RULES.iter().map(|rule| rule.name);
    let help = match nearest(name, names.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("rules: {}", names.collect::<Vec<_>>().join(", ")),
    };
    diagnostic.help(help).rule("unknown-rule")
}

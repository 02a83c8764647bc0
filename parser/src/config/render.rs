//! Diagnostics as the user sees them: `file:line:column`, the text with the place underlined, and what to do.

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::diagnostic::{Diagnostic, Severity};
use super::source::{FileId, SourceMap, Span};

/// Shows `diagnostics` in the given order, each followed by an empty line. `colour` adds ANSI escapes for a terminal.
pub fn render(diagnostics: &[Diagnostic], sources: &SourceMap, colour: bool) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut text = String::new();
    for diagnostic in diagnostics {
        text += &renderer.render(&[group(diagnostic, sources)]);
        text += "\n\n";
    }
    text
}

fn group<'a>(diagnostic: &'a Diagnostic, sources: &'a SourceMap) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let file = diagnostic.span.file;
    let primary = annotation(AnnotationKind::Primary, diagnostic.span, &diagnostic.label);
    let here = related(diagnostic, file);
    let mut title = level.primary_title(printable(&diagnostic.message));
    if let Some(rule) = diagnostic.rule {
        title = title.id(rule);
    }
    let mut group = title.element(snippet(sources, file).annotation(primary).annotations(here));
    let mut files: Vec<FileId> = diagnostic
        .related
        .iter()
        .map(|(span, _)| span.file)
        .collect();
    files.dedup();
    for other in files.into_iter().filter(|other| *other != file) {
        group = group.element(snippet(sources, other).annotations(related(diagnostic, other)));
    }
    match &diagnostic.help {
        Some(help) => group.element(Level::HELP.message(printable(help))),
        None => group,
    }
}

fn snippet<'a>(sources: &'a SourceMap, file: FileId) -> Snippet<'a, Annotation<'a>> {
    Snippet::source(sources.text(file)).path(sources.name(file))
}

fn related(diagnostic: &Diagnostic, file: FileId) -> impl Iterator<Item = Annotation<'_>> {
    diagnostic
        .related
        .iter()
        .filter(move |(span, _)| span.file == file)
        .map(|(span, label)| annotation(AnnotationKind::Context, *span, label))
}

fn annotation(kind: AnnotationKind, span: Span, label: &str) -> Annotation<'_> {
    let annotation = kind.span(span.start as usize..span.end as usize);
    if label.is_empty() {
        annotation
    } else {
        annotation.label(printable(label))
    }
}

/// A message may quote the text, and what is in there must not reach a terminal as a control sequence.
fn printable(text: &str) -> String {
    let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, start: u32, colour: bool) -> String {
        let mut sources = SourceMap::default();
        let file = sources.add("a.conf", text);
        let other = sources.add("b.conf", "there");
        let span = |file, start, end| Span { file, start, end };
        let diagnostic = Diagnostic::error(span(file, start, start + 4), "no `\u{1b}[31m`")
            .related(span(other, 0, 5), "also");
        render(&[diagnostic], &sources, colour)
    }

    #[test]
    fn places_in_other_files_are_shown() {
        let text = shown("one\ntwo here\n", 8, false);
        assert!(text.contains("--> a.conf:2:5"), "{text}");
        assert!(text.contains("::: b.conf:1:1"), "{text}");
        assert!(text.ends_with("also\n\n"), "{text}");
    }

    #[test]
    fn escape_sequences_of_the_text_never_reach_the_terminal() {
        assert!(!shown("\u{1b}[2J here", 5, false).contains('\u{1b}'));
        let coloured = shown("\u{1b}[2J here", 5, true);
        assert!(coloured.contains('\u{1b}'));
        assert!(
            !coloured.contains("\u{1b}[2J") && !coloured.contains("`\u{1b}[31m`"),
            "{coloured:?}"
        );
    }
}

//! `kelp reference`: what the plugins are and what options they have, from the declarations that also check configurations.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kelp_parser::codec::{CODECS, UNSUPPORTED_CODECS};
use kelp_parser::filter::{FILTERS, UNSUPPORTED_FILTERS};
use kelp_parser::spec::{PluginKind, PluginSpec, Standing, former_options};
use kelp_sink::output::OUTPUTS;

use crate::cli::ReferenceArgs;
use crate::run::{INPUT_SPECS, PIPELINE_OUTPUT};

/// The kinds in the order of a configuration.
const KINDS: &[PluginKind] = &[
    PluginKind::Input,
    PluginKind::Filter,
    PluginKind::Output,
    PluginKind::Codec,
];

/// Runs the command.
pub fn run(args: &ReferenceArgs) -> ExitCode {
    if let Some(directory) = &args.write {
        return match write(directory) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        };
    }
    let Some(name) = &args.plugin else {
        crate::stdout::write(format_args!("{}", index(&|_, name| format!("`{name}`"))));
        return ExitCode::SUCCESS;
    };
    let found = KINDS.iter().flat_map(|kind| specs(*kind));
    let pages: Vec<String> = found.filter(|spec| spec.name == name).map(page).collect();
    if pages.is_empty() {
        eprintln!("error: there is no plugin `{name}`; `kelp reference` lists them");
        return ExitCode::FAILURE;
    }
    crate::stdout::write(format_args!("{}", pages.join("\n")));
    ExitCode::SUCCESS
}

#[derive(Debug, thiserror::Error)]
#[error("cannot write `{path}`: {source}")]
struct WriteError {
    path: PathBuf,
    source: std::io::Error,
}

/// Writes a page for each plugin, and one that lists them.
fn write(directory: &Path) -> Result<(), WriteError> {
    let put = |path: PathBuf, text: String| {
        std::fs::write(&path, text).map_err(|source| WriteError { path, source })
    };
    std::fs::create_dir_all(directory).map_err(|source| WriteError {
        path: directory.to_owned(),
        source,
    })?;
    for spec in KINDS.iter().flat_map(|kind| specs(*kind)) {
        put(directory.join(file_name(spec.kind, spec.name)), page(spec))?;
    }
    let linked = index(&|kind, name| format!("[`{name}`]({})", file_name(kind, name)));
    put(directory.join("README.md"), linked)
}

fn file_name(kind: PluginKind, name: &str) -> String {
    format!("{}-{name}.md", kind.name())
}

fn specs(kind: PluginKind) -> Vec<&'static PluginSpec> {
    match kind {
        PluginKind::Input => INPUT_SPECS.iter().collect(),
        PluginKind::Filter => FILTERS.iter().map(|plugin| &plugin.spec).collect(),
        PluginKind::Output => {
            let mut all: Vec<_> = OUTPUTS.iter().map(|plugin| &plugin.spec).collect();
            all.push(&PIPELINE_OUTPUT);
            all.sort_by_key(|spec| spec.name);
            all
        }
        PluginKind::Codec => CODECS.iter().map(|plugin| &plugin.spec).collect(),
    }
}

/// The list of all plugins.
fn index(link: &dyn Fn(PluginKind, &str) -> String) -> String {
    let mut text = String::from(
        "# Plugins\n\nWritten by `kelp reference --write docs/reference` from the declarations in the code; \
         `kelp reference NAME` prints a page.\n",
    );
    for kind in KINDS {
        let _ = write!(
            text,
            "\n## {}\n\n| Plugin | What it does |\n| --- | --- |\n",
            plural(*kind)
        );
        for spec in specs(*kind) {
            let first = spec.doc.lines().next().unwrap_or_default();
            let _ = writeln!(text, "| {} | {} |", link(*kind, spec.name), cell(first));
        }
        let unsupported = match kind {
            PluginKind::Filter => UNSUPPORTED_FILTERS,
            PluginKind::Codec => UNSUPPORTED_CODECS,
            _ => &[],
        };
        if !unsupported.is_empty() {
            let _ = write!(text, "\nNot here:\n\n| Plugin | Instead |\n| --- | --- |\n");
            for (name, instead) in unsupported {
                let _ = writeln!(text, "| `{name}` | {} |", cell(instead));
            }
        }
    }
    text
}

fn plural(kind: PluginKind) -> &'static str {
    match kind {
        PluginKind::Input => "Inputs",
        PluginKind::Filter => "Filters",
        PluginKind::Output => "Outputs",
        PluginKind::Codec => "Codecs",
    }
}

/// The page of a plugin.
fn page(spec: &PluginSpec) -> String {
    let mut text = format!("# {} `{}`\n\n", capitalized(spec.kind.name()), spec.name);
    for line in spec.doc.lines() {
        let _ = writeln!(text, "{}", line.strip_prefix(' ').unwrap_or(line));
    }
    if spec.options.is_empty() {
        text.push_str("\nIt has no options of its own.\n");
    } else {
        text.push_str("\n| Option | Takes | Default | Meaning |\n| --- | --- | --- | --- |\n");
    }
    for option in spec.options {
        let default = match (option.required, option.default) {
            (true, _) => "needed".to_owned(),
            (false, Some(default)) => format!("`{}`", default.replace('|', "\\|")),
            (false, None) => String::new(),
        };
        let _ = writeln!(
            text,
            "| `{}` | {} | {default} | {} |",
            option.name,
            cell(option.takes),
            cell(option.doc)
        );
    }
    text.push_str(common(spec.kind));
    let former: Vec<_> = former_options(spec.kind, spec.name).collect();
    if !former.is_empty() {
        text.push_str("\n## Options of old\n\n| Option | | Instead |\n| --- | --- | --- |\n");
        for option in former {
            let standing = match option.standing {
                Standing::Deprecated => "deprecated",
                Standing::Removed => "refused",
            };
            let _ = writeln!(
                text,
                "| `{}` | {standing} | {} |",
                option.option,
                cell(option.instead)
            );
        }
    }
    text
}

/// What all plugins of a kind share.
fn common(kind: PluginKind) -> &'static str {
    match kind {
        PluginKind::Input => {
            "\nAs all inputs: `id`, `codec`, `type`, `tags`, `add_field`, `ecs_compatibility`, `enable_metric`.\n"
        }
        PluginKind::Filter => {
            "\nAs all filters: `id`, `ecs_compatibility`, `enable_metric`, `periodic_flush`, and, where the filter succeeded, \
             `add_field`, `remove_field`, `add_tag`, `remove_tag`.\n"
        }
        PluginKind::Output => {
            "\nAs all outputs: `id`, `codec`, `ecs_compatibility`, `enable_metric`, `workers`, which has no effect.\n"
        }
        PluginKind::Codec => "\nAs all codecs: `id`, `ecs_compatibility`, `enable_metric`.\n",
    }
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    match letters.next() {
        None => String::new(),
        Some(first) => first.to_uppercase().chain(letters).collect(),
    }
}

/// Text as a cell of a Markdown table takes it.
fn cell(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace('|', "\\|")
}

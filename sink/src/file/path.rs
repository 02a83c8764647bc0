//! The path of each event's file, kept within the fixed part of the configured path.

use std::path::{Component, Path, PathBuf};

use kelp_parser::event::{Event, Template};

/// The configured path.
pub(super) struct EventPath {
    template: Template,
    /// The fixed part, where the path has references.
    root: Option<PathBuf>,
    failure_path: PathBuf,
}

/// A path that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the first part of `{0}` is a reference to a field: an event could name any directory")]
pub(super) struct DynamicRoot(String);

impl EventPath {
    pub(super) fn new(template: &Template, failure_name: &str) -> Result<Self, DynamicRoot> {
        let full = absolute(Path::new(template.source()));
        let is_dynamic = |component: &Component<'_>| {
            let text = component.as_os_str().to_string_lossy();
            text.contains("%{")
        };
        let is_constant = template.is_constant();
        let first = full
            .components()
            .find(|component| matches!(component, Component::Normal(_)));
        if !is_constant && first.as_ref().is_some_and(is_dynamic) {
            return Err(DynamicRoot(template.source().to_owned()));
        }
        let root: PathBuf = match is_constant {
            true => full.parent().map(Path::to_owned).unwrap_or_default(),
            false => full
                .components()
                .take_while(|component| !is_dynamic(component))
                .collect(),
        };
        Ok(Self {
            template: template.clone(),
            failure_path: root.join(failure_name),
            root: (!is_constant).then_some(root),
        })
    }

    pub(super) fn failure_path(&self) -> &Path {
        &self.failure_path
    }

    /// The event's file.
    pub(super) fn of(&self, event: &Event<'_>) -> PathBuf {
        let path = absolute(Path::new(self.template.render(event)));
        match &self.root {
            Some(root) if !path.starts_with(root) || path == *root => {
                tracing::warn!(path = %path.display(), "an event's file lies outside of the output's directory");
                self.failure_path.clone()
            }
            _ => path,
        }
    }
}

/// The path from the root, `.` and `..` resolved by name alone: a file need not exist.
fn absolute(path: &Path) -> PathBuf {
    let full = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut clean = PathBuf::new();
    for component in full.components() {
        match component {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            other => clean.push(other),
        }
    }
    clean
}

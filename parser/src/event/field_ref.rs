//! Field references: `[a][b]`, `a`, `[@metadata][x]`.

use std::fmt;

use super::intern::{intern, intern_list};
use super::{Arena, InvalidFieldSet};

/// A parsed field reference. References of a configuration are `'static`; those made at run time
/// live in the event's arena.
///
/// Rules as in `org.logstash.FieldReference`: a name without brackets is one segment; with brackets
/// every segment has its own pair and nothing stands outside of them; brackets nest only around a
/// whole reference (`[[a][b]]` is `[a][b]`).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FieldRef<'a> {
    root: Root,
    segments: &'a [&'a str],
}

/// Which tree a reference starts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Root {
    /// The event's own fields.
    Fields,
    /// What lies under `[@metadata]`.
    Metadata,
}

/// A text that is not a field reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a valid field reference: write a plain name, or every part in brackets of its own, as in [a][b]"
)]
pub struct FieldRefError(pub String);

const METADATA: &str = "@metadata";

impl FieldRef<'static> {
    /// Parses a reference that stands in a configuration.
    pub fn parse(text: &str) -> Result<Self, FieldRefError> {
        let segments = split(text)?;
        let interned = segments.into_iter().map(intern).collect();
        Ok(Self::from_segments(intern_list(interned)))
    }

    /// Like [`parse`](Self::parse) for references that are constants of the program.
    ///
    /// # Panics
    /// When the text is not a valid reference.
    pub fn constant(text: &'static str) -> Self {
        Self::parse(text).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl<'a> FieldRef<'a> {
    /// The top-level field of that one name, which is not `@metadata`.
    pub const fn top(name: &'a [&'a str; 1]) -> Self {
        Self {
            root: Root::Fields,
            segments: name,
        }
    }

    /// Parses a reference that was made at run time (from a template, say) into the arena.
    pub fn parse_in(arena: &'a Arena, text: &'a str) -> Result<Self, FieldRefError> {
        if !text.contains(['[', ']']) {
            return Ok(Self::from_segments(arena.alloc_slice_copy(&[text])));
        }
        let segments = split(text)?;
        Ok(Self::from_segments(arena.alloc_slice_copy(&segments)))
    }

    fn from_segments(segments: &'a [&'a str]) -> Self {
        match segments.split_first() {
            Some((&METADATA, rest)) => Self {
                root: Root::Metadata,
                segments: rest,
            },
            _ => Self {
                root: Root::Fields,
                segments,
            },
        }
    }

    /// Which tree the reference starts in.
    pub fn root(self) -> Root {
        self.root
    }

    /// The names on the way, without `@metadata`.
    pub fn segments(self) -> &'a [&'a str] {
        self.segments
    }

    /// What the field lies in; `None` for a top-level field.
    pub fn parent(self) -> Option<Self> {
        let (_, segments) = self.segments.split_last()?;
        let root = self.root;
        (!segments.is_empty()).then_some(Self { root, segments })
    }

    /// Whether this is `[@metadata]` itself.
    pub fn is_all_metadata(self) -> bool {
        self.root == Root::Metadata && self.segments.is_empty()
    }

    /// The field's name where it is a top-level field of the event.
    pub fn top_level(self) -> Option<&'a str> {
        match (self.root, self.segments) {
            (Root::Fields, [name]) => Some(name),
            _ => None,
        }
    }

    pub(super) fn invalid_set(self, depth: usize) -> InvalidFieldSet {
        let parent = FieldRef {
            root: self.root,
            segments: &self.segments[..depth.min(self.segments.len())],
        };
        InvalidFieldSet::Parent {
            path: self.to_string(),
            parent: parent.to_string(),
        }
    }
}

/// Prints the reference with brackets, as `[a][b]`; a top-level field as its bare name.
impl fmt::Display for FieldRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = self.top_level() {
            return f.write_str(name);
        }
        if self.root == Root::Metadata {
            write!(f, "[{METADATA}]")?;
        }
        self.segments
            .iter()
            .try_for_each(|segment| write!(f, "[{segment}]"))
    }
}

impl fmt::Debug for FieldRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FieldRef({self})")
    }
}

fn split(text: &str) -> Result<Vec<&str>, FieldRefError> {
    let invalid = || FieldRefError(text.to_owned());
    if !text.contains(['[', ']']) {
        return Ok(vec![text]);
    }
    let mut segments = Vec::new();
    let mut depth = 0usize;
    let mut start = None;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => {
                // An opening bracket may follow a segment or another opening bracket.
                if start.is_some_and(|start| start < at) {
                    return Err(invalid());
                }
                depth += 1;
                start = Some(at + 1);
            }
            b']' => {
                depth = depth.checked_sub(1).ok_or_else(invalid)?;
                if let Some(start) = start.take() {
                    if start == at {
                        return Err(invalid());
                    }
                    segments.push(&text[start..at]);
                }
            }
            _ if depth == 0 || start.is_none() => return Err(invalid()),
            _ => {}
        }
    }
    if depth != 0 || segments.is_empty() {
        return Err(invalid());
    }
    Ok(segments)
}

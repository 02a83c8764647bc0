//! Why a document was refused.

use std::fmt;

/// Why a document can never be indexed, in Elasticsearch's words or our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The HTTP status of the item or of the whole request; `None` when it was never sent.
    pub status: Option<u16>,
    /// The error's type, as in `document_parsing_exception`.
    pub kind: String,
    /// What is wrong, for people.
    pub text: String,
}

impl Reason {
    /// A reason of our own, for a document that was never sent.
    pub fn unsent(kind: &str, text: impl Into<String>) -> Self {
        Self {
            status: None,
            kind: kind.to_owned(),
            text: text.into(),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(status) = self.status {
            write!(f, "{status} ")?;
        }
        write!(f, "{}: {}", self.kind, self.text)
    }
}

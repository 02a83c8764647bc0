//! Which characters XML allows, in names and elsewhere.

pub(super) fn is_name_start(character: char) -> bool {
    character.is_alphabetic() || matches!(character, '_' | ':')
}

pub(super) fn is_in_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '-' | '.' | '_' | ':')
}

/// The length of the name without a prefix that `text` starts with; 0 where there is none.
pub(super) fn name_length(text: &str) -> usize {
    if !text.starts_with(|character| is_name_start(character) && character != ':') {
        return 0;
    }
    let is_other = |character: char| !is_in_name(character) || character == ':';
    text.find(is_other).unwrap_or(text.len())
}

/// The length of the name that `text` starts with, which may have a prefix; 0 where there is none.
pub(super) fn qualified_name_length(text: &str) -> usize {
    let first = name_length(text);
    match text[first..].strip_prefix(':').map(name_length) {
        Some(second) if first > 0 && second > 0 => first + 1 + second,
        _ => first,
    }
}

/// The name that `text` starts with as Xerces reads it, where a prefix need not be one of something, and whether it is good.
pub(super) fn split_name(text: &str) -> (&str, bool) {
    let prefix = name_length(text);
    let local = match text[prefix..].strip_prefix(':') {
        Some(local) if prefix > 0 => local,
        _ => return (&text[..prefix], prefix > 0),
    };
    let is_other = |character: char| !is_in_name(character) || character == ':';
    let length = local.find(is_other).unwrap_or(local.len());
    (&text[..prefix + 1 + length], name_length(local) > 0)
}

/// Whether a character may stand in a document.
pub(super) fn is_character(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

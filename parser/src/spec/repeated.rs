//! What becomes of an option that is written more than once in a plugin.
//! (source: `map_expr_attributes` in Logstash's `lscl.rb`, `hash_merge_with_dups` and `hash_merge` in its `util.rb`)

use super::string_of;
use super::types::number_text;
use crate::config::ast::{Literal, Spanned};
use crate::event::push_escaped_ruby;

type Pair = (Spanned<Literal>, Spanned<Literal>);

/// A hash and then a value that is none: Logstash fails on the configuration.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoHash;

/// Merges what an option is set to once more into what it was set to before.
///
/// What comes first decides: a hash takes the pairs of hashes, an array takes values, and a single value becomes an array with
/// the other as its second item, even if that is an array.
pub(super) fn merge(old: &mut Spanned<Literal>, new: &Spanned<Literal>) -> Result<(), NoHash> {
    match (&mut old.node, &new.node) {
        (Literal::Hash(old), Literal::Hash(new)) => merge_pairs(old, new, Repeats::Kept),
        // Ruby walks an array as if its items were keys without values.
        (Literal::Hash(old), Literal::Array(keys)) => {
            for key in keys {
                if !old.iter().any(|(have, _)| equal(&have.node, &key.node)) {
                    let nothing = Spanned {
                        node: Literal::Array(Vec::new()),
                        span: key.span,
                    };
                    old.push((as_item(key), nothing));
                }
            }
        }
        (Literal::Hash(_), _) => return Err(NoHash),
        (Literal::Array(old), Literal::Array(new)) => old.extend(new.iter().cloned()),
        (Literal::Array(old), Literal::Hash(new)) => old.extend(new.iter().map(|pair| Spanned {
            node: Literal::String(pair_text(pair)),
            span: pair.0.span,
        })),
        (Literal::Array(old), _) => old.push(new.clone()),
        (old_node, new_node) if equal(old_node, new_node) => {}
        _ => old.node = Literal::Array(vec![old.clone(), as_item(new)]),
    }
    Ok(())
}

/// What happens to a value that a key of a hash has already.
#[derive(Clone, Copy)]
enum Repeats {
    /// Lists are joined as they are.
    Kept,
    /// In hashes within hashes only values that are new are added.
    Dropped,
}

fn merge_pairs(old: &mut Vec<Pair>, new: &[Pair], repeats: Repeats) {
    for (key, value) in new {
        match old
            .iter_mut()
            .find(|(have, _)| equal(&have.node, &key.node))
        {
            Some((_, have)) => merge_values(have, value, repeats),
            None => old.push((key.clone(), value.clone())),
        }
    }
}

fn merge_values(old: &mut Spanned<Literal>, new: &Spanned<Literal>, repeats: Repeats) {
    match (&mut old.node, &new.node) {
        (Literal::Hash(old), Literal::Hash(new)) => merge_pairs(old, new, Repeats::Dropped),
        (Literal::Array(old), Literal::Array(new)) => {
            for value in new {
                add(old, value, repeats);
            }
        }
        (_, Literal::Array(new)) => {
            let mut values = vec![old.clone()];
            for value in new {
                add(&mut values, value, repeats);
            }
            old.node = Literal::Array(values);
        }
        (Literal::Array(old), _) => add(old, new, Repeats::Dropped),
        (old_node, new_node) if equal(old_node, new_node) => {}
        _ => old.node = Literal::Array(vec![old.clone(), new.clone()]),
    }
}

fn add(values: &mut Vec<Spanned<Literal>>, value: &Spanned<Literal>, repeats: Repeats) {
    let have = || values.iter().any(|have| equal(&have.node, &value.node));
    if matches!(repeats, Repeats::Kept) || !have() {
        values.push(value.clone());
    }
}

/// Whether two values are the same to Ruby: quotes make no difference, and `1` is `1.0`.
fn equal(one: &Literal, other: &Literal) -> bool {
    match (one, other) {
        (Literal::Number(one), Literal::Number(other)) => {
            one == other || one.parse::<f64>().is_ok_and(|one| other.parse() == Ok(one))
        }
        (Literal::Number(_), _) | (_, Literal::Number(_)) => false,
        (Literal::Array(one), Literal::Array(other)) => {
            let pairs = one.iter().zip(other);
            one.len() == other.len() && { pairs }.all(|(one, other)| equal(&one.node, &other.node))
        }
        (Literal::Bareword(_) | Literal::String(_), Literal::Bareword(_) | Literal::String(_)) => {
            string_of(one) == string_of(other)
        }
        _ => one == other,
    }
}

/// A value as an item of a list: an array or a hash is the text that Ruby prints for it, which is how Logstash uses it where it
/// wants a text.
pub(super) fn as_item(value: &Spanned<Literal>) -> Spanned<Literal> {
    match &value.node {
        Literal::Array(_) | Literal::Hash(_) => Spanned {
            node: Literal::String(item_text(value)),
            span: value.span,
        },
        _ => value.clone(),
    }
}

/// The text of a value: a scalar's own, what Ruby prints for any other.
pub(crate) fn item_text(value: &Spanned<Literal>) -> String {
    match &value.node {
        Literal::Bareword(text) | Literal::String(text) => text.clone(),
        nested => inspected(nested),
    }
}

/// A pair of a hash as Ruby prints it where it walks the hash like an array.
pub(crate) fn pair_text((key, value): &Pair) -> String {
    format!("[{}, {}]", inspected(&key.node), inspected(&value.node))
}

/// The value as Ruby's `inspect` has it.
fn inspected(literal: &Literal) -> String {
    let list = |values: &[Spanned<Literal>]| {
        let values: Vec<String> = values.iter().map(|value| inspected(&value.node)).collect();
        values.join(", ")
    };
    match literal {
        Literal::Bareword(text) | Literal::String(text) => {
            let mut quoted = vec![b'"'];
            push_escaped_ruby(&mut quoted, text.as_bytes());
            quoted.push(b'"');
            String::from_utf8_lossy(&quoted).into_owned()
        }
        Literal::Number(text) => number_text(text),
        Literal::Array(values) => format!("[{}]", list(values)),
        Literal::Hash(pairs) => {
            let pairs = pairs.iter().map(|(key, value)| {
                format!("{}=>{}", inspected(&key.node), inspected(&value.node))
            });
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
        Literal::Plugin(plugin) => plugin.name.node.clone(),
    }
}

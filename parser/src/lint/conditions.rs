//! Conditions that hold always or never: `constant-condition` and `never-equal`.

use std::collections::HashMap;

use super::option;
use crate::config::ast::{
    CompareOperator, Config, Expr, If, Operand, Plugin, SectionKind, Spanned, Statement,
};
use crate::config::{Diagnostic, Span};
use crate::event::FieldRef;
use crate::spec::Pairs;

/// Checks one condition for what can be seen in it alone.
pub(super) fn check(condition: &Expr, span: Span, found: &mut Vec<Diagnostic>) {
    check_joined(condition, span, found);
    each_leaf(condition, &mut |leaf| check_leaf(leaf, found));
}

fn check_leaf(leaf: &Expr, found: &mut Vec<Diagnostic>) {
    let Expr::Compare { left, right, .. } = leaf else {
        return;
    };
    if is_constant(&left.node) && is_constant(&right.node) {
        let message = "both sides are constants: it holds for every event, or for none";
        let help = "a field is written in brackets, as in [status]";
        found.push(
            Diagnostic::warning(left.span.to(right.span), message)
                .help(help)
                .rule("constant-condition"),
        );
    }
}

fn is_constant(operand: &Operand) -> bool {
    matches!(operand, Operand::String(_) | Operand::Number(_))
}

/// `[a] == "x" and [a] == "y"`, `[a] != "x" or [a] != "y"`.
fn check_joined(condition: &Expr, span: Span, found: &mut Vec<Diagnostic>) {
    let (operator, word, outcome) = match condition {
        Expr::And(..) => (CompareOperator::Equal, "and", "never"),
        Expr::Or(..) => (CompareOperator::NotEqual, "or", "always"),
        _ => return,
    };
    let mut leaves = Vec::new();
    flatten(condition, word == "and", &mut leaves);
    let mut seen: HashMap<String, String> = HashMap::new();
    for leaf in leaves {
        let Expr::Compare {
            operator: written,
            left,
            right,
        } = leaf
        else {
            continue;
        };
        let (Operand::Field(field), true) = (&left.node, is_constant(&right.node)) else {
            continue;
        };
        if *written != operator {
            continue;
        }
        let value = show_operand(&right.node);
        match seen.get(field) {
            Some(other) if *other != value => {
                let message = format!("`{field}` has one value at a time: this {outcome} holds");
                let help = match word {
                    "and" => "write `or`, or `in [...]`",
                    _ => "write `and`, or `not in [...]`",
                };
                found.push(
                    Diagnostic::warning(span, message)
                        .help(help)
                        .rule("constant-condition"),
                );
                return;
            }
            _ => {
                seen.insert(field.clone(), value);
            }
        }
    }
}

fn flatten<'e>(condition: &'e Expr, and: bool, leaves: &mut Vec<&'e Expr>) {
    match (condition, and) {
        (Expr::And(left, right), true) | (Expr::Or(left, right), false) => {
            flatten(left, and, leaves);
            flatten(right, and, leaves);
        }
        _ => leaves.push(condition),
    }
}

pub(super) fn each_leaf<'e>(condition: &'e Expr, look: &mut dyn FnMut(&'e Expr)) {
    match condition {
        Expr::And(left, right)
        | Expr::Or(left, right)
        | Expr::Xor(left, right)
        | Expr::Nand(left, right) => {
            each_leaf(left, look);
            each_leaf(right, look);
        }
        Expr::Not(inner) => each_leaf(inner, look),
        leaf => look(leaf),
    }
}

/// A condition in a form that is equal for equal conditions.
pub(super) fn show(condition: &Expr) -> String {
    let both =
        |word: &str, left: &Expr, right: &Expr| format!("({} {word} {})", show(left), show(right));
    match condition {
        Expr::And(left, right) => both("and", left, right),
        Expr::Or(left, right) => both("or", left, right),
        Expr::Xor(left, right) => both("xor", left, right),
        Expr::Nand(left, right) => both("nand", left, right),
        Expr::Not(inner) => format!("!({})", show(inner)),
        Expr::Compare {
            operator,
            left,
            right,
        } => {
            let (left, right) = (show_operand(&left.node), show_operand(&right.node));
            format!("{left} {operator:?} {right}")
        }
        Expr::Match {
            negated,
            value,
            pattern,
        } => {
            let (value, pattern) = (show_operand(&value.node), show_operand(&pattern.node));
            format!("{value} match {negated} {pattern}")
        }
        Expr::In {
            negated,
            needle,
            haystack,
        } => {
            let (needle, haystack) = (show_operand(&needle.node), show_operand(&haystack.node));
            format!("{needle} in {negated} {haystack}")
        }
        Expr::Truthy(operand) => show_operand(&operand.node),
    }
}

fn show_operand(operand: &Operand) -> String {
    match operand {
        Operand::Field(text) | Operand::Number(text) => text.clone(),
        Operand::String(text) => format!("{text:?}"),
        Operand::Regex(text) => format!("/{text}/"),
        Operand::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| show_operand(&item.node)).collect();
            format!("[{}]", items.join(", "))
        }
    }
}

/// What `mutate`'s `convert` made of a field.
#[derive(Clone, Copy, PartialEq)]
enum Type {
    Integer,
    Float,
    Text,
    Boolean,
}

type Types = HashMap<String, Type>;

/// Follows the types that `convert` gives to fields through the filters, and checks comparisons against them.
pub(super) fn check_types(config: &Config, found: &mut Vec<Diagnostic>) {
    let mut types = Types::new();
    for kind in [SectionKind::Filter, SectionKind::Output] {
        for section in config.sections.iter().filter(|one| one.kind == kind) {
            follow(&section.body, &mut types, found);
        }
    }
}

fn follow(statements: &[Statement], types: &mut Types, found: &mut Vec<Diagnostic>) {
    for statement in statements {
        match statement {
            Statement::Plugin(plugin) => apply(plugin, types),
            Statement::If(If {
                branches,
                otherwise,
            }) => {
                let mut ends = Vec::new();
                for branch in branches {
                    each_leaf(&branch.condition, &mut |leaf| {
                        check_type(leaf, types, found)
                    });
                    let mut inside = types.clone();
                    follow(&branch.body, &mut inside, found);
                    ends.push(inside);
                }
                let mut inside = types.clone();
                follow(otherwise.as_deref().unwrap_or_default(), &mut inside, found);
                ends.push(inside);
                types.retain(|field, kind| ends.iter().all(|end| end.get(field) == Some(kind)));
            }
        }
    }
}

/// Anything but a few filters may set any field, so it ends what is known.
fn apply(plugin: &Plugin, types: &mut Types) {
    match plugin.name.node.as_str() {
        "mutate" => {
            let alone = plugin
                .settings
                .iter()
                .all(|setting| matches!(setting.name.node.as_str(), "convert" | "id"));
            if !alone {
                types.clear();
            }
            let conversions: Option<Pairs<String>> = option(plugin, "convert");
            if !alone {
                return;
            }
            for (field, kind) in conversions.unwrap_or_default().iter() {
                let Ok(field) = FieldRef::parse(field) else {
                    continue;
                };
                let kind = match kind.as_str() {
                    "integer" | "integer_eu" => Type::Integer,
                    "float" | "float_eu" => Type::Float,
                    "string" => Type::Text,
                    "boolean" => Type::Boolean,
                    _ => continue,
                };
                types.insert(field.to_string(), kind);
            }
        }
        "drop" | "sleep" => {}
        _ => types.clear(),
    }
}

fn check_type(leaf: &Expr, types: &Types, found: &mut Vec<Diagnostic>) {
    let (left, right, outcome, equality) = match leaf {
        Expr::Compare {
            operator,
            left,
            right,
        } => {
            let always = *operator == CompareOperator::NotEqual;
            let equality = always || *operator == CompareOperator::Equal;
            (
                left,
                right,
                if always { "always" } else { "never" },
                equality,
            )
        }
        Expr::Match {
            negated,
            value,
            pattern,
        } => (
            value,
            pattern,
            if *negated { "always" } else { "never" },
            true,
        ),
        _ => return,
    };
    let Some((field, kind)) = known(left, types) else {
        return;
    };
    let (is, instead) = match (kind, &right.node) {
        (Type::Integer | Type::Float, Operand::String(text))
            if text.parse::<f64>().is_ok() && !matches!(leaf, Expr::Match { .. }) =>
        {
            ("a number", format!("write `{text}` without quotes"))
        }
        (Type::Integer | Type::Float, Operand::String(_) | Operand::Regex(_)) => {
            ("a number", "compare it with a number".to_owned())
        }
        (Type::Float, Operand::Number(text)) if equality && !text.contains('.') => {
            ("a float", format!("write `{text}.0`"))
        }
        (Type::Text, Operand::Number(text)) => ("text", format!("write `\"{text}\"`")),
        (Type::Boolean, Operand::String(_) | Operand::Number(_) | Operand::Regex(_)) => {
            ("a boolean", format!("write `{field}` or `!{field}` alone"))
        }
        _ => return,
    };
    let message = format!("`{field}` was converted to {is}: this is {outcome} true");
    found.push(
        Diagnostic::warning(left.span.to(right.span), message)
            .help(instead)
            .rule("never-equal"),
    );
}

fn known<'o>(operand: &'o Spanned<Operand>, types: &Types) -> Option<(&'o str, Type)> {
    let Operand::Field(text) = &operand.node else {
        return None;
    };
    let field = FieldRef::parse(text).ok()?.to_string();
    Some((text, *types.get(&field)?))
}

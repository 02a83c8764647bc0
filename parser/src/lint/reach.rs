//! `unreachable`: what stands behind an unconditional `drop`, and branches whose condition was already tested.

use super::conditions::show;
use super::option;
use crate::config::ast::{If, Plugin, Statement};
use crate::config::{Diagnostic, Span};

/// Checks statements and everything in them.
pub(super) fn check(statements: &[Statement], found: &mut Vec<Diagnostic>) {
    let mut ended: Option<Span> = None;
    for statement in statements {
        if let Some(end) = ended.take() {
            let message = "no event gets here: all are dropped before";
            found.push(
                Diagnostic::warning(start_of(statement), message)
                    .related(end, "drops every event")
                    .help("remove it, or put the `drop` into a condition")
                    .rule("unreachable"),
            );
            return;
        }
        if let Statement::If(chain) = statement {
            check_chain(chain, found);
        }
        ended = end_of(statement);
    }
}

fn check_chain(chain: &If, found: &mut Vec<Diagnostic>) {
    for (number, branch) in chain.branches.iter().enumerate() {
        let shown = show(&branch.condition);
        let earlier = &chain.branches[..number];
        if let Some(same) = earlier.iter().find(|one| show(&one.condition) == shown) {
            let message = "no event gets here: the same condition was tested before";
            found.push(
                Diagnostic::warning(branch.span, message)
                    .related(same.span, "tested here")
                    .rule("unreachable"),
            );
        }
        check(&branch.body, found);
    }
    check(chain.otherwise.as_deref().unwrap_or_default(), found);
}

/// The `drop` by which a statement ends the way of every event.
fn end_of(statement: &Statement) -> Option<Span> {
    match statement {
        Statement::Plugin(plugin) => drops_all(plugin).then_some(plugin.name.span),
        Statement::If(chain) => {
            let end_of_all = |body: &[Statement]| body.iter().find_map(end_of);
            let last = end_of_all(chain.otherwise.as_deref()?)?;
            let mut branches = chain.branches.iter();
            branches
                .all(|branch| end_of_all(&branch.body).is_some())
                .then_some(last)
        }
    }
}

fn drops_all(plugin: &Plugin) -> bool {
    let percentage: Option<f64> = option(plugin, "percentage");
    plugin.name.node == "drop" && percentage.is_none_or(|percentage| percentage >= 100.0)
}

fn start_of(statement: &Statement) -> Span {
    match statement {
        Statement::Plugin(plugin) => plugin.name.span,
        Statement::If(chain) => chain.branches[0].span,
    }
}

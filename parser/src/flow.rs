//! The order in which plugins run: branches of a section compiled to a flat list with jumps, so that
//! an event's place in it is one number.

use crate::condition::Condition;
use crate::config::Diagnostic;
use crate::config::ast::{Plugin, Statement};
use crate::event::Event;
use crate::regex::Scratch;

/// A compiled section.
#[derive(Debug, Default)]
pub struct Flow {
    steps: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    /// Run the plugin of that number.
    Plugin(u32),
    /// Go on with the next step if the condition holds, else at `otherwise`.
    If {
        condition: Condition,
        otherwise: u32,
    },
    /// Go on at that step.
    Jump(u32),
}

/// A place in a [`Flow`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position(u32);

impl Flow {
    /// Compiles statements; `add_plugin` gives each plugin its number, or `None` after it reported why not.
    pub fn compile(
        statements: &[Statement],
        add_plugin: &mut dyn FnMut(&Plugin, &mut Vec<Diagnostic>) -> Option<u32>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut flow = Self::default();
        flow.append(statements, add_plugin, diagnostics);
        flow
    }

    /// Compiles further statements behind what is there.
    pub fn append(
        &mut self,
        statements: &[Statement],
        add_plugin: &mut dyn FnMut(&Plugin, &mut Vec<Diagnostic>) -> Option<u32>,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        for statement in statements {
            match statement {
                Statement::Plugin(plugin) => {
                    if let Some(number) = add_plugin(plugin, diagnostics) {
                        self.steps.push(Step::Plugin(number));
                    }
                }
                Statement::If(chain) => {
                    let mut ends = Vec::new();
                    for branch in &chain.branches {
                        let test = self.steps.len();
                        if let Some(condition) = Condition::compile(&branch.condition, diagnostics)
                        {
                            self.steps.push(Step::If {
                                condition,
                                otherwise: 0,
                            });
                        }
                        self.append(&branch.body, add_plugin, diagnostics);
                        ends.push(self.steps.len());
                        self.steps.push(Step::Jump(0));
                        let next = self.steps.len() as u32;
                        if let Some(Step::If { otherwise, .. }) = self.steps.get_mut(test) {
                            *otherwise = next;
                        }
                    }
                    if let Some(body) = &chain.otherwise {
                        self.append(body, add_plugin, diagnostics);
                    }
                    let end = self.steps.len() as u32;
                    for jump in ends {
                        self.steps[jump] = Step::Jump(end);
                    }
                }
            }
        }
    }

    /// Whether nothing ever runs.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Right behind the plugin of that number.
    pub fn behind(&self, plugin: u32) -> Position {
        let found = |step: &Step| matches!(step, Step::Plugin(number) if *number == plugin);
        let at = self.steps.iter().position(found);
        Position(at.map_or(self.steps.len(), |at| at + 1) as u32)
    }

    /// The number of the next plugin for `event` at or after `position`, which moves behind it.
    pub fn next(
        &self,
        position: &mut Position,
        event: &Event<'_>,
        scratch: &mut Scratch,
    ) -> Option<u32> {
        self.next_noting(position, event, scratch, |_, _| {})
    }

    /// Like [`next`](Self::next); tells `note` of each condition on the way its step and whether it held.
    pub(crate) fn next_noting(
        &self,
        position: &mut Position,
        event: &Event<'_>,
        scratch: &mut Scratch,
        mut note: impl FnMut(u32, bool),
    ) -> Option<u32> {
        loop {
            match self.steps.get(position.0 as usize)? {
                Step::Plugin(number) => {
                    position.0 += 1;
                    return Some(*number);
                }
                Step::If {
                    condition,
                    otherwise,
                } => {
                    let holds = condition.holds(event, scratch);
                    note(position.0, holds);
                    position.0 = if holds { position.0 + 1 } else { *otherwise };
                }
                Step::Jump(target) => position.0 = *target,
            }
        }
    }
}

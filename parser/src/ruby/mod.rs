//! A small Ruby for the code in Logstash configurations: expressions, control structures, blocks, methods and the common
//! methods of strings, numbers, lists, hashes and times. No input or output, no classes, bounded in steps, memory and depth.
//!
//! Source text becomes a tree ([`parser`]) in which every name is resolved, so what is not supported is refused when the
//! configuration is checked. [`interp`] walks the tree. Objects live on a [`heap`] behind handles and go with the run that made
//! them, except where a variable that outlives it holds them.

mod ast;
mod calls;
mod class;
mod control;
mod convert;
mod expression;
mod hash;
mod heap;
mod interp;
mod lexer;
mod literal;
mod marked;
mod methods;
mod names;
mod parser;
mod primary;
mod script;
mod script_file;
mod task;
mod text;
mod value;

pub(crate) use script::{Script, Source};
pub(crate) use task::{Constants, Map, TaskMeta, TaskScript, seconds};
pub(crate) use value::Val;

/// Bytes of stack that parsing or running a program may take: half of what a worker's thread has (2 MiB), so that the methods
/// that recurse over values have room too. What is measured is the stack itself, since how much a level of nesting takes
/// depends on the code and on the build.
const STACK_MAX: usize = 1 << 20;

/// Where the stack is: for distances between calls on one thread.
#[inline(never)]
fn stack_position() -> usize {
    let here = 0u8;
    std::ptr::from_ref(std::hint::black_box(&here)).addr()
}

/// Code that is not Ruby, or not of the part that there is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct SyntaxError {
    pub(crate) at: usize,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl SyntaxError {
    fn new(at: usize, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
            help: None,
        }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

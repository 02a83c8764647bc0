//! What may be called, what will not be, and what changes the object that it is called on.

use crate::ruby::SyntaxError;
use crate::ruby::ast::{Kind, Node};
use crate::ruby::names::M;
use crate::ruby::parser::{Parsed, Parser, Unresolved, Wanted, node};
use crate::ruby::value::{Obj, Text, Val};

/// What may be called without a receiver.
const FUNCTIONS: &[&str] = &[
    "raise",
    "fail",
    "puts",
    "print",
    "p",
    "pp",
    "warn",
    "require",
    "rand",
    "sleep",
    "format",
    "sprintf",
    "printf",
    "Integer",
    "Float",
    "String",
    "Array",
    "Hash",
    "lambda",
    "proc",
    "loop",
    "catch",
    "throw",
    "block_given?",
    "logger",
    "send",
    "public_send",
    "__send__",
    "respond_to?",
    "instance_variable_get",
    "instance_variable_set",
    "instance_variable_defined?",
    "is_a?",
    "kind_of?",
    "class",
    "tap",
    "then",
    "yield_self",
    "inspect",
    "to_s",
    "nil?",
    "method",
    "freeze",
    "object_id",
    "hash",
    "itself",
    "filter_matched",
    "in_event",
    "in_events",
    "test",
    "expect",
    "parameters",
    "URI",
];

/// What changes the object that it is called on.
pub(super) const CHANGING: &[&str] = &[
    "<<",
    "[]=",
    "push",
    "append",
    "prepend",
    "insert",
    "concat",
    "pop",
    "shift",
    "unshift",
    "store",
    "update",
    "replace",
    "clear",
    "delete",
    "delete_at",
    "delete_if",
    "keep_if",
    "fill",
    "add",
    "add?",
    "default=",
    "force_encoding",
    "instance_variable_set",
    "send",
    "public_send",
    "__send__",
    "call",
    "compute_if_absent",
];

/// Functions of Ruby that there will not be, and why.
const REFUSED: &[(&str, &str)] = &[
    (
        "eval",
        "code that is made at run time cannot be checked; write it out",
    ),
    (
        "instance_eval",
        "code that is made at run time cannot be checked; write it out",
    ),
    (
        "class_eval",
        "code that is made at run time cannot be checked; write it out",
    ),
    (
        "system",
        "a filter runs no commands; prepare the data outside and read it with `translate`",
    ),
    ("exec", "a filter runs no commands"),
    ("spawn", "a filter runs no commands"),
    ("fork", "a filter starts no processes"),
    (
        "open",
        "a filter reads no files for each event; use `translate` with a dictionary file",
    ),
    ("require_relative", "put the code into the script itself"),
    ("load", "put the code into the script itself"),
    (
        "exit",
        "a filter cannot end the process; use `event.cancel` to drop the event",
    ),
    (
        "abort",
        "a filter cannot end the process; use `event.cancel` to drop the event",
    ),
    ("binding", "write the names of the variables out"),
    ("define_method", "use `def`"),
    ("define_singleton_method", "use `def`"),
    ("attr_accessor", "use instance variables"),
    ("attr_reader", "use instance variables"),
    ("include", "call the functions of the module by its name"),
    ("extend", "call the functions of the module by its name"),
    ("gets", "a filter reads nothing but events"),
];

impl Parser<'_, '_> {
    /// Something is changed: it may be held by a variable that outlives the event.
    pub(crate) fn note_change(&mut self, receiver: &Node) {
        let fresh =
            matches!(receiver.kind, Kind::Local { depth, slot } if self.is_event(depth, slot));
        self.program.facts.changes_state |= !fresh && !self.in_init();
    }

    pub(super) fn check_function(&mut self, name: &str, at: usize, with_arguments: bool) {
        if let Some((_, instead)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
            let message = format!("`{name}` is not supported");
            self.problem(at, message, Some((*instead).to_owned()), false);
        } else if !FUNCTIONS.contains(&name) {
            self.unresolved.push(Unresolved {
                unit: self.unit,
                at,
                name: name.to_owned(),
                what: Wanted::Method { with_arguments },
            });
        }
    }

    pub(super) fn unknown_method(&mut self, name: &str, at: usize) {
        if let Some((_, instead)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
            let message = format!("the method `{name}` is not supported");
            return self.problem(at, message, Some((*instead).to_owned()), false);
        }
        let near = crate::config::nearest(name, M::ALL.iter().map(|(have, _)| *have));
        let help = match near {
            Some(near) => format!("did you mean `{near}`? Kelp knows Ruby's methods for strings, numbers, lists, hashes and times"),
            None => "Kelp knows Ruby's methods for strings, numbers, lists, hashes and times; rewrite it with those, or use another filter".to_owned(),
        };
        self.problem(
            at,
            format!("the method `{name}` is not supported"),
            Some(help),
            false,
        );
    }

    /// `require 'json'`: what there is needs no loading.
    pub(super) fn require(&mut self, at: usize) -> Parsed<Node> {
        const KNOWN: &[&str] = &[
            "json",
            "time",
            "date",
            "base64",
            "digest",
            "digest/md5",
            "digest/sha1",
            "digest/sha2",
            "digest/sha256",
            "securerandom",
            "socket",
            "set",
            "uri",
            "cgi",
            "ipaddr",
            "csv",
            "logstash/event",
            "logstash/timestamp",
            "logstash/namespace",
            "logstash/json",
        ];
        let arguments = self.arguments("require")?;
        match arguments.first().map(|one| &one.kind) {
            Some(Kind::Str(Val::Ref(number))) => {
                if let Some(Obj::Str(Text::Utf8(name))) =
                    self.program.constants.get(*number as usize)
                    && !KNOWN.contains(&name.as_str())
                {
                    let message = format!("the library `{name}` is not supported");
                    let help =
                        "there are json, time, date, set, csv, uri, cgi, ipaddr, base64, digest and securerandom".to_owned();
                    self.problem(at, message, Some(help), false);
                }
                Ok(node(at, Kind::Value(Val::True)))
            }
            _ => Err(SyntaxError::new(
                at,
                "`require` needs the name of a library as a string",
            )),
        }
    }
}

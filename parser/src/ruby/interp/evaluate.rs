//! Walks the tree.

use super::{Block, Eval, Flow, Frame, Run};
use crate::ruby::ast::{Call, Interpolated, Kind, Node};
use crate::ruby::class::Class;
use crate::ruby::names::M;
use crate::ruby::value::{Obj, Text, Val};

impl<'r> Run<'r, '_> {
    /// Evaluates a node.
    pub(crate) fn eval(&mut self, node: &'r Node, frame: Frame<'r>) -> Eval {
        self.step()?;
        self.check_stack()?;
        match &node.kind {
            Kind::Value(value) => Ok(*value),
            Kind::Local { depth, slot } => {
                let at = self.slot(frame.env, *depth, *slot);
                Ok(self.memory.slots[at])
            }
            Kind::Str(constant) => {
                let text = self.memory.heap.text(*constant).cloned();
                Ok(self
                    .memory
                    .heap
                    .add(Obj::Str(text.unwrap_or(Text::Utf8(String::new())))))
            }
            Kind::Call(call) => self.eval_call(call, frame),
            Kind::Global(number) => Ok(self.memory.globals[*number as usize]),
            Kind::Sequence(nodes) => {
                let mut last = Val::Nil;
                for node in nodes {
                    last = self.eval(node, frame)?;
                }
                Ok(last)
            }
            Kind::If {
                condition,
                then,
                otherwise,
            } => {
                let holds = self.eval(condition, frame)?.truthy();
                self.eval(if holds { then } else { otherwise }, frame)
            }
            Kind::Assign(target, value) => self.eval_assign(target, value, frame),
            Kind::Not(operand) => Ok(Val::bool(!self.eval(operand, frame)?.truthy())),
            Kind::And(left, right) => match self.eval(left, frame)? {
                value if value.truthy() => self.eval(right, frame),
                value => Ok(value),
            },
            Kind::Or(left, right) => match self.eval(left, frame)? {
                value if value.truthy() => Ok(value),
                _ => self.eval(right, frame),
            },
            _ => self.eval_other(node, frame),
        }
    }

    #[inline(never)]
    pub(super) fn eval_other(&mut self, node: &'r Node, frame: Frame<'r>) -> Eval {
        match &node.kind {
            Kind::Array(nodes) => {
                let values = self.eval_list(nodes, frame)?;
                Ok(self.new_array(values))
            }
            Kind::Hash(pairs) => self.eval_hash(pairs, frame),
            Kind::Interpolated(what, parts) => self.eval_interpolated(*what, parts, frame),
            Kind::Range {
                first,
                last,
                exclusive,
            } => {
                let first = self.eval(first, frame)?;
                let last = self.eval(last, frame)?;
                Ok(self.memory.heap.add(Obj::Range {
                    first,
                    last,
                    exclusive: *exclusive,
                }))
            }
            Kind::LastMatch(group) => Ok(self.last_match_group(*group)),
            Kind::NamedMatch(call, names) => {
                let result = self.eval(call, frame)?;
                for (target, name) in names {
                    let value = self.last_match_named(name);
                    self.assign(target, value, frame)?;
                }
                Ok(result)
            }
            Kind::MultiAssign(targets, value) => {
                let value = self.eval(value, frame)?;
                self.destructure(targets, value, frame)?;
                Ok(value)
            }
            Kind::OpAssign(target, operator, value) => {
                self.op_assign(target, *operator, value, frame)
            }
            Kind::Yield(arguments) => {
                let arguments = self.eval_list(arguments, frame)?;
                self.call_block(frame.block, &arguments)
            }
            Kind::Defined(operand) => self.defined(operand, frame),
            Kind::While {
                condition,
                body,
                until,
                body_first,
            } => self.eval_while(condition, body, *until, *body_first, frame),
            Kind::Case(case) => self.eval_case(case, frame),
            Kind::For { target, list, body } => {
                let list = self.eval(list, frame)?;
                let elements = self.elements(list)?;
                for element in elements {
                    self.assign(target, element, frame)?;
                    match self.eval(body, frame) {
                        Ok(_) | Err(Flow::Next(_)) => {}
                        Err(Flow::Break(0, value)) => return Ok(value),
                        Err(flow) => return Err(flow),
                    }
                }
                Ok(list)
            }
            Kind::Begin(begin) => self.eval_begin(begin, frame),
            Kind::Return(value) => {
                let value = self.eval_optional(value.as_deref(), frame)?;
                Err(Flow::Return(frame.method, value))
            }
            Kind::Break(value) => {
                let value = self.eval_optional(value.as_deref(), frame)?;
                Err(Flow::Break(frame.call, value))
            }
            Kind::Next(value) => Err(Flow::Next(self.eval_optional(value.as_deref(), frame)?)),
            Kind::Retry => Err(Flow::Retry),
            Kind::Define(number) => {
                let name = self.program.methods[*number as usize].name.clone();
                Ok(self.new_symbol(&name))
            }
            Kind::Lambda(number) => {
                let block = self.literal_block(*number, frame);
                Ok(self.proc_of(block, true))
            }
            Kind::Splat(list) => {
                let list = self.eval(list, frame)?;
                let values = self.splat(list)?;
                Ok(self.new_array(values))
            }
            _ => Ok(Val::Nil),
        }
    }

    pub(super) fn eval_optional(&mut self, node: Option<&'r Node>, frame: Frame<'r>) -> Eval {
        match node {
            Some(node) => self.eval(node, frame),
            None => Ok(Val::Nil),
        }
    }

    pub(super) fn literal_block(&mut self, number: u32, frame: Frame<'r>) -> Block<'r> {
        self.frames += 1;
        Block::Code {
            code: &self.program.blocks[number as usize],
            number,
            env: frame.env,
            method: frame.method,
            call: self.frames,
            lambda: false,
        }
    }

    pub(super) fn eval_call(&mut self, call: &'r Call, frame: Frame<'r>) -> Eval {
        let receiver = match &call.receiver {
            Some(node) => {
                let receiver = self.eval(node, frame)?;
                if call.safe && receiver.is_nil() {
                    return Ok(Val::Nil);
                }
                Some(receiver)
            }
            None => None,
        };
        if call.arguments.is_empty() && call.block.is_none() {
            return self.dispatch(call, receiver, &[], Block::None, frame);
        }
        if !call.spread
            && call.block.is_none()
            && call.arguments.len() <= 2
            && call.method.borrows()
            && receiver.is_some()
        {
            // The methods that keep none of their arguments need no copies of literal strings.
            let mut values = [Val::Nil; 2];
            for (value, node) in values.iter_mut().zip(&call.arguments) {
                *value = match &node.kind {
                    Kind::Str(constant) => *constant,
                    _ => self.eval(node, frame)?,
                };
            }
            return self.dispatch(
                call,
                receiver,
                &values[..call.arguments.len()],
                Block::None,
                frame,
            );
        }
        let mut block = Block::None;
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for node in &call.arguments {
            match &node.kind {
                Kind::Splat(list) => {
                    let list = self.eval(list, frame)?;
                    arguments.extend(self.splat(list)?);
                }
                Kind::BlockPass(value) => {
                    let value = self.eval(value, frame)?;
                    block = self.block_of(value)?;
                }
                _ => arguments.push(self.eval(node, frame)?),
            }
        }
        let Some(number) = call.block else {
            return self.dispatch(call, receiver, &arguments, block, frame);
        };
        let block = self.literal_block(number, frame);
        let Block::Code { call: tag, .. } = block else {
            return Ok(Val::Nil);
        };
        match self.dispatch(call, receiver, &arguments, block, frame) {
            Err(Flow::Break(to, value)) if to == tag => Ok(value),
            other => other,
        }
    }

    pub(super) fn dispatch(
        &mut self,
        call: &'r Call,
        receiver: Option<Val>,
        arguments: &[Val],
        block: Block<'r>,
        frame: Frame<'r>,
    ) -> Eval {
        match receiver {
            Some(receiver) if call.method == M::Unknown => {
                let name = call
                    .own
                    .map_or("", |own| &self.program.methods[own as usize].name);
                self.no_method(receiver, name)
            }
            Some(receiver) => self.send(receiver, call.method, arguments, block),
            None => {
                if let Some(own) = call.own
                    && (self.program.methods[own as usize].code.is_some()
                        || call.method == M::Unknown)
                {
                    return self.call_method(own, arguments, block);
                }
                if call.method == M::BlockGivenP {
                    return Ok(Val::bool(frame.block.given()));
                }
                self.function(call.method, arguments, block)
            }
        }
    }

    pub(crate) fn eval_list(
        &mut self,
        nodes: &'r [Node],
        frame: Frame<'r>,
    ) -> Result<Vec<Val>, Flow> {
        let mut values = Vec::with_capacity(nodes.len());
        for node in nodes {
            match &node.kind {
                Kind::Splat(list) => {
                    let list = self.eval(list, frame)?;
                    values.extend(self.splat(list)?);
                }
                _ => values.push(self.eval(node, frame)?),
            }
        }
        Ok(values)
    }

    /// The values of `*value`.
    pub(super) fn splat(&mut self, value: Val) -> Result<Vec<Val>, Flow> {
        match self.memory.heap.object(value) {
            Some(Obj::Array(values)) => Ok(values.clone()),
            Some(Obj::Hash(_) | Obj::Range { .. }) => self.elements(value),
            None if value.is_nil() => Ok(Vec::new()),
            _ => Ok(vec![value]),
        }
    }

    pub(super) fn eval_hash(&mut self, pairs: &'r [(Node, Node)], frame: Frame<'r>) -> Eval {
        let hash = self.memory.heap.add(Obj::Hash(Default::default()));
        for (key, value) in pairs {
            if matches!(key.kind, Kind::DoubleSplat) {
                let other = self.eval(value, frame)?;
                let entries = self.memory.heap.pairs(other);
                for (key, value) in entries {
                    self.memory.heap.set_key(hash, key, value);
                }
                continue;
            }
            let key = match &key.kind {
                Kind::Str(constant) => *constant,
                _ => self.eval(key, frame)?,
            };
            let value = self.eval(value, frame)?;
            self.memory.heap.set_key(hash, key, value);
        }
        Ok(hash)
    }

    pub(super) fn eval_interpolated(
        &mut self,
        what: Interpolated,
        parts: &'r [Node],
        frame: Frame<'r>,
    ) -> Eval {
        let mut bytes = Vec::new();
        for part in parts {
            if let Kind::Str(constant) = &part.kind {
                if let Some(text) = self.memory.heap.text(*constant) {
                    bytes.extend_from_slice(text.bytes());
                }
                continue;
            }
            let value = self.eval(part, frame)?;
            if let (Interpolated::Regex(..), Some(Obj::Regex(regex, flags))) =
                (what, self.memory.heap.object(value))
            {
                let text = crate::ruby::text::regex_source(regex, flags);
                bytes.extend_from_slice(text.as_bytes());
                continue;
            }
            self.push_text(&mut bytes, value)?;
        }
        self.steps(bytes.len() / 64)?;
        match what {
            Interpolated::Str => Ok(self.memory.heap.add(Obj::Str(Text::from_utf8(bytes)))),
            Interpolated::Sym => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                Ok(self.new_symbol(&text))
            }
            Interpolated::Regex(options, flags) => {
                let pattern = String::from_utf8_lossy(&bytes).into_owned();
                self.new_regex(&pattern, options, flags)
            }
        }
    }

    pub(super) fn eval_while(
        &mut self,
        condition: &'r Node,
        body: &'r Node,
        until: bool,
        body_first: bool,
        frame: Frame<'r>,
    ) -> Eval {
        self.frames += 1;
        let frame = Frame {
            call: self.frames,
            ..frame
        };
        let mut first = body_first;
        loop {
            if !first && self.eval(condition, frame)?.truthy() == until {
                return Ok(Val::Nil);
            }
            first = false;
            match self.eval(body, frame) {
                Ok(_) | Err(Flow::Next(_)) => {}
                Err(Flow::Break(to, value)) if to == frame.call => return Ok(value),
                Err(flow) => return Err(flow),
            }
        }
    }

    pub(super) fn eval_case(&mut self, case: &'r crate::ruby::ast::Case, frame: Frame<'r>) -> Eval {
        let subject = match &case.subject {
            Some(subject) => Some(self.eval(subject, frame)?),
            None => None,
        };
        for (tests, body) in &case.branches {
            for test in self.eval_list(tests, frame)? {
                let holds = match subject {
                    Some(subject) => self.case_equal(test, subject)?,
                    None => test.truthy(),
                };
                if holds {
                    return self.eval(body, frame);
                }
            }
        }
        self.eval_optional(case.otherwise.as_ref(), frame)
    }

    pub(super) fn eval_begin(
        &mut self,
        begin: &'r crate::ruby::ast::Begin,
        frame: Frame<'r>,
    ) -> Eval {
        let result = loop {
            let mut result = self.eval(&begin.body, frame);
            if let Err(Flow::Raise(exception)) = result {
                result = self.rescue(begin, exception, frame);
                if result == Err(Flow::Retry) {
                    self.step()?;
                    continue;
                }
            } else if let (Ok(_), Some(otherwise)) = (&result, &begin.otherwise) {
                result = self.eval(otherwise, frame);
            }
            break result;
        };
        if let Some(ensure) = &begin.ensure {
            self.eval(ensure, frame)?;
        }
        result
    }

    pub(super) fn rescue(
        &mut self,
        begin: &'r crate::ruby::ast::Begin,
        exception: Val,
        frame: Frame<'r>,
    ) -> Eval {
        let class = self.class_of(exception);
        for rescue in &begin.rescues {
            let classes = self.eval_list(&rescue.classes, frame)?;
            let catches = match &classes[..] {
                [] => class.is_a(Class::StandardError),
                classes => classes
                    .iter()
                    .any(|one| matches!(one, Val::Class(one) if class.is_a(*one))),
            };
            if catches {
                if let Some(target) = &rescue.target {
                    self.assign(target, exception, frame)?;
                }
                return self.eval(&rescue.body, frame);
            }
        }
        Err(Flow::Raise(exception))
    }
}

impl M {
    /// Whether the method keeps none of its arguments and changes none.
    pub(super) fn borrows(self) -> bool {
        matches!(
            self,
            M::Get
                | M::Set
                | M::Remove
                | M::Tag
                | M::IncludeP
                | M::Index
                | M::Eq
                | M::NotEq
                | M::Add
                | M::Split
                | M::StartWithP
                | M::EndWithP
                | M::Gsub
                | M::SubNamed
                | M::KeyP
                | M::HasKeyP
                | M::Join
                | M::Delete
                | M::Strftime
                | M::Cmp
                | M::MatchP
                | M::Sprintf
                | M::Count
        )
    }
}

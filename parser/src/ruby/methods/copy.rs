//! Copies of whole values, values as indented JSON, and what `File` does with paths.

use crate::ruby::class::Class;
use crate::ruby::heap::NESTING_MAX;
use crate::ruby::interp::{Block, Eval, Flow, Run};
use crate::ruby::names::M;
use crate::ruby::value::{Obj, Val};

impl Run<'_, '_> {
    /// A copy that shares nothing that can be changed.
    pub(super) fn deep_copy(&mut self, value: Val, depth: usize) -> Eval {
        self.step()?;
        let Val::Ref(handle) = value else {
            return Ok(value);
        };
        if depth > NESTING_MAX {
            return self.raise(Class::ArgumentError, "exceed depth limit");
        }
        match self.memory.heap.get(handle).clone() {
            Obj::Array(values) => {
                let mut copies = Vec::with_capacity(values.len());
                for value in values {
                    copies.push(self.deep_copy(value, depth + 1)?);
                }
                Ok(self.new_array(copies))
            }
            Obj::Hash(hash) => {
                let copy = self.heap().add(Obj::Hash(Default::default()));
                for (key, value) in hash.iter() {
                    let (key, value) = (
                        self.deep_copy(key, depth + 1)?,
                        self.deep_copy(value, depth + 1)?,
                    );
                    self.heap().set_key(copy, key, value);
                }
                Ok(copy)
            }
            Obj::Proc(_) | Obj::Event(_) | Obj::NewEventBlock | Obj::MapMeta => {
                let class = self.class_of(value).name();
                let message = format!("no _dump_data is defined for class {class}");
                self.raise(Class::TypeError, message)
            }
            other => Ok(self.heap().add(other)),
        }
    }

    /// Whether `symbolize_names: true` is among the options.
    pub(super) fn wants_symbols(&mut self, options: Option<Val>) -> bool {
        let key = self.new_symbol("symbolize_names");
        let hash = options.and_then(|options| self.memory.heap.hash(options));
        let found = hash.and_then(|hash| self.memory.heap.lookup(hash, key));
        found.is_some_and(Val::truthy)
    }

    /// The value with symbols for the keys of its hashes.
    pub(super) fn with_symbols(&mut self, value: Val, depth: usize) -> Eval {
        self.step()?;
        if depth > NESTING_MAX {
            return Ok(value);
        }
        match self.memory.heap.object(value).cloned() {
            Some(Obj::Array(values)) => {
                let mut changed = Vec::with_capacity(values.len());
                for value in values {
                    changed.push(self.with_symbols(value, depth + 1)?);
                }
                Ok(self.new_array(changed))
            }
            Some(Obj::Hash(hash)) => {
                let copy = self.heap().add(Obj::Hash(Default::default()));
                for (key, value) in hash.iter() {
                    let key = self.text_of(key)?;
                    let key = self.new_symbol(&key);
                    let value = self.with_symbols(value, depth + 1)?;
                    self.heap().set_key(copy, key, value);
                }
                Ok(copy)
            }
            _ => Ok(value),
        }
    }

    /// Appends indented JSON.
    pub(super) fn push_pretty(
        &mut self,
        out: &mut String,
        value: Val,
        depth: usize,
    ) -> Result<(), Flow> {
        self.steps(1 + depth / 8)?;
        if depth > NESTING_MAX {
            return self.raise(Class::ArgumentError, "the value nests too deep");
        }
        let (entries, ends): (Vec<(Option<Val>, Val)>, _) =
            match self.memory.heap.object(value).cloned() {
                Some(Obj::Array(values)) => (
                    values.into_iter().map(|value| (None, value)).collect(),
                    ['[', ']'],
                ),
                Some(Obj::Hash(hash)) => (
                    hash.iter().map(|(key, value)| (Some(key), value)).collect(),
                    ['{', '}'],
                ),
                _ => {
                    // An event among them: its JSON is not laid out.
                    let json = self.send(value, M::ToJson, &[], Block::None)?;
                    out.push_str(&self.text_of(json)?);
                    return Ok(());
                }
            };
        out.push(ends[0]);
        for (at, (key, value)) in entries.iter().enumerate() {
            out.push_str(if at > 0 { ",\n" } else { "\n" });
            out.push_str(&"  ".repeat(depth + 1));
            if let Some(key) = key {
                let key = self.text_of(*key)?;
                let mut json = Vec::new();
                crate::event::Value::Str(&key).write_json(&mut json);
                out.push_str(&String::from_utf8_lossy(&json));
                out.push_str(": ");
            }
            self.push_pretty(out, *value, depth + 1)?;
        }
        if !entries.is_empty() {
            out.push('\n');
            out.push_str(&"  ".repeat(depth));
        }
        out.push(ends[1]);
        Ok(())
    }

    /// Functions of `File` that look at paths only, and reading before the first event.
    pub(super) fn file_function(
        &mut self,
        method: M,
        arguments: &[Val],
    ) -> Result<Option<Val>, Flow> {
        let mut texts = Vec::new();
        for &argument in arguments {
            texts.push(self.text_of(argument)?);
        }
        let Some(path) = texts.first() else {
            return Ok(None);
        };
        let trimmed = path.trim_end_matches('/');
        let name = trimmed.rsplit('/').next().unwrap_or("");
        let text = match method {
            M::Basename => match texts.get(1).map(String::as_str) {
                Some(".*") => match name.rfind('.').filter(|at| *at > 0) {
                    Some(at) => name[..at].to_owned(),
                    None => name.to_owned(),
                },
                Some(suffix) => name.strip_suffix(suffix).unwrap_or(name).to_owned(),
                None if trimmed.is_empty() && !path.is_empty() => "/".to_owned(),
                None => name.to_owned(),
            },
            M::Extname => match name.rfind('.').filter(|at| *at > 0 && at + 1 < name.len()) {
                Some(at) => name[at..].to_owned(),
                None => String::new(),
            },
            M::Dirname => match trimmed.rfind('/') {
                Some(0) => "/".to_owned(),
                Some(at) => trimmed[..at].trim_end_matches('/').to_owned(),
                None if trimmed.is_empty() && !path.is_empty() => "/".to_owned(),
                None => ".".to_owned(),
            },
            M::Join => {
                let mut joined = String::new();
                for (at, part) in texts.iter().enumerate() {
                    if at > 0 {
                        let before = joined.trim_end_matches('/').len();
                        joined.truncate(before);
                        joined.push('/');
                        joined.push_str(part.trim_start_matches('/'));
                    } else {
                        joined.push_str(part);
                    }
                }
                joined
            }
            M::ExistP | M::FileP | M::Read | M::Readlines => {
                return self.read_file(method, path).map(Some);
            }
            _ => return Ok(None),
        };
        Ok(Some(self.new_string(text)))
    }

    fn read_file(&mut self, method: M, path: &str) -> Eval {
        if !self.is_first {
            let message =
                "files are read before the first event only: in `init`, or a script's `register`";
            return self.raise(Class::IoError, message);
        }
        let path = std::path::Path::new(path);
        match method {
            M::ExistP => Ok(Val::bool(path.exists())),
            M::FileP => Ok(Val::bool(path.is_file())),
            _ => match std::fs::read(path) {
                Ok(bytes) => {
                    self.steps(bytes.len() / 1024)?;
                    let text = self.new_string(String::from_utf8_lossy(&bytes).into_owned());
                    match method {
                        M::Readlines => {
                            self.send(text, M::Lines, &[], crate::ruby::interp::Block::None)
                        }
                        _ => Ok(text),
                    }
                }
                Err(error) => {
                    let message = format!("{error} - {}", path.display());
                    self.raise(Class::SystemCallError, message)
                }
            },
        }
    }
}

//! Blocks and the parameters of blocks and methods.

use super::ParameterSource;
use crate::ruby::SyntaxError;
use crate::ruby::ast::{Parameter, Parameters};
use crate::ruby::lexer::Tok;
use crate::ruby::parser::{Parsed, Parser};

impl Parser<'_, '_> {
    // Blocks.

    /// A block in braces or `do`, if one follows.
    pub(crate) fn block(&mut self) -> Parsed<Option<u32>> {
        let token = self.peek()?.clone();
        let braces = match token.tok {
            Tok::Op("{")
                if !token.prefix || self.lexer.before != crate::ruby::lexer::Before::Value =>
            {
                true
            }
            Tok::Keyword("do") if self.no_do == 0 => false,
            _ => return Ok(None),
        };
        self.advance()?;
        self.block_body(token.start, braces, None).map(Some)
    }

    /// The inside of a block and its end; the parameters are given for `->(x) { }`.
    pub(crate) fn block_body(
        &mut self,
        at: usize,
        braces: bool,
        given: Option<ParameterSource>,
    ) -> Parsed<u32> {
        let no_label = std::mem::take(&mut self.lexer.no_label);
        let code = self.in_scope(true, |parser| {
            let mut parameters = match given {
                Some(source) => parser.replay(source)?,
                None if parser.take_op("||")? => Parameters::default(),
                None if parser.take_op("|")? => parser.parameters("|")?,
                None => Parameters::default(),
            };
            let body = if braces {
                let body = parser.statements(&["}"])?;
                if !parser.take_op("}")? {
                    return Err(SyntaxError::new(
                        at,
                        "this block is not closed: its `}` is missing",
                    ));
                }
                body
            } else {
                let body = parser.body(at)?;
                parser.expect_end(at, "do")?;
                body
            };
            if parameters.list.is_empty() {
                parser.numbered(&mut parameters);
            }
            Ok((parameters, body))
        })?;
        self.lexer.no_label = no_label;
        self.program.blocks.push(code);
        Ok(self.program.blocks.len() as u32 - 1)
    }

    /// `_1` and `_2` in a block without parameters.
    pub(super) fn numbered(&mut self, parameters: &mut Parameters) {
        for name in ["_1", "_2"] {
            if let Some((0, slot)) = self.lookup(name) {
                parameters.list.push(Parameter::Required(slot));
                parameters.required += 1;
            }
        }
    }

    /// Parameters up to `close`, which is taken.
    pub(crate) fn parameters(&mut self, close: &str) -> Parsed<Parameters> {
        let mut parameters = Parameters::default();
        loop {
            self.skip_newlines_unless(close)?;
            let ended = match close {
                "\n" => self.peek()?.tok == Tok::Newline,
                close => self.is_op(close)?,
            };
            if ended {
                self.advance()?;
                break;
            }
            self.parameter(&mut parameters)?;
            if self.take_op(",")? {
                parameters.trailing_comma = true;
            } else if close != "\n" && self.peek()?.tok == Tok::Newline {
                // `|a; b|`: variables of the block alone
                self.advance()?;
                while let Tok::Ident(name) = self.peek()?.tok.clone() {
                    self.advance()?;
                    self.declare_here(&name);
                    self.take_op(",")?;
                }
            }
        }
        let single = parameters.list.len() == 1 && parameters.required == 1;
        parameters.trailing_comma &= single;
        Ok(parameters)
    }

    pub(super) fn skip_newlines_unless(&mut self, close: &str) -> Parsed<()> {
        if close == "\n" {
            Ok(())
        } else {
            self.skip_newlines()
        }
    }

    pub(crate) fn parameter(&mut self, parameters: &mut Parameters) -> Parsed<()> {
        let token = self.advance()?;
        let parameter = match token.tok {
            Tok::Op("*") => {
                parameters.rest = true;
                Parameter::Rest(self.optional_name()?)
            }
            Tok::Op("**") => {
                parameters.keywords = true;
                Parameter::KeywordRest(self.optional_name()?)
            }
            Tok::Op("&") => match self.optional_name()? {
                Some(slot) => Parameter::Block(slot),
                None => return self.unexpected("a name"),
            },
            Tok::Op("(") => {
                let mut targets = Vec::new();
                while !self.take_op(")")? {
                    targets.push(self.nested(Self::nested_parameter)?);
                    self.take_op(",")?;
                }
                parameters.required += 1;
                Parameter::Nested(targets)
            }
            Tok::Label(name) => {
                parameters.keywords = true;
                let slot = self.declare_here(&name);
                let bare = matches!(self.peek()?.tok, Tok::Op("," | ")" | "|") | Tok::Newline);
                let default = if bare {
                    None
                } else {
                    Some(self.ternary_without_pipe()?)
                };
                Parameter::Keyword(name.into(), slot, default)
            }
            Tok::Ident(name) => {
                let slot = self.declare_here(&name);
                if self.take_op("=")? {
                    parameters.optional += 1;
                    Parameter::Optional(slot, self.ternary_without_pipe()?)
                } else {
                    parameters.required += 1;
                    Parameter::Required(slot)
                }
            }
            other => {
                let found = crate::ruby::parser::describe(&other);
                return Err(SyntaxError::new(
                    token.start,
                    format!("expected a parameter, found {found}"),
                ));
            }
        };
        parameters.trailing_comma = false;
        parameters.list.push(parameter);
        Ok(())
    }

    pub(super) fn nested_parameter(&mut self) -> Parsed<crate::ruby::ast::Target> {
        use crate::ruby::ast::Target;
        let token = self.advance()?;
        match token.tok {
            Tok::Ident(name) => Ok(Target::Local {
                depth: 0,
                slot: self.declare_here(&name),
            }),
            Tok::Op("*") => {
                let slot = self.optional_name()?;
                Ok(Target::Splat(
                    slot.map(|slot| Box::new(Target::Local { depth: 0, slot })),
                ))
            }
            Tok::Op("(") => {
                let mut targets = Vec::new();
                while !self.take_op(")")? {
                    targets.push(self.nested(Self::nested_parameter)?);
                    self.take_op(",")?;
                }
                Ok(Target::Nested(targets))
            }
            _ => Err(SyntaxError::new(token.start, "expected a parameter")),
        }
    }

    pub(super) fn optional_name(&mut self) -> Parsed<Option<u16>> {
        let Tok::Ident(name) = self.peek()?.tok.clone() else {
            return Ok(None);
        };
        self.advance()?;
        Ok(Some(self.declare_here(&name)))
    }
}

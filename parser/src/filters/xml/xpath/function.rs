//! The functions of XPath 1.0.

use std::ops::RangeInclusive;

use super::super::document::{Kind, NodeId};
use super::evaluate::{At, Evaluator, Found, Stuck, number_of, text_of_number};
use super::{Expression, XPathError};

macro_rules! functions {
    ($($Name:ident $word:literal $takes:expr),* $(,)?) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Function { $($Name),* }

        impl Function {
            pub(super) fn named(name: &str) -> Option<Self> {
                match name { $($word => Some(Self::$Name),)* _ => None }
            }

            pub(super) fn name(self) -> &'static str {
                match self { $(Self::$Name => $word),* }
            }

            /// How many arguments.
            pub(super) fn takes(self) -> RangeInclusive<usize> {
                match self { $(Self::$Name => $takes),* }
            }
        }
    };
}

functions! {
    Boolean "boolean" 1..=1, Ceiling "ceiling" 1..=1, Concat "concat" 2..=usize::MAX, Contains "contains" 2..=2,
    Count "count" 1..=1, False "false" 0..=0, Floor "floor" 1..=1, Id "id" 1..=1, Lang "lang" 1..=1,
    Last "last" 0..=0, LocalName "local-name" 0..=1, Name "name" 0..=1, NamespaceUri "namespace-uri" 0..=1,
    NormalizeSpace "normalize-space" 0..=1, Not "not" 1..=1, Number "number" 0..=1, Position "position" 0..=0,
    Round "round" 1..=1, StartsWith "starts-with" 2..=2, Text "string" 0..=1, StringLength "string-length" 0..=1,
    Substring "substring" 2..=3, SubstringAfter "substring-after" 2..=2, SubstringBefore "substring-before" 2..=2,
    Sum "sum" 1..=1, Translate "translate" 3..=3, True "true" 0..=0,
}

/// Why [`Function::Sum`] and [`Function::Count`] refuse what is no set of nodes.
const NEEDS_NODES: XPathError = XPathError::Unsupported("sums and counts of what is no node");

impl Evaluator<'_, '_> {
    pub(super) fn call(
        &mut self,
        function: Function,
        arguments: &[Expression],
        at: At,
    ) -> Result<Found, Stuck> {
        use Function as F;
        Ok(match function {
            F::True | F::False => Found::Boolean(function == F::True),
            F::Last => Found::Number(at.size as f64),
            F::Position => Found::Number(at.position as f64),
            F::Boolean => Found::Boolean(self.truth(&arguments[0], at)?),
            F::Not => Found::Boolean(!self.truth(&arguments[0], at)?),
            F::Ceiling => Found::Number(self.number(&arguments[0], at)?.ceil()),
            F::Floor => Found::Number(self.number(&arguments[0], at)?.floor()),
            F::Round => Found::Number((self.number(&arguments[0], at)? + 0.5).floor()),
            F::Number => Found::Number(match arguments.first() {
                Some(argument) => self.number(argument, at)?,
                None => number_of(&self.text_of(at.node)),
            }),
            F::Count => Found::Number(self.nodes(&arguments[0], at)?.len() as f64),
            F::Sum => {
                let nodes = self.nodes(&arguments[0], at)?;
                let numbers = nodes.into_iter().map(|node| number_of(&self.text_of(node)));
                // `Iterator::sum` begins at -0.0.
                Found::Number(numbers.fold(0.0, |sum, number| sum + number))
            }
            // Without a schema no attribute is an identifier.
            F::Id => Found::Nodes(Vec::new()),
            F::Lang => {
                let wanted = self.text_or_own(arguments.first(), at)?;
                Found::Boolean(self.has_language(at.node, &wanted))
            }
            F::LocalName | F::Name | F::NamespaceUri => self.name_of(function, arguments, at)?,
            F::Text => Found::Text(self.text_or_own(arguments.first(), at)?),
            F::StringLength => {
                let text = self.text_or_own(arguments.first(), at)?;
                Found::Number(text.encode_utf16().count() as f64)
            }
            F::NormalizeSpace => {
                let text = self.text_or_own(arguments.first(), at)?;
                let words: Vec<&str> = text.split_ascii_whitespace().collect();
                Found::Text(words.join(" "))
            }
            _ => self.call_on_texts(function, arguments, at)?,
        })
    }

    fn call_on_texts(
        &mut self,
        function: Function,
        arguments: &[Expression],
        at: At,
    ) -> Result<Found, Stuck> {
        let mut texts = Vec::with_capacity(arguments.len());
        for argument in arguments {
            texts.push(self.text(argument, at)?);
        }
        let pair = || Some((texts.first()?, texts.get(1)?));
        Ok(match function {
            Function::Concat => Found::Text(texts.concat()),
            Function::Contains => {
                Found::Boolean(pair().is_some_and(|(text, part)| text.contains(part.as_str())))
            }
            Function::StartsWith => {
                Found::Boolean(pair().is_some_and(|(text, part)| text.starts_with(part.as_str())))
            }
            Function::SubstringBefore | Function::SubstringAfter => {
                let parts = pair().and_then(|(text, part)| text.split_once(part.as_str()));
                let part = parts.map(|(before, after)| match function {
                    Function::SubstringBefore => before,
                    _ => after,
                });
                Found::Text(part.unwrap_or_default().to_owned())
            }
            Function::Substring => {
                let numbers = [1, 2].map(|at| texts.get(at).map(|text| number_of(text)));
                Found::Text(substring(
                    &texts[0],
                    numbers[0].unwrap_or(f64::NAN),
                    numbers[1],
                ))
            }
            _ => Found::Text(translate(&texts[0], &texts[1], &texts[2])),
        })
    }

    /// The text of the argument, or of the node at hand where there is none.
    fn text_or_own(&mut self, argument: Option<&Expression>, at: At) -> Result<String, Stuck> {
        match argument {
            Some(argument) => self.text(argument, at),
            None => Ok(self.text_of(at.node)),
        }
    }

    pub(super) fn nodes(&mut self, expression: &Expression, at: At) -> Result<Vec<NodeId>, Stuck> {
        match self.evaluate(expression, at)? {
            Found::Nodes(nodes) => Ok(nodes),
            _ => Err(Stuck::Invalid(NEEDS_NODES)),
        }
    }

    fn name_of(
        &mut self,
        function: Function,
        arguments: &[Expression],
        at: At,
    ) -> Result<Found, Stuck> {
        let node = match arguments.first() {
            Some(argument) => self.nodes(argument, at)?.first().copied(),
            None => Some(at.node),
        };
        let name = match node.map(|node| self.document.kind(node)) {
            Some(Kind::Element(name)) => Some(name),
            Some(Kind::Attribute(attribute)) => Some(attribute.name),
            Some(Kind::Instruction { target, .. }) if function != Function::NamespaceUri => {
                return Ok(Found::Text(target.to_owned()));
            }
            _ => None,
        };
        let text = name.map(|name| match function {
            Function::LocalName => name.local,
            Function::Name => name.qualified,
            _ => name.uri.unwrap_or_default(),
        });
        Ok(Found::Text(text.unwrap_or_default().to_owned()))
    }

    fn has_language(&self, mut node: NodeId, wanted: &str) -> bool {
        loop {
            for attribute in self.document.attributes(node) {
                if let Kind::Attribute(attribute) = self.document.kind(attribute)
                    && attribute.name.qualified == "xml:lang"
                {
                    let (have, wanted) = (attribute.value.to_lowercase(), wanted.to_lowercase());
                    let rest = have.strip_prefix(&wanted);
                    return rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
                }
            }
            if self.document.parent(node) == node {
                return false;
            }
            node = self.document.parent(node);
        }
    }
}

/// Characters count from 1; numbers are rounded.
fn substring(text: &str, from: f64, length: Option<f64>) -> String {
    let round = |number: f64| (number + 0.5).floor();
    let from = round(from);
    let end = length.map_or(f64::INFINITY, |length| from + round(length));
    let characters = text.chars().enumerate();
    let within = characters.filter(|(at, _)| {
        let position = *at as f64 + 1.0;
        position >= from && position < end
    });
    within.map(|(_, character)| character).collect()
}

fn translate(text: &str, from: &str, to: &str) -> String {
    let replace = |character| match from.chars().position(|from| from == character) {
        Some(at) => to.chars().nth(at),
        None => Some(character),
    };
    text.chars().filter_map(replace).collect()
}

impl Found {
    /// As XPath's `string()` has it, apart from nodes.
    pub(super) fn scalar_text(&self) -> String {
        match self {
            Found::Nodes(_) => String::new(),
            Found::Boolean(yes) => yes.to_string(),
            Found::Number(number) => text_of_number(*number),
            Found::Text(text) => text.clone(),
        }
    }
}

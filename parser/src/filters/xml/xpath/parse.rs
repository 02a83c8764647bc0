//! From the text of an expression to the expression.

use super::function::Function;
use super::{Axis, Expression, Operator, Path, Start, Step, Test, XPath, XPathError};

/// How deep expressions may be nested.
const DEPTH_MAX: usize = 50;

impl XPath {
    /// Compiles an expression.
    pub(in super::super) fn parse(text: &str) -> Result<Self, XPathError> {
        let mut parser = Parser {
            text,
            at: 0,
            depth: 0,
        };
        let expression = parser.expression(0)?;
        parser.skip_space();
        match parser.rest().is_empty() {
            true => Ok(Self { expression }),
            false => Err(parser.expected("an operator or the end")),
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

/// Operators by how strongly they bind, weakest first.
const OPERATORS: [&[(&str, Operator)]; 6] = [
    &[("or", Operator::Or)],
    &[("and", Operator::And)],
    &[("=", Operator::Equal), ("!=", Operator::NotEqual)],
    &[
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[
        ("*", Operator::Multiply),
        ("div", Operator::Divide),
        ("mod", Operator::Modulo),
    ],
];

const AXES: [(&str, Axis); 12] = [
    ("ancestor", Axis::Ancestor),
    ("ancestor-or-self", Axis::AncestorOrSelf),
    ("attribute", Axis::Attribute),
    ("child", Axis::Child),
    ("descendant", Axis::Descendant),
    ("descendant-or-self", Axis::DescendantOrSelf),
    ("following", Axis::Following),
    ("following-sibling", Axis::FollowingSibling),
    ("parent", Axis::Parent),
    ("preceding", Axis::Preceding),
    ("preceding-sibling", Axis::PrecedingSibling),
    ("self", Axis::Itself),
];

type Parsed<T> = Result<T, XPathError>;

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn expected(&self, wanted: &'static str) -> XPathError {
        let at = self.text[..self.at].chars().count() + 1;
        XPathError::Syntax { at, wanted }
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Passes over a sign, and the white space before it.
    fn skip(&mut self, sign: &str) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len();
        }
        found
    }

    fn need(&mut self, sign: &'static str) -> Parsed<()> {
        match self.skip(sign) {
            true => Ok(()),
            false => Err(self.expected(sign)),
        }
    }

    /// A name without a prefix.
    fn name(&mut self) -> Option<&'t str> {
        self.skip_space();
        let rest = self.rest();
        let length = super::super::names::name_length(rest);
        self.at += length;
        (length > 0).then(|| &rest[..length])
    }

    fn expression(&mut self, level: usize) -> Parsed<Expression> {
        let Some(operators) = OPERATORS.get(level) else {
            return self.unary();
        };
        let mut left = self.expression(level + 1)?;
        while let Some(operator) = self.operator(operators) {
            let right = self.expression(level + 1)?;
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn operator(&mut self, operators: &[(&str, Operator)]) -> Option<Operator> {
        self.skip_space();
        let rest = self.rest();
        let (sign, operator) = operators.iter().find(|(sign, _)| {
            let is_word = sign.starts_with(|first: char| first.is_ascii_alphabetic());
            match is_word {
                true => {
                    super::super::names::name_length(rest) == sign.len() && rest.starts_with(sign)
                }
                false => rest.starts_with(sign),
            }
        })?;
        self.at += sign.len();
        Some(*operator)
    }

    fn unary(&mut self) -> Parsed<Expression> {
        if !self.skip("-") {
            return self.union();
        }
        self.enter()?;
        let negated = self.unary()?;
        self.depth -= 1;
        Ok(Expression::Negate(Box::new(negated)))
    }

    fn enter(&mut self) -> Parsed<()> {
        self.depth += 1;
        match self.depth > DEPTH_MAX {
            true => Err(self.expected("less nesting")),
            false => Ok(()),
        }
    }

    fn union(&mut self) -> Parsed<Expression> {
        let mut left = self.path()?;
        while self.skip("|") {
            let right = self.path()?;
            left = Expression::Binary(Operator::Union, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn path(&mut self) -> Parsed<Expression> {
        if self.skip("//") {
            let mut steps = vec![any_below()];
            self.steps(&mut steps)?;
            return Ok(path(Start::Root, steps));
        }
        if self.skip("/") {
            let mut steps = Vec::new();
            if self.starts_step() {
                self.steps(&mut steps)?;
            }
            return Ok(path(Start::Root, steps));
        }
        if let Some(primary) = self.primary()? {
            let predicates = self.predicates()?;
            let mut steps = Vec::new();
            if self.skip("//") {
                steps.push(any_below());
                self.steps(&mut steps)?;
            } else if self.skip("/") {
                self.steps(&mut steps)?;
            }
            if predicates.is_empty() && steps.is_empty() {
                return Ok(primary);
            }
            return Ok(path(
                Start::Expression(Box::new(primary), predicates),
                steps,
            ));
        }
        let mut steps = Vec::new();
        self.steps(&mut steps)?;
        Ok(path(Start::Context, steps))
    }

    fn starts_step(&mut self) -> bool {
        self.skip_space();
        let rest = self.rest();
        rest.starts_with(['.', '@', '*']) || super::super::names::name_length(rest) > 0
    }

    /// A literal, a number, a call, or an expression in brackets.
    fn primary(&mut self) -> Parsed<Option<Expression>> {
        self.skip_space();
        let rest = self.rest();
        match rest.as_bytes() {
            [b'$', ..] => Err(XPathError::Unsupported("variables")),
            [b'(', ..] => {
                self.at += 1;
                self.enter()?;
                let inner = self.expression(0)?;
                self.depth -= 1;
                self.need(")")?;
                Ok(Some(inner))
            }
            [quote @ (b'"' | b'\''), ..] => {
                let quote = char::from(*quote);
                let Some(length) = rest[1..].find(quote) else {
                    return Err(self.expected("a closing quote"));
                };
                self.at += length + 2;
                Ok(Some(Expression::Text(rest[1..=length].into())))
            }
            [b'0'..=b'9', ..] | [b'.', b'0'..=b'9', ..] => {
                let is_other = |character: char| !character.is_ascii_digit() && character != '.';
                let length = rest.find(is_other).unwrap_or(rest.len());
                let number = rest[..length].parse();
                self.at += length;
                match number {
                    Ok(number) => Ok(Some(Expression::Number(number))),
                    Err(_) => Err(self.expected("a number")),
                }
            }
            _ => self.call(),
        }
    }

    fn call(&mut self) -> Parsed<Option<Expression>> {
        let start = self.at;
        let name = self.name();
        let is_type = matches!(
            name,
            Some("node" | "text" | "comment" | "processing-instruction")
        );
        let Some(name) = name.filter(|_| !is_type && self.skip("(")) else {
            self.at = start;
            return Ok(None);
        };
        let Some(function) = Function::named(name) else {
            return Err(XPathError::UnknownFunction(name.to_owned()));
        };
        let mut arguments = Vec::new();
        self.enter()?;
        if !self.skip(")") {
            loop {
                arguments.push(self.expression(0)?);
                if self.skip(")") {
                    break;
                }
                self.need(",")?;
            }
        }
        self.depth -= 1;
        match function.takes().contains(&arguments.len()) {
            true => Ok(Some(Expression::Call(function, arguments))),
            false => Err(XPathError::Arguments(function.name())),
        }
    }

    fn steps(&mut self, steps: &mut Vec<Step>) -> Parsed<()> {
        loop {
            steps.push(self.step()?);
            if self.skip("//") {
                steps.push(any_below());
            } else if !self.skip("/") {
                return Ok(());
            }
        }
    }

    fn step(&mut self) -> Parsed<Step> {
        if self.skip("..") {
            return Ok(step(Axis::Parent, Test::Node));
        }
        if self.skip(".") {
            return Ok(step(Axis::Itself, Test::Node));
        }
        let axis = match self.skip("@") {
            true => Axis::Attribute,
            false => self.axis()?,
        };
        let test = self.test()?;
        let predicates = self.predicates()?;
        Ok(Step {
            axis,
            test,
            predicates,
        })
    }

    fn axis(&mut self) -> Parsed<Axis> {
        let start = self.at;
        if let Some(name) = self.name()
            && self.skip("::")
        {
            let found = AXES.iter().find(|(axis, _)| *axis == name);
            return match found {
                Some((_, axis)) => Ok(*axis),
                None if name == "namespace" => Err(XPathError::Unsupported("namespace nodes")),
                None => Err(self.expected("an axis")),
            };
        }
        self.at = start;
        Ok(Axis::Child)
    }

    fn test(&mut self) -> Parsed<Test> {
        if self.skip("*") {
            return Ok(Test::Name {
                prefix: None,
                local: None,
            });
        }
        let Some(name) = self.name() else {
            return Err(self.expected("a step"));
        };
        if self.rest().starts_with(':') && !self.rest().starts_with("::") {
            self.at += 1;
            let local = match self.skip("*") {
                true => None,
                false => Some(self.name().ok_or_else(|| self.expected("a name"))?.into()),
            };
            let prefix = Some(name.into());
            return Ok(Test::Name { prefix, local });
        }
        if !self.skip("(") {
            let local = Some(name.into());
            return Ok(Test::Name {
                prefix: None,
                local,
            });
        }
        let test = match name {
            "node" => Test::Node,
            "text" => Test::Text,
            "comment" => Test::Comment,
            "processing-instruction" => match self.primary()? {
                Some(Expression::Text(target)) => Test::Instruction(Some(target)),
                Some(_) => return Err(self.expected("a name in quotes")),
                None => Test::Instruction(None),
            },
            _ => return Err(self.expected("a step")),
        };
        self.need(")")?;
        Ok(test)
    }

    fn predicates(&mut self) -> Parsed<Vec<Expression>> {
        let mut predicates = Vec::new();
        while self.skip("[") {
            self.enter()?;
            predicates.push(self.expression(0)?);
            self.depth -= 1;
            self.need("]")?;
        }
        Ok(predicates)
    }
}

/// What `//` stands for, with the step after it.
fn any_below() -> Step {
    step(Axis::DescendantOrSelf, Test::Node)
}

fn step(axis: Axis, test: Test) -> Step {
    Step {
        axis,
        test,
        predicates: Vec::new(),
    }
}

/// A path. `//name` becomes one step instead of two, where that is the same.
fn path(start: Start, steps: Vec<Step>) -> Expression {
    let mut joined: Vec<Step> = Vec::new();
    for mut next in steps {
        if next.axis == Axis::Child
            && next.predicates.is_empty()
            && let Some(last) = joined.last()
            && last.axis == Axis::DescendantOrSelf
            && matches!(last.test, Test::Node)
            && last.predicates.is_empty()
        {
            joined.pop();
            next.axis = Axis::Descendant;
        }
        joined.push(next);
    }
    let steps = joined;
    Expression::Path(Path { start, steps })
}

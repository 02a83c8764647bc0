//! Expressions on documents.

use super::super::document::{Document, Kind, NodeId, ROOT};
use super::{Axis, Expression, Operator, Path, Start, Step, Test, XPath, XPathError};

/// How many nodes one expression may look at in one document: `//a[//b]` and the like are quadratic.
const LOOKS_MAX: usize = 5_000_000;

/// What an expression finds.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) enum Found {
    /// Nodes in document order.
    Nodes(Vec<NodeId>),
    Boolean(bool),
    Number(f64),
    Text(String),
}

/// Why an expression finds nothing in a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum Stuck {
    #[error("the prefix `{0}` is not declared")]
    UnknownPrefix(String),
    #[error("the expression looks at too many nodes")]
    TooManyLooks,
    #[error(transparent)]
    Invalid(#[from] XPathError),
}

/// What the prefixes in expressions stand for.
pub(in super::super) type Namespaces<'n> = Vec<(&'n str, &'n str)>;

impl XPath {
    /// Looks through a document.
    pub(in super::super) fn find(
        &self,
        document: &Document<'_>,
        namespaces: &Namespaces<'_>,
    ) -> Result<Found, Stuck> {
        let mut evaluator = Evaluator {
            document,
            namespaces,
            looks_left: LOOKS_MAX,
        };
        let at = At {
            node: ROOT,
            position: 1,
            size: 1,
        };
        evaluator.evaluate(&self.expression, at)
    }
}

/// The node at hand, and where it stands among those that are looked through.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub(super) node: NodeId,
    pub(super) position: usize,
    pub(super) size: usize,
}

pub(super) struct Evaluator<'d, 'a> {
    pub(super) document: &'d Document<'a>,
    namespaces: &'d Namespaces<'d>,
    looks_left: usize,
}

impl<'d> Evaluator<'d, '_> {
    pub(super) fn evaluate(&mut self, expression: &Expression, at: At) -> Result<Found, Stuck> {
        Ok(match expression {
            Expression::Text(text) => Found::Text(text.to_string()),
            Expression::Number(number) => Found::Number(*number),
            Expression::Negate(inner) => Found::Number(-self.number(inner, at)?),
            Expression::Call(function, arguments) => self.call(*function, arguments, at)?,
            Expression::Path(path) => Found::Nodes(self.path(path, at)?),
            Expression::Binary(operator, left, right) => self.binary(*operator, left, right, at)?,
        })
    }

    fn binary(
        &mut self,
        operator: Operator,
        left: &Expression,
        right: &Expression,
        at: At,
    ) -> Result<Found, Stuck> {
        use Operator as O;
        let number = match operator {
            O::Or => {
                return Ok(Found::Boolean(
                    self.truth(left, at)? || self.truth(right, at)?,
                ));
            }
            O::And => {
                return Ok(Found::Boolean(
                    self.truth(left, at)? && self.truth(right, at)?,
                ));
            }
            O::Union => {
                let mut nodes = self.nodes(left, at)?;
                nodes.extend(self.nodes(right, at)?);
                nodes.sort_unstable();
                nodes.dedup();
                return Ok(Found::Nodes(nodes));
            }
            O::Add => self.number(left, at)? + self.number(right, at)?,
            O::Subtract => self.number(left, at)? - self.number(right, at)?,
            O::Multiply => self.number(left, at)? * self.number(right, at)?,
            O::Divide => self.number(left, at)? / self.number(right, at)?,
            O::Modulo => self.number(left, at)? % self.number(right, at)?,
            _ => {
                let (left, right) = (self.evaluate(left, at)?, self.evaluate(right, at)?);
                return self.compare(operator, &left, &right).map(Found::Boolean);
            }
        };
        Ok(Found::Number(number))
    }

    /// Sets of nodes compare if any of their nodes does.
    fn compare(&mut self, operator: Operator, left: &Found, right: &Found) -> Result<bool, Stuck> {
        if matches!(left, Found::Boolean(_)) || matches!(right, Found::Boolean(_)) {
            let (left, right) = (is_true(left), is_true(right));
            let [left, right] = [left, right].map(|side| Found::Number(f64::from(u8::from(side))));
            return Ok(compare_single(operator, &left, &right));
        }
        match (left, right) {
            (Found::Nodes(lefts), Found::Nodes(rights)) => {
                let rights: Vec<_> = rights
                    .iter()
                    .map(|&node| Found::Text(self.text_of(node)))
                    .collect();
                for &node in lefts {
                    self.look(rights.len())?;
                    let left = Found::Text(self.text_of(node));
                    if rights
                        .iter()
                        .any(|right| compare_single(operator, &left, right))
                    {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            (Found::Nodes(nodes), single) => Ok(nodes
                .iter()
                .any(|&node| compare_single(operator, &Found::Text(self.text_of(node)), single))),
            (single, Found::Nodes(nodes)) => Ok(nodes
                .iter()
                .any(|&node| compare_single(operator, single, &Found::Text(self.text_of(node))))),
            (left, right) => Ok(compare_single(operator, left, right)),
        }
    }

    pub(super) fn truth(&mut self, expression: &Expression, at: At) -> Result<bool, Stuck> {
        Ok(is_true(&self.evaluate(expression, at)?))
    }

    pub(super) fn text(&mut self, expression: &Expression, at: At) -> Result<String, Stuck> {
        Ok(match self.evaluate(expression, at)? {
            Found::Nodes(nodes) => nodes.first().map(|&node| self.text_of(node)),
            scalar => Some(scalar.scalar_text()),
        }
        .unwrap_or_default())
    }

    pub(super) fn number(&mut self, expression: &Expression, at: At) -> Result<f64, Stuck> {
        Ok(match self.evaluate(expression, at)? {
            Found::Number(number) => number,
            Found::Boolean(yes) => f64::from(u8::from(yes)),
            Found::Text(text) => number_of(&text),
            Found::Nodes(nodes) => nodes
                .first()
                .map_or(f64::NAN, |&node| number_of(&self.text_of(node))),
        })
    }

    pub(super) fn text_of(&self, node: NodeId) -> String {
        let mut text = String::new();
        if matches!(self.document.kind(node), Kind::Text(_) | Kind::CData(_)) {
            // Texts with nothing between count as one.
            let end = self.document.end(self.parent(node));
            for at in node..end {
                match self.document.kind(at) {
                    Kind::Text(_) | Kind::CData(_) => self.document.append_text(at, &mut text),
                    Kind::Reference(_) => {}
                    _ => break,
                }
            }
            return text;
        }
        self.document.append_text(node, &mut text);
        text
    }

    /// The node above, be there references between or not.
    fn parent(&self, node: NodeId) -> NodeId {
        let mut parent = self.document.parent(node);
        while let Kind::Reference(_) = self.document.kind(parent) {
            parent = self.document.parent(parent);
        }
        parent
    }

    /// Appends the nodes right below, where those that a reference stands for take its place.
    fn children(&self, node: NodeId, found: &mut Vec<NodeId>) {
        for child in self.document.children(node) {
            match self.document.kind(child) {
                Kind::Reference(_) => self.children(child, found),
                _ => found.push(child),
            }
        }
    }

    fn look(&mut self, nodes: usize) -> Result<(), Stuck> {
        let left = self.looks_left.checked_sub(nodes);
        self.looks_left = left.ok_or(Stuck::TooManyLooks)?;
        Ok(())
    }

    fn path(&mut self, path: &Path, at: At) -> Result<Vec<NodeId>, Stuck> {
        let mut nodes = match &path.start {
            Start::Root => vec![ROOT],
            Start::Context => vec![at.node],
            Start::Expression(expression, predicates) => {
                let nodes = self.nodes(expression, at)?;
                self.filter(nodes, predicates)?
            }
        };
        let without_cdata = path.finds_all_texts();
        for step in &path.steps {
            let uri = self.uri(step)?;
            let mut found = Vec::new();
            for &node in &nodes {
                let candidates = self.candidates(step.axis, node);
                self.look(candidates.len() + 1)?;
                let candidates: Vec<NodeId> = candidates
                    .into_iter()
                    .filter(|&candidate| self.passes(step, uri, candidate))
                    .filter(|&found| !without_cdata || !self.is_cdata(found))
                    .collect();
                found.extend(self.filter(candidates, &step.predicates)?);
            }
            found.sort_unstable();
            found.dedup();
            nodes = found;
        }
        Ok(nodes)
    }

    /// The namespace of a step's name.
    fn uri(&self, step: &Step) -> Result<Option<&'d str>, Stuck> {
        let Test::Name {
            prefix: Some(prefix),
            ..
        } = &step.test
        else {
            return Ok(None);
        };
        let mut namespaces = self.namespaces.iter();
        match namespaces.find(|(declared, _)| *declared == &**prefix) {
            Some((_, uri)) => Ok(Some(*uri)),
            None if &**prefix == "xml" => Ok(Some("http://www.w3.org/XML/1998/namespace")),
            None => Err(Stuck::UnknownPrefix(prefix.to_string())),
        }
    }

    /// The nodes of an axis, the nearest first.
    fn candidates(&self, axis: Axis, node: NodeId) -> Vec<NodeId> {
        let document = self.document;
        let is_other = |node| {
            matches!(
                document.kind(node),
                Kind::Attribute(_) | Kind::Declaration(_) | Kind::Reference(_)
            )
        };
        let ancestors = |from: NodeId| {
            let parent = |node: &NodeId| {
                let parent = self.parent(*node);
                (parent != *node).then_some(parent)
            };
            std::iter::successors(parent(&from), parent)
        };
        let below = || (node + 1..document.end(node)).filter(|&below| !is_other(below));
        let siblings = || {
            let mut siblings = Vec::new();
            if node != ROOT && !is_other(node) {
                self.children(self.parent(node), &mut siblings);
            }
            siblings.into_iter()
        };
        match axis {
            Axis::Itself => vec![node],
            Axis::Child => {
                let mut children = Vec::new();
                self.children(node, &mut children);
                children
            }
            Axis::Attribute => document.attributes(node).collect(),
            Axis::Descendant => below().collect(),
            Axis::DescendantOrSelf => std::iter::once(node).chain(below()).collect(),
            Axis::Parent => ancestors(node).take(1).collect(),
            Axis::Ancestor => ancestors(node).collect(),
            Axis::AncestorOrSelf => std::iter::once(node).chain(ancestors(node)).collect(),
            Axis::FollowingSibling => siblings().filter(|&sibling| sibling > node).collect(),
            Axis::PrecedingSibling => {
                let mut before: Vec<_> = siblings().filter(|&sibling| sibling < node).collect();
                before.reverse();
                before
            }
            Axis::Following => (document.end(node)..document.len())
                .filter(|&other| !is_other(other))
                .collect(),
            Axis::Preceding => (1..node)
                .rev()
                .filter(|&other| !is_other(other) && document.end(other) <= node)
                .collect(),
        }
    }

    fn passes(&self, step: &Step, uri: Option<&str>, node: NodeId) -> bool {
        let kind = self.document.kind(node);
        match &step.test {
            Test::Node => true,
            Test::Text => matches!(kind, Kind::Text(_) | Kind::CData(_)),
            Test::Comment => matches!(kind, Kind::Comment(_)),
            Test::Instruction(wanted) => match kind {
                Kind::Instruction { target, .. } => {
                    wanted.as_deref().is_none_or(|wanted| wanted == target)
                }
                _ => false,
            },
            Test::Name { prefix, local } => {
                let name = match (kind, step.axis) {
                    (Kind::Attribute(attribute), Axis::Attribute) => attribute.name,
                    (Kind::Element(name), axis) if axis != Axis::Attribute => name,
                    _ => return false,
                };
                let is_in_namespace = match (prefix, local) {
                    (None, None) => true,
                    (None, Some(_)) => name.uri.is_none(),
                    (Some(_), _) => name.uri == uri,
                };
                is_in_namespace && local.as_deref().is_none_or(|local| local == name.local)
            }
        }
    }

    fn is_cdata(&self, node: NodeId) -> bool {
        matches!(self.document.kind(node), Kind::CData(_))
    }

    fn filter(
        &mut self,
        mut nodes: Vec<NodeId>,
        predicates: &[Expression],
    ) -> Result<Vec<NodeId>, Stuck> {
        for predicate in predicates {
            let size = nodes.len();
            let mut kept = Vec::new();
            for (index, &node) in nodes.iter().enumerate() {
                self.look(1)?;
                let at = At {
                    node,
                    position: index + 1,
                    size,
                };
                let holds = match self.evaluate(predicate, at)? {
                    Found::Number(number) => number == at.position as f64,
                    other => is_true(&other),
                };
                if holds {
                    kept.push(node);
                }
            }
            nodes = kept;
        }
        Ok(nodes)
    }
}

fn is_true(found: &Found) -> bool {
    match found {
        Found::Nodes(nodes) => !nodes.is_empty(),
        Found::Boolean(yes) => *yes,
        Found::Number(number) => *number != 0.0 && !number.is_nan(),
        Found::Text(text) => !text.is_empty(),
    }
}

fn compare_single(operator: Operator, left: &Found, right: &Found) -> bool {
    let is_number = |found: &Found| matches!(found, Found::Number(_));
    let is_equality = matches!(operator, Operator::Equal | Operator::NotEqual);
    if is_equality && !is_number(left) && !is_number(right) {
        let equal = left.scalar_text() == right.scalar_text();
        return equal == (operator == Operator::Equal);
    }
    let number = |found: &Found| match found {
        Found::Number(number) => *number,
        other => number_of(&other.scalar_text()),
    };
    let (left, right) = (number(left), number(right));
    match operator {
        Operator::Equal => left == right,
        Operator::NotEqual => left != right,
        Operator::Less => left < right,
        Operator::LessOrEqual => left <= right,
        Operator::Greater => left > right,
        _ => left >= right,
    }
}

/// The number that a text is; XPath knows no exponents.
pub(super) fn number_of(text: &str) -> f64 {
    let text = text.trim_ascii();
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = digits.contains(|digit: char| digit.is_ascii_digit())
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
    match is_number {
        true => text.parse().unwrap_or(f64::NAN),
        false => f64::NAN,
    }
}

pub(super) fn text_of_number(number: f64) -> String {
    match number {
        number if number.is_nan() => "NaN".to_owned(),
        number if number.is_infinite() && number > 0.0 => "Infinity".to_owned(),
        number if number.is_infinite() => "-Infinity".to_owned(),
        0.0 => "0".to_owned(),
        number => number.to_string(),
    }
}

//! An XML document as a flat list of nodes.

/// A node of a document. Numbers are in document order: an element, its namespace declarations and
/// attributes, then its children.
pub(super) type NodeId = u32;

/// The node above the root element.
pub(super) const ROOT: NodeId = 0;

/// A document whose texts are slices of its source or lie in the event's arena.
pub(super) struct Document<'a> {
    nodes: Vec<Node<'a>>,
    /// Whether declarations of namespaces are to be overlooked.
    without_namespaces: bool,
}

struct Node<'a> {
    kind: Kind<'a>,
    parent: NodeId,
    /// One past the last node below this one.
    end: NodeId,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind<'a> {
    Root,
    Element(Name<'a>),
    /// `xmlns` or `xmlns:prefix`.
    Declaration(Attribute<'a>),
    Attribute(Attribute<'a>),
    Text(Text<'a>),
    CData(&'a str),
    /// A reference to an entity of that name; what it stands for lies below it.
    Reference(&'a str),
    Comment(&'a str),
    Instruction {
        target: &'a str,
        data: &'a str,
    },
}

/// A name as written and what it means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Name<'a> {
    /// With the prefix.
    pub(super) qualified: &'a str,
    /// Without it.
    pub(super) local: &'a str,
    /// The namespace, where there is one.
    pub(super) uri: Option<&'a str>,
}

/// An attribute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Attribute<'a> {
    pub(super) name: Name<'a>,
    pub(super) value: &'a str,
}

/// A text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Text<'a> {
    /// As written.
    pub(super) raw: &'a str,
    /// With references replaced.
    pub(super) value: &'a str,
}

impl<'a> Text<'a> {
    /// A text without references.
    pub(super) fn plain(text: &'a str) -> Self {
        Self {
            raw: text,
            value: text,
        }
    }
}

impl<'a> Document<'a> {
    /// A document of which only the root node is there.
    pub(super) fn new() -> Self {
        let root = Node {
            kind: Kind::Root,
            parent: ROOT,
            end: 1,
        };
        Self {
            nodes: vec![root],
            without_namespaces: false,
        }
    }

    /// Adds a node as the last one below `parent`, all of whose ancestors must be open yet.
    pub(super) fn push(&mut self, kind: Kind<'a>, parent: NodeId) -> NodeId {
        let id = self.nodes.len() as NodeId;
        self.nodes.push(Node {
            kind,
            parent,
            end: id + 1,
        });
        id
    }

    /// Ends a node that was pushed: what comes now does not lie below it.
    pub(super) fn close(&mut self, node: NodeId) {
        self.nodes[node as usize].end = self.nodes.len() as NodeId;
    }

    pub(super) fn len(&self) -> NodeId {
        self.nodes.len() as NodeId
    }

    pub(super) fn kind(&self, node: NodeId) -> Kind<'a> {
        self.nodes[node as usize].kind
    }

    /// The node above; the root is its own parent.
    pub(super) fn parent(&self, node: NodeId) -> NodeId {
        self.nodes[node as usize].parent
    }

    /// One past the last node below.
    pub(super) fn end(&self, node: NodeId) -> NodeId {
        self.nodes[node as usize].end
    }

    /// Declarations of namespaces and attributes, in the order written.
    pub(super) fn declarations_and_attributes(
        &self,
        node: NodeId,
    ) -> impl Iterator<Item = (NodeId, Kind<'a>)> {
        let below = node + 1..self.end(node);
        below
            .map(|id| (id, self.kind(id)))
            .take_while(|(_, kind)| matches!(kind, Kind::Declaration(_) | Kind::Attribute(_)))
            .filter(|(_, kind)| !(self.without_namespaces && matches!(kind, Kind::Declaration(_))))
    }

    pub(super) fn attributes(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        self.declarations_and_attributes(node)
            .filter(|(_, kind)| matches!(kind, Kind::Attribute(_)))
            .map(|(id, _)| id)
    }

    pub(super) fn children(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        let end = self.end(node);
        let mut at = node + 1;
        while at < end && matches!(self.kind(at), Kind::Declaration(_) | Kind::Attribute(_)) {
            at += 1;
        }
        std::iter::from_fn(move || {
            let child = (at < end).then_some(at)?;
            at = self.end(child);
            Some(child)
        })
    }

    /// The outermost element.
    pub(super) fn root_element(&self) -> Option<NodeId> {
        self.children(ROOT)
            .find(|&child| matches!(self.kind(child), Kind::Element(_)))
    }

    /// Takes prefixes and namespaces off all names.
    pub(super) fn remove_namespaces(&mut self) {
        self.without_namespaces = true;
        for node in &mut self.nodes {
            if let Kind::Element(name) | Kind::Attribute(Attribute { name, .. }) = &mut node.kind {
                name.qualified = name.local;
                name.uri = None;
            }
        }
    }

    /// The text of a node: of an element and the root all text below, whatever lies between, but for what references stand for.
    pub(super) fn append_text(&self, node: NodeId, out: &mut String) {
        match self.kind(node) {
            Kind::Root | Kind::Element(_) => {
                let mut below = node + 1;
                while below < self.end(node) {
                    match self.kind(below) {
                        Kind::Text(Text { value, .. }) | Kind::CData(value) => out.push_str(value),
                        Kind::Reference(_) => {
                            below = self.end(below);
                            continue;
                        }
                        _ => {}
                    }
                    below += 1;
                }
            }
            Kind::Reference(_) => {}
            Kind::Attribute(attribute) => out.push_str(attribute.value),
            Kind::Text(Text { value, .. })
            | Kind::CData(value)
            | Kind::Comment(value)
            | Kind::Instruction { data: value, .. } => out.push_str(value),
            Kind::Declaration(declaration) => out.push_str(declaration.value),
        }
    }
}

//! What lines have in common: the tokens of one line, widened by each further line that is like it.

use super::token::{Kind, Token};

/// A part of a template.
#[derive(Clone, Debug)]
pub(super) struct Slot<'l> {
    pub(super) kind: Kind,
    /// The text in the first line.
    pub(super) text: &'l str,
    /// Whether all lines have the same text there.
    pub(super) is_constant: bool,
    /// Whether some lines have a dash there.
    pub(super) may_be_missing: bool,
    /// Any text: the lines have nothing in common there.
    pub(super) is_gap: bool,
}

/// The common shape of some lines.
#[derive(Clone, Debug)]
pub(super) struct Template<'l> {
    pub(super) slots: Vec<Slot<'l>>,
    pub(super) lines: usize,
}

/// How much of two lines must be alike, in hundredths of their weight.
const ALIKE: usize = 60;

/// How much what they begin with must weigh for the rest not to matter.
const HEADER: usize = 6;

impl<'l> Template<'l> {
    pub(super) fn of(tokens: &[Token<'l>]) -> Self {
        let slots = tokens.iter().map(|token| Slot {
            kind: token.kind,
            text: token.text,
            is_constant: true,
            may_be_missing: token.kind == Kind::Missing,
            is_gap: token.kind == Kind::Rest,
        });
        Self {
            slots: slots.collect(),
            lines: 1,
        }
    }

    /// This template, widened so that it fits another line too; `None` where they are too different.
    /// With `by_header` it is enough that they begin alike.
    pub(super) fn widened(&self, tokens: &[Token<'l>], by_header: bool) -> Option<Self> {
        let matched = |(slot, token): &(&Slot<'l>, &Token<'l>)| slot.joined(token);
        let head: Vec<Slot<'l>> = self
            .slots
            .iter()
            .zip(tokens)
            .map_while(|pair| matched(&pair))
            .collect();
        let whole = head.len() == self.slots.len() && head.len() == tokens.len();
        let left = self.slots.len().min(tokens.len()) - head.len();
        let tail = self.slots.iter().rev().zip(tokens.iter().rev()).take(left);
        let mut tail: Vec<Slot<'l>> = tail.map_while(|pair| matched(&pair)).collect();
        tail.reverse();

        let weight = |slots: &[Slot<'l>]| slots.iter().map(Slot::weight).sum::<usize>();
        let (begins, ends) = (weight(&head), weight(&tail));
        let of_line: usize = Self::of(tokens).slots.iter().map(Slot::weight).sum();
        let all = weight(&self.slots).max(of_line).max(1);
        let is_alike = (begins + ends) * 100 >= all * ALIKE;
        let header: usize = head
            .iter()
            .map(Slot::weight)
            .filter(|weight| *weight > 2)
            .sum();
        let has_header = by_header && header >= HEADER;
        if !is_alike && !has_header {
            return None;
        }
        let mut slots = head;
        if !whole {
            slots.push(Slot {
                kind: Kind::Other,
                text: "",
                is_constant: false,
                may_be_missing: false,
                is_gap: true,
            });
            slots.append(&mut tail);
        }
        Some(Self {
            slots,
            lines: self.lines + 1,
        })
    }
}

impl<'l> Slot<'l> {
    /// How telling it is.
    fn weight(&self) -> usize {
        match self.kind {
            _ if self.is_gap => 0,
            Kind::Space => 0,
            Kind::Mark | Kind::Missing => 1,
            Kind::Word | Kind::Other if !self.is_constant => 1,
            Kind::Word | Kind::Other | Kind::Unit => 2,
            _ => 3,
        }
    }

    /// The slot that fits a token too.
    fn joined(&self, token: &Token<'l>) -> Option<Self> {
        if self.is_gap {
            return None;
        }
        let is_same = self.text == token.text;
        let kind = match (self.kind, token.kind) {
            (kind, Kind::Missing) if is_value(kind) => kind,
            (Kind::Missing, kind) if is_value(kind) => kind,
            (one, other) => joined(one, other, is_same)?,
        };
        Some(Self {
            kind,
            text: if self.kind == Kind::Missing {
                token.text
            } else {
                self.text
            },
            is_constant: self.is_constant && is_same,
            may_be_missing: self.may_be_missing || token.kind == Kind::Missing,
            is_gap: false,
        })
    }
}

fn is_value(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::Space | Kind::Mark | Kind::Unit | Kind::Quoted(_)
    )
}

/// The narrowest kind that holds both.
fn joined(one: Kind, other: Kind, is_same: bool) -> Option<Kind> {
    use Kind::{
        Float, Host, Integer, IpOrHost, Level, Mark, Method, Other, Space, Stock, Unit, Word,
    };
    let is_word = |kind| matches!(kind, Word | Level | Method | Integer | Unit);
    let is_ip = |kind| match kind {
        Stock(number) => super::token::STOCK[number].pattern == "IP",
        _ => false,
    };
    let is_long = |kind| match kind {
        Stock(number) => super::token::STOCK[number].is_long,
        _ => false,
    };
    Some(match (one, other) {
        (Mark, Mark) => return is_same.then_some(Mark),
        (one, other) if one == other => one,
        (Space | Mark | Kind::Quoted(_), _) | (_, Space | Mark | Kind::Quoted(_)) => return None,
        (Integer | Float, Integer | Float) => Float,
        (one, other) if is_word(one) && is_word(other) => Word,
        (one, other)
            if (is_ip(one) || matches!(one, Host | IpOrHost))
                && (is_ip(other) || matches!(other, Host | IpOrHost)) =>
        {
            IpOrHost
        }
        (one, other) if is_long(one) || is_long(other) => return None,
        (Host | Word, Host | Word) => Other,
        _ => Other,
    })
}

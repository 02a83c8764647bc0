//! Captures inside of a sub-pattern that has a matcher: where they are in the form of its text that the matcher knows.

use crate::regex::ast::Node;
use crate::regex::program::AT_END;

/// The slots of captures in a sequence that without them is a stock one, each with how far from the beginning its place
/// is. `lengths` are those of the parts of the sequence in the form that the matcher knows; the last part ends with it.
pub(super) fn inside(nodes: &[Node], stock: &Node, lengths: &[u8]) -> Option<Vec<(u16, u8)>> {
    let Node::Concat(wanted) = stock else {
        return None;
    };
    let mut walk = Walk {
        wanted,
        lengths,
        place: 0,
        slots: Vec::new(),
    };
    walk.over(nodes)?;
    walk.wanted.is_empty().then_some(walk.slots)
}

struct Walk<'s> {
    wanted: &'s [Node],
    lengths: &'s [u8],
    place: u8,
    slots: Vec<(u16, u8)>,
}

impl Walk<'_> {
    /// Goes over nodes that are the next of those wanted; `None` if they are not.
    fn over(&mut self, nodes: &[Node]) -> Option<()> {
        nodes.iter().try_for_each(|node| match node {
            Node::Capture { group, node } => {
                let slot = u16::try_from(2 * group).ok()?;
                self.slots.push((slot, self.place));
                match &**node {
                    Node::Concat(nodes) => self.over(nodes)?,
                    node => self.over(std::slice::from_ref(node))?,
                }
                self.slots.push((slot + 1, self.place));
                Some(())
            }
            node => {
                let (wanted, others) = self.wanted.split_first()?;
                let (length, lengths) = self.lengths.split_first()?;
                self.place = match lengths.is_empty() {
                    true => AT_END,
                    false => self.place.checked_add(*length)?,
                };
                (self.wanted, self.lengths) = (others, lengths);
                (wanted == node).then_some(())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::stock::STOCK;
    use super::super::{Found, Matcher, recognize};
    use super::*;
    use crate::regex::analysis::resolve_boundaries;
    use crate::regex::{Options, parse};

    #[test]
    fn captures_in_a_stock_pattern_are_at_known_places() {
        let written = STOCK
            .iter()
            .find(|(matcher, ..)| *matcher == Matcher::HaproxyDate)
            .map(|(_, pattern, _)| *pattern)
            .unwrap();
        // Captures around the month, the time and, in it, the hour, and the fraction.
        let month = written.find("/(?:").unwrap() + 1;
        let hour = written.find("(?:2[0123]").unwrap();
        let fraction = written.rfind("(?:[+-]?").unwrap();
        let time = written.find("(?:(?!<").unwrap();
        let mut with_captures = written.to_owned();
        for at in [fraction, hour, time, month] {
            with_captures.replace_range(at..at + 3, "(?<x>");
        }
        let options = Options {
            multiline: true,
            ..Options::default()
        };
        let mut node = parse::parse(&with_captures, options).unwrap().node;
        resolve_boundaries(&mut node);
        let (stock, inside) = recognize(&node).unwrap();
        assert_eq!(stock.matcher, Matcher::HaproxyDate);
        let places = [
            (2, 3),
            (3, 6),
            (4, 12),
            (6, 12),
            (7, 14),
            (5, 20),
            (8, 21),
            (9, AT_END),
        ];
        assert_eq!(inside, places);
        let text = "01/Feb/2003:04:05:06.789";
        let digit_after = format!("{text}] 7");
        assert_eq!(stock.matcher.find(&digit_after, 0), Found::End(24));
        for unsure in [".7", ".-7", "é7"] {
            let text = format!("{text}{unsure}");
            assert_eq!(stock.matcher.find(&text, 0), Found::Unsure, "{text}");
        }
    }
}

//! Which pipelines send to which, found by the addresses of their inputs and outputs `pipeline`.

use std::collections::{BTreeMap, BTreeSet};

use kelp_parser::config::ast::Spanned;
use kelp_parser::config::{Diagnostic, nearest};

use super::definition::Candidate;

/// For each pipeline, by id, those that it sends to.
pub(super) type Connections = BTreeMap<String, BTreeSet<String>>;

/// Finds the connections. An address that two listen to, one that nobody listens to, and a circle are added to the
/// diagnostics of those pipelines, with the place.
pub(super) fn connect(candidates: &mut [Candidate]) -> Connections {
    let mut found: Vec<(usize, Diagnostic)> = Vec::new();
    let listeners = listeners(candidates, &mut found);
    let mut connections = Connections::new();
    let mut links: Vec<(usize, usize, Spanned<String>)> = Vec::new();
    for (sender, candidate) in candidates.iter().enumerate() {
        connections.insert(candidate.settings.id.clone(), BTreeSet::new());
        for link in candidate
            .compiled
            .iter()
            .flat_map(|compiled| compiled.links())
        {
            for address in &link.options.send_to {
                match listeners.get(&address.node) {
                    Some(&receiver) => links.push((sender, receiver, address.clone())),
                    None => {
                        let is_mistake = link.options.ensure_delivery;
                        let names = listeners.keys().map(String::as_str);
                        found.push((sender, nobody_listens(address, is_mistake, names)));
                    }
                }
            }
        }
    }
    for (sender, receiver, _) in &links {
        let to = candidates[*receiver].settings.id.clone();
        let from = &candidates[*sender].settings.id;
        connections.entry(from.clone()).or_default().insert(to);
    }
    for (sender, receiver, address) in &links {
        let ids = [*sender, *receiver].map(|at| candidates[at].settings.id.as_str());
        if let Some(way) = way(&connections, ids[1], ids[0]) {
            let circle = [&[ids[0]], way.as_slice()].concat().join(" -> ");
            let message = format!("events would go in a circle: {circle}");
            let diagnostic = Diagnostic::error(address.span, message);
            let help = "send events on in one direction only";
            found.push((*sender, diagnostic.help(help)));
        }
    }
    for (at, diagnostic) in found {
        if let Ok(configuration) = &mut candidates[at].configuration {
            configuration.diagnostics.push(diagnostic);
        }
    }
    connections
}

/// Who listens to which address.
fn listeners(
    candidates: &[Candidate],
    found: &mut Vec<(usize, Diagnostic)>,
) -> BTreeMap<String, usize> {
    let mut listeners: BTreeMap<String, usize> = BTreeMap::new();
    for (at, candidate) in candidates.iter().enumerate() {
        let inputs = candidate
            .compiled
            .iter()
            .flat_map(|compiled| &compiled.inputs);
        for address in inputs.filter_map(|input| input.address()) {
            let Some(other) = listeners.insert(address.node.clone(), at) else {
                continue;
            };
            let id = &candidates[other].settings.id;
            let message = format!("pipeline `{id}` listens to `{}` already", address.node);
            let diagnostic = Diagnostic::error(address.span, message);
            found.push((
                at,
                diagnostic.help("give each input `pipeline` an address of its own"),
            ));
        }
    }
    listeners
}

fn nobody_listens<'n>(
    address: &Spanned<String>,
    is_mistake: bool,
    names: impl Iterator<Item = &'n str> + Clone,
) -> Diagnostic {
    let message = format!("no pipeline listens to `{}`", address.node);
    let near = nearest(&address.node, names);
    let help = match (is_mistake, near) {
        (_, Some(near)) => format!("did you mean `{near}`?"),
        (true, None) => format!(
            "add `input {{ pipeline {{ address => {} }} }}` to another pipeline of `pipelines.yml`",
            address.node
        ),
        (false, None) => {
            "events for it are discarded, as `ensure_delivery => false` says".to_owned()
        }
    };
    match is_mistake {
        true => Diagnostic::error(address.span, message).help(help),
        false => Diagnostic::warning(address.span, message).help(help),
    }
}

/// A way along the connections.
fn way<'c>(connections: &'c Connections, from: &'c str, to: &str) -> Option<Vec<&'c str>> {
    let mut seen = BTreeSet::new();
    let mut open = vec![vec![from]];
    while let Some(way) = open.pop() {
        let last = *way.last()?;
        if last == to {
            return Some(way);
        }
        if seen.insert(last) {
            for next in connections.get(last).into_iter().flatten() {
                open.push([way.as_slice(), &[next.as_str()]].concat());
            }
        }
    }
    None
}

/// Pipelines in groups, each of which is connected by one or the other connections; in a group those that send come
/// before those to which they send by `connections`.
pub(super) fn groups(ids: &BTreeSet<String>, connections: &[&Connections]) -> Vec<Vec<String>> {
    let mut left = ids.clone();
    let mut groups = Vec::new();
    while let Some(first) = left.pop_first() {
        let mut group = vec![first];
        let mut at = 0;
        while let Some(id) = group.get(at).cloned() {
            at += 1;
            let is_connected = |other: &String| {
                let sends = |from: &String, to: &String| {
                    let mut all = connections.iter();
                    all.any(|all| all.get(from).is_some_and(|to_all| to_all.contains(to)))
                };
                sends(&id, other) || sends(other, &id)
            };
            let connected: Vec<String> =
                left.iter().filter(|id| is_connected(id)).cloned().collect();
            left.retain(|id| !connected.contains(id));
            group.extend(connected);
        }
        groups.push(group);
    }
    groups
}

/// Sorts so that those which send come before those which receive. The connections have no circle.
pub(super) fn sort(group: &mut Vec<String>, connections: &Connections) {
    let mut sorted: Vec<String> = Vec::new();
    while sorted.len() < group.len() {
        let is_next = |id: &&String| {
            let waits_for = |other: &&String| {
                !sorted.contains(other)
                    && connections.get(*other).is_some_and(|to| to.contains(*id))
            };
            !sorted.contains(id) && !group.iter().any(|other| waits_for(&other))
        };
        let Some(next) = group.iter().find(is_next).cloned() else {
            // A circle, which nobody should have let in.
            return;
        };
        sorted.push(next);
    }
    *group = sorted;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(all: &[(&str, &[&str])]) -> Connections {
        let to = |to: &[&str]| to.iter().map(|&id| id.to_owned()).collect();
        all.iter()
            .map(|(from, all)| ((*from).to_owned(), to(all)))
            .collect()
    }

    #[test]
    fn groups_are_what_is_connected_before_or_after() {
        let ids = ["a", "b", "c", "d"].map(str::to_owned).into();
        let before = connections(&[("a", &["b"])]);
        let after = connections(&[("d", &["b"])]);
        let groups = groups(&ids, &[&before, &after]);
        let groups: Vec<String> = groups.iter().map(|group| group.join(" ")).collect();
        assert_eq!(groups, ["a b d", "c"]);
    }

    #[test]
    fn senders_come_first() {
        let connections = connections(&[("a", &["b"]), ("c", &["a", "b"]), ("b", &[])]);
        let mut group = ["a", "b", "c"].map(str::to_owned).to_vec();
        sort(&mut group, &connections);
        assert_eq!(group, ["c", "a", "b"]);
    }

    #[test]
    fn a_way_is_found_in_the_direction_of_events() {
        let connections = connections(&[("a", &["b"]), ("b", &["c"]), ("c", &[])]);
        assert_eq!(way(&connections, "a", "c"), Some(vec!["a", "b", "c"]));
        assert_eq!(way(&connections, "c", "a"), None);
    }
}

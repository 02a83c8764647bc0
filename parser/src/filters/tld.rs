//! `tld`: takes the name of a host apart by the public suffix list (source: logstash-filter-tld, the gem public_suffix).

use crate::event::{Event, FieldRef, Object, Value};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::plugin_options;
use crate::spec::Settings;

plugin_options! {
    /// Takes the name of a host apart: `www.example.co.uk` is `www`, `example` and `co.uk`.
    ///
    /// By the public suffix list that comes with the program, private domains included. Names that have no known
    /// suffix are left alone.
    pub struct TldOptions for Filter "tld" {
        /// The field with the name.
        source: FieldRef<'static> = "message",
        /// The field that gets `tld`, `sld`, `trd`, `domain`, `subdomain` and `top_level_domain`.
        target: FieldRef<'static> = "tld",
    }
}

/// Takes the names of hosts apart.
pub struct Tld {
    options: TldOptions,
}

impl BuildFilter for Tld {
    type Options = TldOptions;

    fn build(options: TldOptions, _: &mut Settings<'_>, _: &BuildContext) -> Option<Self> {
        Some(Self { options })
    }
}

impl Filter for Tld {
    fn apply<'a>(&self, event: &mut Event<'a>, _: &mut Context<'a, '_>) -> Outcome {
        let arena = event.arena();
        let Some(Value::Str(name)) = event.get(self.options.source) else {
            return Outcome::Unmatched;
        };
        let name = name.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\0');
        let name = name.strip_suffix('.').unwrap_or(name);
        let name: &'a str = arena.alloc_str(&name.to_lowercase());
        let Some((left, tld)) = split_suffix(name) else {
            return Outcome::Unmatched;
        };
        let (trd, sld) = match left.rsplit_once('.') {
            Some((trd, sld)) => (Some(trd), sld),
            None => (None, left),
        };
        let domain = &name[left.len() - sld.len()..];
        let mut parts = Object::with_capacity(arena, 6);
        parts.push("tld", Value::Str(tld));
        parts.push("sld", Value::Str(sld));
        parts.push("trd", trd.map_or(Value::Null, Value::Str));
        parts.push("domain", Value::Str(domain));
        parts.push("subdomain", trd.map_or(Value::Null, |_| Value::Str(name)));
        parts.push("top_level_domain", Value::Str(tld));
        if event.try_set(self.options.target, Value::Object(parts)) {
            Outcome::Matched
        } else {
            event.tag_all(self.failure_tags());
            Outcome::Unmatched
        }
    }
}

/// What is before the suffix, and the suffix; `None` where the suffix is not known, or is all there is, or
/// a label is empty.
fn split_suffix(name: &str) -> Option<(&str, &str)> {
    if name.split('.').any(str::is_empty) {
        return None;
    }
    let suffix = psl::suffix(name.as_bytes()).filter(|suffix| suffix.is_known())?;
    let (left, tld) = name.split_at_checked(name.len().checked_sub(suffix.as_bytes().len())?)?;
    Some((left.strip_suffix('.')?, tld))
}

//! The rules that tell user agents apart: for browser, system and device each a list of expressions of
//! which the first that matches counts (source: `org.logstash.uaparser` and uap-core's specification).

use super::yaml::{self, Entry, YamlError};
use crate::regex::{Options, Regex, RegexError, Scratch};

/// Major, minor, patch, and what follows.
pub(super) type Version = [Option<String>; 4];

/// What a text stands for.
pub(super) struct Client {
    pub agent: Software,
    pub os: Software,
    pub device: String,
}

/// A browser or a system.
pub(super) struct Software {
    pub family: String,
    pub version: Version,
}

/// Rules that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum RulesError {
    #[error(transparent)]
    Yaml(#[from] YamlError),
    #[error("it has no list `{0}`")]
    MissingList(&'static str),
    #[error("line {line}: an entry without `regex`")]
    MissingRegex { line: usize },
    #[error("line {line}: {source}")]
    Regex { line: usize, source: RegexError },
}

/// All rules, compiled.
pub(super) struct Rules {
    agents: Vec<Rule>,
    systems: Vec<Rule>,
    devices: Vec<Rule>,
}

struct Rule {
    regex: Regex,
    /// In place of the first group.
    family: Option<String>,
    /// In place of the groups after it.
    version: [Option<String>; 3],
}

impl Rules {
    pub(super) fn parse(text: &str) -> Result<Self, RulesError> {
        let lists = yaml::parse(text)?;
        let rules = |name: &'static str, family: &str, version: [&str; 3]| {
            let list = lists.iter().find(|(have, _)| *have == name);
            let (_, entries) = list.ok_or(RulesError::MissingList(name))?;
            let rules = entries
                .iter()
                .map(|entry| Rule::new(entry, family, version));
            rules.collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            agents: rules(
                "user_agent_parsers",
                "family_replacement",
                ["v1_replacement", "v2_replacement", ""],
            )?,
            systems: rules(
                "os_parsers",
                "os_replacement",
                [
                    "os_v1_replacement",
                    "os_v2_replacement",
                    "os_v3_replacement",
                ],
            )?,
            devices: rules("device_parsers", "device_replacement", ["", "", ""])?,
        })
    }

    /// What `text` stands for; `None` when a rule took too long.
    pub(super) fn parse_text(&self, text: &str, scratch: &mut Scratch) -> Option<Client> {
        let other = || Software {
            family: "Other".to_owned(),
            version: Version::default(),
        };
        let agent = first_match(&self.agents, text, scratch, Rule::agent)?;
        let os = first_match(&self.systems, text, scratch, Rule::system)?;
        let device = first_match(&self.devices, text, scratch, Rule::device)?;
        Some(Client {
            agent: agent.unwrap_or_else(other),
            os: os.unwrap_or_else(other),
            device: device.unwrap_or_else(|| "Other".to_owned()),
        })
    }
}

/// What the first rule says that matches and has something to say; `None` when a rule took too long.
fn first_match<T>(
    rules: &[Rule],
    text: &str,
    scratch: &mut Scratch,
    says: impl Fn(&Rule, &Groups<'_>) -> Option<T>,
) -> Option<Option<T>> {
    for rule in rules {
        if rule.regex.captures_at(text, 0, scratch).ok()? {
            let count = rule.regex.group_count();
            let groups = Groups {
                text,
                count,
                scratch,
            };
            if let Some(found) = says(rule, &groups) {
                return Some(Some(found));
            }
        }
    }
    Some(None)
}

/// The groups of a match.
struct Groups<'m> {
    text: &'m str,
    count: usize,
    scratch: &'m Scratch,
}

impl<'m> Groups<'m> {
    fn get(&self, group: usize) -> Option<&'m str> {
        let (start, end) = self.scratch.span(group).filter(|_| group <= self.count)?;
        Some(&self.text[start..end])
    }

    fn owned(&self, group: usize) -> Option<String> {
        self.get(group).map(str::to_owned)
    }

    fn not_blank(&self, group: usize) -> Option<String> {
        self.owned(group).filter(|text| !text.is_empty())
    }
}

impl Rule {
    fn new(entry: &Entry<'_>, family: &str, version: [&str; 3]) -> Result<Self, RulesError> {
        let line = entry.line;
        let pattern = entry
            .get("regex")
            .ok_or(RulesError::MissingRegex { line })?;
        let options = Options {
            ignore_case: entry.get("regex_flag") == Some("i"),
            ..Options::default()
        };
        let regex =
            Regex::new(pattern, options).map_err(|source| RulesError::Regex { line, source })?;
        Ok(Self {
            regex,
            family: entry.get(family).map(str::to_owned),
            version: version.map(|name| entry.get(name).map(str::to_owned)),
        })
    }

    /// `$1` stands for the first group in the family; a replaced minor version is the last part.
    fn agent(&self, groups: &Groups<'_>) -> Option<Software> {
        let family = match (&self.family, groups.get(1)) {
            (Some(family), Some(first)) => family.replacen("$1", first, 1),
            (Some(family), None) => family.clone(),
            (None, first) => first?.to_owned(),
        };
        let [major, minor, _] = &self.version;
        let major = major.clone().or_else(|| groups.not_blank(2));
        let version = match minor {
            Some(minor) => [major, Some(minor.clone()), None, None],
            None => [
                major,
                groups.not_blank(3),
                groups.not_blank(4),
                groups.not_blank(5),
            ],
        };
        Some(Software { family, version })
    }

    /// A replacement of the form `$n` stands for that group; an empty group is an empty part.
    fn system(&self, groups: &Groups<'_>) -> Option<Software> {
        let family = match &self.family {
            Some(family) => family.replace("$1", groups.get(1).unwrap_or_default()),
            None => groups.owned(1)?,
        };
        let part = |replacement: &Option<String>, group: usize| match replacement {
            None => groups.owned(group),
            Some(text) => match text.strip_prefix('$') {
                Some(number) => number.parse().ok().and_then(|number| groups.owned(number)),
                None => Some(text.clone()),
            },
        };
        let [major, minor, patch] = &self.version;
        let version = [
            part(major, 2),
            part(minor, 3),
            part(patch, 4),
            groups.owned(5),
        ];
        Some(Software { family, version })
    }

    /// `$1` to `$9` stand for groups.
    fn device(&self, groups: &Groups<'_>) -> Option<String> {
        let Some(family) = &self.family else {
            return groups.owned(1);
        };
        if !family.contains('$') {
            return Some(family.clone());
        }
        let mut device = String::with_capacity(family.len());
        let mut rest = family.as_str();
        while let Some((before, after)) = rest.split_once('$') {
            device.push_str(before);
            let digit = after.chars().next().and_then(|digit| digit.to_digit(10));
            match digit {
                Some(group) => {
                    device.push_str(groups.get(group as usize).unwrap_or_default());
                    rest = &after[1..];
                }
                None => {
                    device.push('$');
                    rest = after;
                }
            }
        }
        device.push_str(rest);
        Some(device.trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r"
user_agent_parsers:
  - regex: '(Kelp)Bot/(\d+)\.(\d*)\.(\d+)\.(\d+)'
    family_replacement: 'The $1'
  - regex: '(Plain)/(\d+)'
    v2_replacement: '5'
  - regex: '(Nothing)?Here'
os_parsers:
  - regex: '(Kelp) ?OS (\d+)-(\d*)'
    os_v1_replacement: '$3'
    os_v2_replacement: 'x'
device_parsers:
  - regex: 'Dev ([a-z]+)(z)?'
    regex_flag: 'i'
    device_replacement: '$2 a $1 $9 $'
";

    fn parse(text: &str) -> (String, String, String) {
        let rules = Rules::parse(TEXT).unwrap();
        let client = rules.parse_text(text, &mut Scratch::default()).unwrap();
        let software = |software: Software| {
            let parts = software.version.map(|part| part.unwrap_or("-".to_owned()));
            format!("{} {}", software.family, parts.join(","))
        };
        (software(client.agent), software(client.os), client.device)
    }

    #[test]
    fn rules_say_what_a_text_stands_for() {
        let (agent, os, device) = parse("KelpBot/1..3.4 KelpOS 7- dEV q");
        assert_eq!(agent, "The Kelp 1,-,3,4");
        assert_eq!(os, "Kelp ,x,-,-");
        assert_eq!(device, "a q  $");
        assert_eq!(parse("Plain/9").0, "Plain 9,5,-,-");
    }

    #[test]
    fn a_rule_without_a_family_is_passed_over() {
        let other = "Other -,-,-,-".to_owned();
        assert_eq!(parse("Here"), (other.clone(), other, "Other".to_owned()));
    }

    #[test]
    fn bad_rules_are_named() {
        let error = |text: &str| Rules::parse(text).err().map(|error| error.to_string());
        assert_eq!(
            error("user_agent_parsers:\n").as_deref(),
            Some("it has no list `os_parsers`")
        );
        let text = "user_agent_parsers:\n  - regex: '('\n";
        assert!(error(text).is_some_and(|error| error.starts_with("line 2: ")));
    }
}

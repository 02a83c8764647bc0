//! Reading files of test cases, Kelp's own and those of logstash-filter-verifier (versions 1 and 2): one format, of which the
//! latter uses a part (source of its keys: its README).

use std::path::{Path, PathBuf};

use kelp_parser::spec::EcsCompatibility;
use kelp_parser::time::Timestamp;
use serde_json::{Map, Value};

/// How names of files with test cases end, without the first dot.
pub const ENDINGS: &[&str] = &["test.yml", "test.yaml", "test.json"];

/// A file of test cases.
pub struct Suite {
    path: PathBuf,
    /// The configuration, relative to the file.
    pub config: Option<PathBuf>,
    /// The mode, unless it is the one of the command line.
    pub ecs: Option<EcsCompatibility>,
    /// What makes events of lines, as in a configuration; default `plain`.
    pub codec: Option<String>,
    /// The `id` of the input of the configuration that events come from.
    pub input_plugin: Option<String>,
    /// The time at which all of it happens; default: now.
    pub now: Option<Timestamp>,
    /// Whether `[@metadata]` is compared.
    pub export_metadata: bool,
    /// References to the fields that are not compared.
    pub ignore: Vec<String>,
    /// The cases.
    pub cases: Vec<Case>,
}

/// A test case.
#[derive(Debug, Default)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// What each event has to begin with, by field reference.
    pub fields: Map<String, Value>,
    /// Lines, which the codec makes events of, or events.
    pub input: Vec<Value>,
    /// The events that must come out.
    pub expected: Vec<Value>,
    /// Whether events may have further fields.
    pub partial: bool,
}

/// A file of test cases that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    #[error("cannot read `{path}`: {source}")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("`{path}` is no YAML: {source}")]
    Yaml {
        path: PathBuf,
        source: serde_yaml_ng::Error,
    },
    #[error("`{path}`: {reason}")]
    Shape { path: PathBuf, reason: String },
}

/// Whether the name is one of a file with test cases.
pub fn is_suite(path: &Path) -> bool {
    let name = path.to_string_lossy();
    ENDINGS.iter().any(|end| name.ends_with(&format!(".{end}")))
}

/// Whether logstash-filter-verifier would take it for a file with test cases.
pub fn is_verifier_file(path: &Path) -> bool {
    let end = path.extension().and_then(|end| end.to_str());
    path.is_file() && matches!(end, Some("json" | "yml" | "yaml"))
}

/// `x.conf` for `x.test.yml`.
pub fn configuration_beside(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let stem = ENDINGS
        .iter()
        .find_map(|end| name.strip_suffix(&format!(".{end}")))?;
    let beside = path.with_file_name(format!("{stem}.conf"));
    beside.is_file().then_some(beside)
}

impl Suite {
    /// Reads a file; JSON is YAML, too.
    pub fn read(path: &Path) -> Result<Self, SuiteError> {
        let text = std::fs::read_to_string(path).map_err(|source| SuiteError::Read {
            path: path.to_owned(),
            source,
        })?;
        let document: Value =
            serde_yaml_ng::from_str(&text).map_err(|source| SuiteError::Yaml {
                path: path.to_owned(),
                source,
            })?;
        Self::from_document(path, document).map_err(|reason| SuiteError::Shape {
            path: path.to_owned(),
            reason,
        })
    }

    /// Where the file is.
    pub fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    fn from_document(path: &Path, document: Value) -> Result<Self, String> {
        let Value::Object(mut keys) = document else {
            return Err("expected keys such as `testcases`".to_owned());
        };
        let ecs = text(&mut keys, "ecs")?
            .map(|mode| {
                EcsCompatibility::parse(&mode)
                    .ok_or_else(|| format!("`ecs: {mode}` is none of disabled, v1, v8"))
            })
            .transpose()?;
        let now = text(&mut keys, "now")?
            .map(|time| {
                Timestamp::parse_iso8601(&time)
                    .ok_or_else(|| format!("`now: {time}` is no time such as 2026-01-31T12:00:00Z"))
            })
            .transpose()?;
        let mut suite = Self {
            path: path.to_owned(),
            config: text(&mut keys, "config")?.map(PathBuf::from),
            ecs,
            codec: text(&mut keys, "codec")?,
            input_plugin: text(&mut keys, "input_plugin")?,
            now,
            export_metadata: match keys.remove("export_metadata") {
                None | Some(Value::Null) => false,
                Some(Value::Bool(yes)) => yes,
                Some(other) => {
                    return Err(format!(
                        "`export_metadata` is true or false, found `{other}`"
                    ));
                }
            },
            ignore: texts(&mut keys, "ignore")?,
            cases: Vec::new(),
        };
        // The outputs that an event would go to are not recorded.
        keys.remove("export_outputs");
        let fields = fields(&mut keys)?;
        let cases = list(&mut keys, "testcases")?;
        for (number, case) in cases.into_iter().enumerate() {
            let Value::Object(case) = case else {
                return Err(format!("test case {} has no keys", number + 1));
            };
            let case = Case::from_keys(case, &fields, number + 1)
                .map_err(|reason| format!("test case {}: {reason}", number + 1))?;
            suite.cases.push(case);
        }
        // Before version 1.0 of the verifier a file was one case.
        if keys.contains_key("input") {
            suite
                .cases
                .push(Case::from_keys(std::mem::take(&mut keys), &fields, 1)?);
        }
        refuse_unknown(&keys)?;
        match suite.cases.is_empty() {
            true => Err("there are no `testcases`".to_owned()),
            false => Ok(suite),
        }
    }
}

impl Case {
    fn from_keys(
        mut keys: Map<String, Value>,
        common: &Map<String, Value>,
        number: usize,
    ) -> Result<Self, String> {
        let mut case = Self {
            name: format!("case {number}"),
            fields: common.clone(),
            ..Self::default()
        };
        for key in ["description", "name"] {
            if let Some(name) = text(&mut keys, key)? {
                case.name = name;
            }
        }
        case.fields.extend(fields(&mut keys)?);
        case.input = match keys.remove("input") {
            None => Vec::new(),
            Some(Value::Array(lines)) => lines,
            Some(single) => vec![single],
        };
        if case.input.is_empty() && !case.fields.is_empty() {
            // An event that is nothing but its fields, as in version 2 of the verifier.
            case.input.push(Value::Object(Map::new()));
        }
        if let Some(odd) = case
            .input
            .iter()
            .find(|one| !one.is_string() && !one.is_object())
        {
            return Err(format!("`{odd}` in `input` is neither a line nor an event"));
        }
        if let Some(expected) = keys.remove("contains") {
            if keys.contains_key("expected") {
                return Err("it has both `expected` and `contains`: only one can hold".to_owned());
            }
            case.partial = true;
            keys.insert("expected".to_owned(), expected);
        }
        case.expected = list(&mut keys, "expected")?;
        refuse_unknown(&keys)?;
        match case.input.is_empty() {
            true => Err("there is no `input`".to_owned()),
            false => Ok(case),
        }
    }
}

fn fields(keys: &mut Map<String, Value>) -> Result<Map<String, Value>, String> {
    match keys.remove("fields") {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(fields)) => Ok(fields),
        Some(other) => Err(format!("`fields` holds names and values, found `{other}`")),
    }
}

fn text(keys: &mut Map<String, Value>, key: &str) -> Result<Option<String>, String> {
    match keys.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(format!("`{key}` is a text, found `{other}`")),
    }
}

/// A list; a single value is a list of one.
fn list(keys: &mut Map<String, Value>, key: &str) -> Result<Vec<Value>, String> {
    match keys.remove(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(values)) => Ok(values),
        Some(single @ Value::Object(_)) => Ok(vec![single]),
        Some(other) => Err(format!("`{key}` is a list, found `{other}`")),
    }
}

fn texts(keys: &mut Map<String, Value>, key: &str) -> Result<Vec<String>, String> {
    let values = list(keys, key)?.into_iter().map(|value| match value {
        Value::String(text) => Ok(text),
        other => Err(format!("`{key}` holds names of fields, found `{other}`")),
    });
    values.collect()
}

fn refuse_unknown(keys: &Map<String, Value>) -> Result<(), String> {
    match keys.keys().next() {
        None => Ok(()),
        Some(key) => Err(format!(
            "there is no key `{key}` here; `docs/testing.md` lists them"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Suite, String> {
        let document = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
        Suite::from_document(Path::new("x.test.yml"), document)
    }

    #[test]
    fn fields_of_a_case_win() {
        let suite = read(
            "fields: {type: a, '[x][y]': 1}\ntestcases:\n- {input: [l], fields: {type: b}, expected: [{type: b}]}\n",
        );
        let suite = suite.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(suite.cases[0].fields["type"], "b");
        assert_eq!(suite.cases[0].fields["[x][y]"], 1);
        assert_eq!(suite.cases[0].name, "case 1");
    }

    #[test]
    fn the_oldest_form_of_the_verifier_is_one_case() {
        let suite = read("codec: line\ninput: [a, b]\nexpected: [{message: a}, {message: b}]\n");
        let suite = suite.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(suite.cases[0].input.len(), 2);
        assert_eq!(suite.cases[0].expected.len(), 2);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, said) in [
            ("[]", "expected keys"),
            ("testcases: []", "no `testcases`"),
            ("testcases: [{expected: []}]", "no `input`"),
            ("testcases: [{input: [5]}]", "neither a line nor an event"),
            ("testcases: [{input: a, expect: []}]", "no key `expect`"),
            (
                "testcases: [{input: a, expected: [], contains: []}]",
                "both `expected` and `contains`",
            ),
            (
                "export_metadata: 'yes'\ntestcases: [{input: a}]",
                "true or false",
            ),
            ("ecs: v9\ntestcases: [{input: a}]", "none of disabled"),
        ] {
            let error = read(text).err().unwrap_or_default();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}

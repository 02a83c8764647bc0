//! The texts in `grok/samples.txt`.

use std::collections::BTreeMap;

/// Texts by pattern name; the flag says that the pattern must match all of the text.
pub type Samples = BTreeMap<String, Vec<(String, bool)>>;

/// Those of a stock library, `legacy` or `ecs-v1`.
pub fn samples(set: &str) -> Samples {
    let mut samples = Samples::new();
    for line in include_str!("../grok/samples.txt").lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, text) = line.split_once(' ').unwrap();
        let (name, only) = name.split_once('@').unwrap_or((name, set));
        if only == set || only == "within" {
            let text = text.replace("\\t", "\t").replace("\\n", "\n");
            let texts = samples.entry(name.to_owned()).or_default();
            texts.push((text, only != "within"));
        }
    }
    samples
}

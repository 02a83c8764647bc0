//! `/_health_report`: red where something has given up, yellow where something waits.

use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::snapshot::{NodeSnapshot, Snapshot};
use super::{Api, info};
use crate::clock::iso8601;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    Green,
    Yellow,
    Red,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Red => "red",
        }
    }
}

/// What is wrong with a pipeline: how bad it is, and what it is.
struct Finding {
    status: Status,
    cause: String,
    action: &'static str,
}

/// The status of the process.
pub fn status(node: &NodeSnapshot) -> &'static str {
    let running = node.pipelines.iter().map(status_of);
    let ended = node.ended.iter().map(|_| Status::Yellow);
    let failed = node.failed.iter().map(|_| Status::Red);
    let all = running.chain(ended).chain(failed);
    all.max().unwrap_or(Status::Green).name()
}

/// `GET /_health_report`
pub fn report(node: &NodeSnapshot, api: &Api) -> Value {
    let mut pipelines = Map::new();
    let mut symptoms = Vec::new();
    for pipeline in &node.pipelines {
        let findings = findings(pipeline);
        symptoms.extend(findings.iter().map(|finding| finding.cause.clone()));
        let id = pipeline.pipeline_id.clone();
        pipelines.insert(id, indicator(status_of(pipeline), &findings, "RUNNING"));
    }
    let ended = node.ended.iter().map(|id| {
        let cause = format!("pipeline `{id}` has ended");
        (id, Status::Yellow, cause, "FINISHED")
    });
    let failed = node.failed.iter().map(|id| {
        let cause = format!("pipeline `{id}` has given up or could not start");
        (id, Status::Red, cause, "TERMINATED")
    });
    for (id, status, cause, state) in ended.chain(failed) {
        symptoms.push(cause.clone());
        let finding = Finding {
            status,
            cause,
            action: "see the log for why",
        };
        pipelines.insert(id.clone(), indicator(status, &[finding], state));
    }
    let symptom = match symptoms.is_empty() {
        true => "everything flows".to_owned(),
        false => symptoms.join("; "),
    };
    let status = status(node);
    let mut report = info::base(node, api);
    report["status"] = status.into();
    report["timestamp"] = iso8601(SystemTime::now()).into();
    report["symptom"] = symptom.as_str().into();
    report["indicators"] = json!({
        "pipelines": {"status": status, "symptom": symptom, "indicators": pipelines},
    });
    report
}

fn indicator(status: Status, findings: &[Finding], state: &str) -> Value {
    let causes: Vec<&str> = findings
        .iter()
        .map(|finding| finding.cause.as_str())
        .collect();
    let diagnosis = |finding: &Finding| json!({"cause": finding.cause, "action": finding.action});
    json!({
        "status": status.name(),
        "symptom": match causes.is_empty() {
            true => "everything flows".to_owned(),
            false => causes.join("; "),
        },
        "diagnosis": findings.iter().map(diagnosis).collect::<Vec<_>>(),
        "details": {"status": {"state": state}},
    })
}

fn status_of(pipeline: &Snapshot) -> Status {
    let findings = findings(pipeline);
    let statuses = findings.iter().map(|finding| finding.status);
    statuses.max().unwrap_or(Status::Green)
}

fn findings(pipeline: &Snapshot) -> Vec<Finding> {
    let mut findings = Vec::new();
    for output in &pipeline.outputs {
        if output.stats.is_stalled {
            findings.push(Finding {
                status: Status::Yellow,
                cause: format!(
                    "output `{}` is not accepted by its server; consumption pauses until it is",
                    output.id
                ),
                action: "see whether the server runs, and whether it lets the user in",
            });
        }
    }
    for input in &pipeline.inputs {
        if let Some(failure) = &input.failure {
            findings.push(Finding {
                status: Status::Red,
                cause: format!("input `{}` has given up: {failure}", input.id),
                action: "correct the configuration, and reload or restart",
            });
        } else if input.stats.is_unreachable {
            findings.push(Finding {
                status: Status::Yellow,
                cause: format!("input `{}` reaches none of its servers", input.id),
                action: "see whether the brokers of `bootstrap_servers` run, and the log for what they or the network say",
            });
        } else if input.stats.is_stalled && findings.is_empty() {
            findings.push(Finding {
                status: Status::Yellow,
                cause: format!("input `{}` waits for the outputs", input.id),
                action: "see which output or filter is slow in /_node/stats",
            });
        }
    }
    if pipeline.dead_letters_failing {
        findings.push(Finding {
            status: Status::Red,
            cause: "the dead letters cannot be written; consumption stops until they can"
                .to_owned(),
            action: "make room, or see the log for what is wrong with their place",
        });
    }
    findings
}

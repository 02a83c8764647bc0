//! What can be said of the Docker stack without Docker: the Dockerfile stands in for the whole workspace, and the compose file publishes nothing to
//! the network, has no password of its own, and waits for what is there.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).expect("a file of the repository")
}

/// The instructions of the Dockerfile's first stage, each on a line.
fn build_stage() -> Vec<String> {
    let joined = read("Dockerfile").replace("\\\n", " ");
    let stages: Vec<_> = joined.split("\nFROM ").collect();
    let stage = stages.iter().find(|stage| stage.contains(" AS build"));
    let lines = stage.expect("a stage named build").lines();
    lines.map(str::to_owned).collect()
}

#[test]
fn the_dockerfile_stands_in_for_every_crate_and_bench() {
    let folder = std::env::temp_dir().join(format!("kelp-dockerfile-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let mut stood_in = false;
    for line in build_stage() {
        if let Some(files) = line.strip_prefix("COPY ") {
            let words: Vec<_> = files.split_whitespace().collect();
            let (target, sources) = words.split_last().unwrap();
            for source in sources.iter().filter(|source| **source != ".") {
                let to = folder.join(target);
                fs::create_dir_all(&to).unwrap();
                let name = Path::new(source).file_name().unwrap();
                fs::copy(root().join(source), to.join(name)).unwrap();
            }
        }
        if let Some(script) = line.strip_prefix("RUN ")
            && script.contains("fn main() {}")
        {
            let done = run("sh", &["-c", script], &folder);
            assert!(done.status.success(), "{done:?}");
            stood_in = true;
        }
    }
    assert!(
        stood_in,
        "no RUN makes files to build the dependencies with"
    );
    // A bench that is named in a manifest and has no file ends a build.
    let (stand_ins, real) = (benches_of(&folder), benches_of(&root()));
    fs::remove_dir_all(&folder).unwrap();
    assert!(real.len() > 3, "{real:?}");
    assert_eq!(stand_ins, real);
}

/// The benches of the workspace in `folder`, each as PACKAGE/BENCH; a package without any counts as PACKAGE.
fn benches_of(folder: &Path) -> BTreeSet<String> {
    let arguments = ["metadata", "--no-deps", "--offline", "--format-version=1"];
    let found = run(env!("CARGO"), &arguments, folder);
    let errors = String::from_utf8_lossy(&found.stderr);
    assert!(found.status.success(), "{errors}");
    let metadata: Value = serde_json::from_slice(&found.stdout).unwrap();
    let mut names = BTreeSet::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        names.insert(name.to_owned());
        for target in package["targets"].as_array().unwrap() {
            if target["kind"][0] == "bench" {
                names.insert(format!("{name}/{}", target["name"].as_str().unwrap()));
            }
        }
    }
    names
}

#[test]
fn the_stack_publishes_to_this_host_only_and_has_no_password_of_its_own() {
    let text = read("docker-compose.yml");
    let stack: Value = serde_yaml_ng::from_str(&text).unwrap();
    let services = stack["services"].as_object().unwrap();
    let mut published = 0;
    for (name, service) in services {
        for port in service["ports"].as_array().into_iter().flatten() {
            let port = port.as_str().unwrap();
            assert!(port.starts_with("127.0.0.1:"), "{name}: {port}");
            published += 1;
        }
        let image = service["image"].as_str().unwrap_or("kelp:local");
        let (_, version) = image
            .split_once(':')
            .unwrap_or_else(|| panic!("{name}: {image}"));
        assert_ne!(version, "latest", "{name}");
        for (variable, value) in service["environment"].as_object().into_iter().flatten() {
            if variable.ends_with("PASSWORD") {
                assert!(
                    value.as_str().unwrap().contains(":?"),
                    "{name}: {variable} has to be asked for"
                );
            }
        }
    }
    assert_eq!(published, 3, "Kafka, Elasticsearch, Kibana");
    let example = read(".env.example");
    for part in text.split("${").skip(1) {
        let end = part.find([':', '}']).unwrap();
        let named = format!("\n{}=", &part[..end]);
        assert!(example.contains(&named), "{named} is not in .env.example");
    }
}

/// A service with what it takes over by `<<`.
fn merged(service: &Value) -> Value {
    let mut all = match &service["<<"] {
        Value::Null => Value::Object(serde_json::Map::new()),
        base => merged(base),
    };
    for (name, value) in service.as_object().into_iter().flatten() {
        if name != "<<" {
            all[name] = value.clone();
        }
    }
    all
}

/// Compose builds services side by side: two that build one image stumble over each other. Those that only use it must not look for it in a
/// registry.
#[test]
fn one_service_builds_the_image_and_nobody_pulls_it() {
    let stack: Value = serde_yaml_ng::from_str(&read("docker-compose.yml")).unwrap();
    let services = stack["services"].as_object().unwrap();
    let mut builders = Vec::new();
    let mut users = 0;
    for (name, service) in services {
        let service = merged(service);
        if service["image"] == "kelp:local" {
            users += 1;
            assert_eq!(service["pull_policy"], "never", "{name}");
        }
        if !service["build"].is_null() {
            builders.push((name.as_str(), service["profiles"].is_null()));
        }
    }
    assert_eq!(users, 4);
    // It is built whatever profile is on.
    assert_eq!(builders, [("kelp", true)]);
}

#[test]
fn what_a_service_waits_for_is_there() {
    let stack: Value = serde_yaml_ng::from_str(&read("docker-compose.yml")).unwrap();
    let services = stack["services"].as_object().unwrap();
    for (name, service) in services {
        for (other, wait) in service["depends_on"].as_object().into_iter().flatten() {
            let awaited = &services[other];
            let condition = wait["condition"].as_str().unwrap();
            match condition {
                "service_healthy" => assert!(
                    awaited["healthcheck"]["test"].is_array(),
                    "{name}: {other} has no health check"
                ),
                "service_completed_successfully" => assert_eq!(
                    awaited["restart"], "on-failure",
                    "{name}: {other} would start again"
                ),
                _ => panic!("{name}: {condition}"),
            }
        }
    }
}

fn run(program: &str, arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder);
    command.output().expect("the program starts")
}

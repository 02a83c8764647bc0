//! Filters against data: every file of `cases/filters` holds cases, each a configuration, events that
//! go in and the events that must come out.
//!
//! ```text
//! === what the case shows
//! ecs disabled                     (a line that is left out for v8)
//! filter { ... }                   (any number of lines)
//! >>> {"message":"in"}             (an event that goes in; one worker sees them all, in order)
//! <<< {"message":"out"}            (an event that comes of it, whole but for @timestamp and @version,
//!                                   which are compared only where they are written, as is what lies
//!                                   in @metadata; none: dropped)
//! !!! text                         (instead of events: part of the error that the configuration gets)
//! ```
//! Lines that start with `#` are comments. `FIXTURES` in a configuration is the directory `cases/fixtures`, `DATABASES`
//! the directory with the databases that this test makes for `geoip`. `dns` knows `known.example` and its address 192.0.2.1;
//! nobody answers for `slow.example` and 192.0.2.2.
//!
//! `KELP_CASES_COMMAND='other filter --ecs {ecs} -f {conf}'` runs the cases against another program instead, which takes events
//! as `kelp filter` does: a JSON object in each line of its standard input, and of its standard output; it has to fail where a
//! case wants an error. `UPDATE=1` writes the table of the cases anew.

#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "support/case_files.rs"]
mod case_files;

#[path = "support/mmdb.rs"]
mod mmdb;

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::process::{Command, Stdio};

use self::case_files::{Case, NOW, assert_none, cases, same, whole};
use kelp_parser::config::{ParseOptions, Severity, SourceMap, parse};
use kelp_parser::event::{Arena, Event, Value};
use kelp_parser::filter::BuildContext;
use kelp_parser::json::{Fractions, parse as parse_json};
use kelp_parser::pipeline::{Pipeline, WorkerState};
use kelp_parser::resolver::{LookupError, Resolver};
use kelp_parser::time::Timestamp;

/// Where the databases for `geoip` are made.
const DATABASES: &str = env!("CARGO_TARGET_TMPDIR");

/// The configuration of a case with the paths of this machine.
fn config_of(case: &Case) -> String {
    case.config().replace("DATABASES", DATABASES)
}

/// What is wrong with another program's answer to a case, if anything is.
fn check_command(case: &Case, command: &str) -> Result<(), String> {
    let path = Path::new(DATABASES).join(format!("case-{}.conf", std::process::id()));
    std::fs::write(&path, config_of(case)).unwrap();
    let words = command.split_whitespace().map(|word| {
        let word = word.replace("{ecs}", case.ecs.name());
        word.replace("{conf}", &path.to_string_lossy())
    });
    let words: Vec<String> = words.collect();
    let mut child = Command::new(&words[0])
        .args(&words[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("{}: {error}", words[0]))?;
    let mut stdin = child.stdin.take().unwrap();
    let inputs: Vec<String> = case
        .steps
        .iter()
        .map(|(input, _)| format!("{input}\n"))
        .collect();
    // What refuses its configuration may be gone already; a pipe holds the events of any case.
    let _ = stdin.write_all(inputs.concat().as_bytes());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    if case.error.is_some() || !output.status.success() {
        let refused = !output.status.success();
        let agreed = refused == case.error.is_some();
        return agreed
            .then_some(())
            .ok_or_else(|| format!("{}", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let got: Vec<String> = text
        .lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    let want: Vec<String> = case
        .steps
        .iter()
        .flat_map(|(_, want)| want.clone())
        .collect();
    compare(&got, &want)
}

/// Whom `dns` asks.
struct OneHost;

impl Resolver for OneHost {
    fn address_of(&self, name: &str) -> Result<Option<String>, LookupError> {
        match name {
            "known.example" => Ok(Some("192.0.2.1".to_owned())),
            "slow.example" => Err(LookupError::Timeout),
            "no name" => Err(LookupError::BadName(name.to_owned())),
            _ => Ok(None),
        }
    }

    fn name_of(&self, address: IpAddr) -> Result<Option<String>, LookupError> {
        match address.to_string().as_str() {
            "192.0.2.1" => Ok(Some("known.example".to_owned())),
            "192.0.2.2" => Err(LookupError::Timeout),
            _ => Ok(None),
        }
    }
}

/// What is wrong with a case, if anything is.
fn check(case: &Case) -> Result<(), String> {
    let mut sources = SourceMap::default();
    sources.add("case.conf", config_of(case));
    let (config, mut diagnostics) = parse(&sources, &ParseOptions::default());
    let context = BuildContext::new(case.ecs)
        .asking(|_| Box::new(OneHost))
        .geoip_directory(DATABASES.into());
    let pipeline = Pipeline::compile(&config, &context, &mut diagnostics);
    let errors: Vec<&str> = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .map(|diagnostic| diagnostic.message.as_str())
        .collect();
    match (&case.error, &errors[..]) {
        (None, []) => {}
        (Some(want), errors) if errors.iter().any(|error| error.contains(want)) => return Ok(()),
        (want, errors) => return Err(format!("errors {errors:?}, want {want:?}")),
    }
    let arena = Arena::new();
    let mut worker = WorkerState::default();
    let now = Timestamp::new(NOW, 0);
    for (input, want) in &case.steps {
        let Ok(Value::Object(fields)) = parse_json(input, &arena, Fractions::Double) else {
            return Err(format!("not an object: {input}"));
        };
        let event = Event::from_object(&arena, fields, now);
        let mut out = Vec::new();
        pipeline.run(event, now, &mut worker, &mut |event, _| {
            out.push(whole(event, &arena));
        });
        compare(&out, want)?;
    }
    Ok(())
}

fn compare(got: &[String], want: &[String]) -> Result<(), String> {
    if same(got, want) {
        return Ok(());
    }
    let list = |events: &[String]| events.join("\n         ");
    Err(format!("got:  {}\n   want: {}", list(got), list(want)))
}

/// Small databases for `geoip`, named after their types.
fn make_databases() {
    let v4 = |text: &str, prefix: u32| {
        let address: Ipv4Addr = text.parse().unwrap();
        (Ipv6Addr::from(u128::from(u32::from(address))), prefix + 96)
    };
    let make = |kind: &str, (address, prefix), record: serde_json::Value| {
        let made = mmdb::database(kind, &[(address, prefix, record)]);
        std::fs::write(Path::new(DATABASES).join(format!("{kind}.mmdb")), made).unwrap();
    };
    let names = |name: &str| serde_json::json!({ "en": name, "de": "-" });
    let bonn = serde_json::json!({
        "city": { "names": names("Bonn") },
        "continent": { "code": "EU", "names": names("Europe") },
        "country": { "iso_code": "DE", "names": names("Germany") },
        "location": { "latitude": 50.73, "longitude": 7.1, "time_zone": "Europe/Berlin", "metro_code": 7 },
        "postal": { "code": "53113" },
        "subdivisions": [{ "iso_code": "XX", "names": names("no") }, { "iso_code": "NW", "names": names("North") }],
        "traits": { "autonomous_system_number": 64500, "is_anonymous": true },
    });
    make("GeoLite2-City", v4("192.0.2.0", 24), bonn.clone());
    make("GeoLite2-Country", v4("192.0.2.0", 24), bonn.clone());
    make("GeoIP2-Enterprise", v4("192.0.2.0", 24), bonn);
    let asn = serde_json::json!({
        "autonomous_system_number": 64500, "autonomous_system_organization": "Kelp Farms", "isp": "Sea", "organization": "Weed",
    });
    let documentation = ("2001:db8::".parse().unwrap(), 32);
    make("GeoLite2-ASN", documentation, asn.clone());
    make("GeoIP2-ISP", documentation, asn);
    make(
        "GeoIP2-Domain",
        documentation,
        serde_json::json!({ "domain": "example.org" }),
    );
    make(
        "GeoIP2-Anonymous-IP",
        documentation,
        serde_json::json!({ "is_tor_exit_node": true }),
    );
    make("Unheard-Of", documentation, serde_json::json!({}));
}

/// The files of cases by what they are about, in order, those of both directories together.
fn all_cases() -> BTreeMap<String, Vec<Case>> {
    let mut all: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    for directory in ["filters", "recorded"] {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/cases")
            .join(directory);
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let about = path.file_stem().unwrap().to_string_lossy().into_owned();
            let found = cases(&std::fs::read_to_string(&path).unwrap());
            all.entry(about).or_default().extend(found);
        }
    }
    all
}

#[test]
fn every_case_holds() {
    make_databases();
    let command = std::env::var("KELP_CASES_COMMAND").ok();
    let mut wrong = Vec::new();
    for (about, cases) in all_cases() {
        for case in cases {
            // What lies in @metadata is seen from inside only.
            let seen = |(_, want): &(String, Vec<String>)| !want.concat().contains("@metadata");
            let result = match &command {
                Some(_) if !case.steps.iter().all(seen) || about == "dns" => Ok(()),
                Some(command) => check_command(&case, command),
                None => check(&case),
            };
            if let Err(error) = result {
                wrong.push(format!("{about}: {}\n   {error}", case.name));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn the_table_of_the_cases_is_fresh() {
    let mut table = String::from(
        "# The cases by what they are about\n\nWritten by `UPDATE=1 cargo test -p kelp-parser --test filter_cases`.\n\n\
         | About | Cases | Events in | Refused configurations |\n| --- | ---: | ---: | ---: |\n",
    );
    let mut total = 0;
    for (about, cases) in all_cases() {
        let events: usize = cases.iter().map(|case| case.steps.len()).sum();
        let refused = cases.iter().filter(|case| case.error.is_some()).count();
        total += cases.len();
        table += &format!("| {about} | {} | {events} | {refused} |\n", cases.len());
    }
    table += &format!("| together | {total} | | |\n");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/TABLE.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), table);
    assert!(total >= 600, "only {total} cases");
}

//! The patterns of the benchmarks, and what lines they meet.

use super::lines::{self, Random};
use kelp_parser::grok::PatternSet;

/// A pattern and lines for it.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) set: PatternSet,
    pub(crate) pattern: &'static str,
    /// Makes a line.
    pub(crate) line: fn(&mut Random) -> String,
}

const LOG4J: &str = r"%{TIMESTAMP_ISO8601:ts} %{LOGLEVEL:level} +\[%{DATA:thread}\] %{JAVACLASS:class} - %{GREEDYDATA:msg}";

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "combined legacy",
        set: PatternSet::Legacy,
        pattern: "%{COMBINEDAPACHELOG}",
        line: lines::combined,
    },
    Row {
        name: "combined ecs",
        set: PatternSet::EcsV1,
        pattern: "%{COMBINEDAPACHELOG}",
        line: lines::combined,
    },
    Row {
        name: "syslog",
        set: PatternSet::Legacy,
        pattern: "%{SYSLOGLINE}",
        line: lines::syslog,
    },
    Row {
        name: "syslog 5424",
        set: PatternSet::Legacy,
        pattern: "%{SYSLOG5424LINE}",
        line: lines::syslog5424,
    },
    Row {
        name: "haproxy http",
        set: PatternSet::Legacy,
        pattern: "%{HAPROXYHTTP}",
        line: lines::haproxy,
    },
    Row {
        name: "log4j",
        set: PatternSet::Legacy,
        pattern: LOG4J,
        line: lines::log4j,
    },
    Row {
        name: "s3 legacy",
        set: PatternSet::Legacy,
        pattern: "%{S3_ACCESS_LOG}",
        line: lines::s3,
    },
    Row {
        name: "s3 ecs",
        set: PatternSet::EcsV1,
        pattern: "%{S3_ACCESS_LOG}",
        line: lines::s3,
    },
    Row {
        name: "elb legacy",
        set: PatternSet::Legacy,
        pattern: "%{ELB_ACCESS_LOG}",
        line: lines::elb,
    },
    Row {
        name: "combined, miss at once",
        set: PatternSet::Legacy,
        pattern: "%{COMBINEDAPACHELOG}",
        line: lines::application,
    },
    Row {
        name: "combined, miss late",
        set: PatternSet::Legacy,
        pattern: "%{COMBINEDAPACHELOG}",
        line: lines::common,
    },
    Row {
        name: "combined ecs, miss late",
        set: PatternSet::EcsV1,
        pattern: "%{COMBINEDAPACHELOG}",
        line: lines::common,
    },
];

/// A list as grok's `match` has it; a line of the combined access log matches the tenth, and none before.
#[allow(dead_code)]
pub(crate) const TEN: [&str; 10] = [
    "%{SYSLOG5424LINE}",
    "%{HAPROXYHTTP}",
    LOG4J,
    "%{S3_ACCESS_LOG}",
    "%{ELB_ACCESS_LOG}",
    "%{RAILS3}",
    "%{MONGO3_LOG}",
    "%{REDISLOG}",
    "%{SYSLOGLINE}",
    "%{COMBINEDAPACHELOG}",
];

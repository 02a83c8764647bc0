//! The Prometheus text format.

use std::fmt::Write;

use super::process::resident_bytes;
use super::snapshot::{NodeSnapshot, Snapshot};

/// `GET /metrics`
pub fn render(node: &NodeSnapshot) -> String {
    let mut page = Page::default();
    page.family(
        "kelp_resident_bytes",
        "gauge",
        "Resident memory of the process.",
    );
    page.sample(&[], resident_bytes() as f64);
    reloads(&mut page, node);
    pipelines(&mut page, node);
    lags(&mut page, node);
    inputs(&mut page, node);
    filters(&mut page, node);
    filter_parts(&mut page, node);
    outputs(&mut page, node);
    page.text
}

fn reloads(page: &mut Page, node: &NodeSnapshot) {
    let families = [
        (
            "kelp_reload_successes_total",
            "Pipelines replaced by a reload.",
            node.reloads.successes,
        ),
        (
            "kelp_reload_failures_total",
            "Pipelines that a reload left as they were.",
            node.reloads.failures,
        ),
    ];
    for (name, help, count) in families {
        page.family(name, "counter", help);
        page.sample(&[], count as f64);
    }
}

fn pipelines(page: &mut Page, node: &NodeSnapshot) {
    type Read = fn(&Snapshot) -> f64;
    let families: [(&'static str, &str, &str, Read); 5] = [
        (
            "kelp_uptime_seconds",
            "gauge",
            "Seconds since the pipeline started.",
            |pipeline| pipeline.started.elapsed().as_secs_f64(),
        ),
        (
            "kelp_events_in_total",
            "counter",
            "Events made of records.",
            |pipeline| pipeline.totals.events_in as f64,
        ),
        (
            "kelp_events_out_total",
            "counter",
            "Events that left the filters.",
            |pipeline| pipeline.totals.events_out as f64,
        ),
        (
            "kelp_dead_letters_total",
            "counter",
            "Documents among the dead letters.",
            |pipeline| pipeline.dead_letters as f64,
        ),
        (
            "kelp_dead_letters_dropped_total",
            "counter",
            "Documents that the full dead letters had no room for, where `drop_newer` says to drop them.",
            |pipeline| pipeline.dead_letters_dropped as f64,
        ),
    ];
    for (name, kind, help, read) in families {
        page.family(name, kind, help);
        for pipeline in &node.pipelines {
            page.sample(&[("pipeline", &pipeline.pipeline_id)], read(pipeline));
        }
    }
}

/// The parts of all pipelines, each with the id of its own.
fn parts<'n, T: 'n>(
    node: &'n NodeSnapshot,
    of: impl Fn(&'n Snapshot) -> &'n [T],
) -> impl Iterator<Item = (&'n str, &'n T)> {
    let pipelines = node.pipelines.iter();
    pipelines.flat_map(move |pipeline| {
        let id = pipeline.pipeline_id.as_str();
        of(pipeline).iter().map(move |part| (id, part))
    })
}

#[derive(Default)]
struct Page {
    text: String,
    name: &'static str,
}

impl Page {
    fn family(&mut self, name: &'static str, kind: &str, help: &str) {
        self.name = name;
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, labels: &[(&str, &str)], value: f64) {
        self.text.push_str(self.name);
        for (at, (name, value)) in labels.iter().enumerate() {
            let escaped = value
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            let open = if at == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{open}{name}=\"{escaped}\"");
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

fn lags(page: &mut Page, node: &NodeSnapshot) {
    type Read = fn(&kelp_ingest::PartitionStats) -> Option<i64>;
    let families: [(&'static str, &str, Read); 2] = [
        (
            "kelp_consumer_lag",
            "Records of a partition not consumed yet.",
            |partition| partition.lag(),
        ),
        (
            "kelp_committed_lag",
            "Records of a partition not committed yet.",
            |partition| partition.committed_lag(),
        ),
    ];
    for (name, help, read) in families {
        page.family(name, "gauge", help);
        for (pipeline, input) in parts(node, |pipeline| &pipeline.inputs) {
            for partition in &input.stats.partitions {
                let Some(lag) = read(partition) else { continue };
                let labels = [
                    ("pipeline", pipeline),
                    ("input", input.id.as_str()),
                    ("topic", &partition.topic),
                    ("partition", &partition.partition.to_string()),
                ];
                page.sample(&labels, lag as f64);
            }
        }
    }
}

fn inputs(page: &mut Page, node: &NodeSnapshot) {
    type Read = fn(&kelp_ingest::SourceStats) -> f64;
    let families: [(&'static str, &str, &str, Read); 13] = [
        (
            "kelp_consumed_records_total",
            "counter",
            "Records consumed.",
            |stats| stats.consumed_records as f64,
        ),
        (
            "kelp_consumed_bytes_total",
            "counter",
            "Bytes consumed.",
            |stats| stats.consumed_bytes as f64,
        ),
        (
            "kelp_in_flight_bytes",
            "gauge",
            "Bytes in flight.",
            |stats| stats.in_flight_bytes as f64,
        ),
        (
            "kelp_input_unreachable",
            "gauge",
            "1 while none of the input's servers can be reached.",
            |stats| f64::from(u8::from(stats.is_unreachable)),
        ),
        (
            "kelp_offset_resets_total",
            "counter",
            "How often an offset was not there any more.",
            |stats| stats.offset_resets as f64,
        ),
        (
            "kelp_skipped_records_total",
            "counter",
            "Records that were gone before they were consumed.",
            |stats| stats.skipped_records as f64,
        ),
        (
            "kelp_repeated_records_total",
            "counter",
            "Records read again, as the offset went back.",
            |stats| stats.repeated_records as f64,
        ),
        (
            "kelp_rebalances_total",
            "counter",
            "Rebalances of the consumer group.",
            |stats| stats.rebalances as f64,
        ),
        (
            "kelp_lost_partitions_total",
            "counter",
            "Partitions taken away without notice, as a member was taken for gone.",
            |stats| stats.lost_partitions as f64,
        ),
        (
            "kelp_abandoned_records_total",
            "counter",
            "Records in flight when their partition was taken away, which its new owner consumes again.",
            |stats| stats.abandoned_records as f64,
        ),
        (
            "kelp_revoking_seconds_total",
            "counter",
            "Seconds for which partitions that were to be taken away were kept for what was in flight.",
            |stats| stats.revoking_time.as_secs_f64(),
        ),
        (
            "kelp_commit_failures_total",
            "counter",
            "Commits refused or lost.",
            |stats| stats.commit_failures as f64,
        ),
        (
            "kelp_stalled_seconds_total",
            "counter",
            "Seconds spent waiting for outputs.",
            |stats| stats.stalled_time.as_secs_f64(),
        ),
    ];
    for (name, kind, help, read) in families {
        page.family(name, kind, help);
        for (pipeline, input) in parts(node, |pipeline| &pipeline.inputs) {
            page.sample(
                &[("pipeline", pipeline), ("input", &input.id)],
                read(&input.stats),
            );
        }
    }
}

fn filters(page: &mut Page, node: &NodeSnapshot) {
    type Read = fn(&kelp_parser::pipeline::FilterCounters) -> f64;
    let families: [(&'static str, &str, Read); 4] = [
        (
            "kelp_filter_events_in_total",
            "Events that reached a filter.",
            |counters| counters.events_in as f64,
        ),
        (
            "kelp_filter_events_out_total",
            "Events that left a filter.",
            |counters| counters.events_out as f64,
        ),
        (
            "kelp_filter_matches_total",
            "Events on which a filter succeeded.",
            |counters| counters.matched as f64,
        ),
        (
            "kelp_filter_busy_seconds_total",
            "How long a filter took, measured for one in many events.",
            |counters| counters.busy_nanos as f64 / 1e9,
        ),
    ];
    for (name, help, read) in families {
        page.family(name, "counter", help);
        for (pipeline, filter) in parts(node, |pipeline| &pipeline.filters) {
            page.sample(
                &[
                    ("pipeline", pipeline),
                    ("id", &filter.id),
                    ("plugin", filter.name),
                ],
                read(&filter.counters),
            );
        }
    }
}

/// How much of a part's text is its label, in characters.
const LABEL_CHARS: usize = 80;

fn filter_parts(page: &mut Page, node: &NodeSnapshot) {
    let parts = || {
        let filters = parts(node, |pipeline| &pipeline.filters);
        filters.flat_map(|(pipeline, filter)| {
            let parts = filter.parts.iter().enumerate();
            parts.map(move |(at, part)| {
                let of: String = part.of.chars().take(LABEL_CHARS).collect();
                (pipeline, filter.id.as_str(), at.to_string(), of, part)
            })
        })
    };
    page.family(
        "kelp_filter_part_total",
        "counter",
        "What a filter counts of its parts, such as the patterns of grok.",
    );
    for (pipeline, id, number, of, part) in parts() {
        for (what, count) in &part.counts {
            let labels = [
                ("pipeline", pipeline),
                ("id", id),
                ("part", &number),
                ("of", &of),
                ("what", what),
            ];
            page.sample(&labels, *count as f64);
        }
    }
    page.family(
        "kelp_grok_stopped_total",
        "counter",
        "In which sub-pattern a pattern stopped, of the few missed lines that are looked at each second.",
    );
    for (pipeline, id, number, of, part) in parts() {
        for (place, count) in part.stops.iter().flat_map(|stops| &stops.places) {
            let labels = [
                ("pipeline", pipeline),
                ("id", id),
                ("part", &number),
                ("of", &of),
                ("in", place),
            ];
            page.sample(&labels, *count as f64);
        }
    }
}

fn outputs(page: &mut Page, node: &NodeSnapshot) {
    type Read = fn(&kelp_sink::OutputStats) -> u64;
    let families: [(&'static str, &str, &str, Read); 8] = [
        (
            "kelp_output_documents_total",
            "counter",
            "Documents written by workers.",
            |stats| stats.documents,
        ),
        (
            "kelp_output_acknowledged_total",
            "counter",
            "Documents acknowledged.",
            |stats| stats.acknowledged,
        ),
        (
            "kelp_output_duplicates_total",
            "counter",
            "Documents that were there already.",
            |stats| stats.duplicates,
        ),
        (
            "kelp_output_dead_letters_total",
            "counter",
            "Documents that went to the dead letters.",
            |stats| stats.dead_letters,
        ),
        (
            "kelp_output_retries_total",
            "counter",
            "Attempts that had to be repeated.",
            |stats| stats.retries,
        ),
        (
            "kelp_output_requests_total",
            "counter",
            "Requests sent.",
            |stats| stats.requests,
        ),
        (
            "kelp_output_request_milliseconds_total",
            "counter",
            "Time spent waiting for answers.",
            |stats| stats.request_ms,
        ),
        (
            "kelp_output_in_flight",
            "gauge",
            "Documents on their way.",
            |stats| stats.in_flight,
        ),
    ];
    for (name, kind, help, read) in families {
        page.family(name, kind, help);
        for (pipeline, output) in parts(node, |pipeline| &pipeline.outputs) {
            page.sample(
                &[
                    ("pipeline", pipeline),
                    ("id", &output.id),
                    ("plugin", &output.name),
                ],
                read(&output.stats) as f64,
            );
        }
    }
}

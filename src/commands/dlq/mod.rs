//! `kelp dlq`: what lies among the dead letters, and what is to become of it.

mod list;
mod replay;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use kelp_sink::dead_letter::{Entry, Position, ReadError, Reader, purge, segments};

use crate::cli::{ConfigArgs, RunArgs};
use crate::dead_letters::{Choice, since};
use crate::settings::{PipelineSettings, Settings};
use crate::stdout::print_line;

/// `kelp dlq`
#[derive(Args, Debug)]
pub struct DlqArgs {
    /// What to do.
    #[command(subcommand)]
    command: DlqCommand,

    /// Where they are.
    #[command(flatten)]
    place: PlaceArgs,
}

/// What can be done with dead letters.
#[derive(Debug, Subcommand)]
enum DlqCommand {
    /// List them, one in each line: id, time, origin, reason.
    List(ListArgs),
    /// Print them in full, as JSON.
    Show(ChoiceArgs),
    /// Send their original messages again: to their topic or another one, or through a pipeline (-f). They stay until they are purged.
    Replay(Box<ReplayArgs>),
    /// Delete them.
    Purge(PurgeArgs),
}

#[derive(Args, Debug)]
struct PlaceArgs {
    /// The directory that holds them [default: that of the settings, else data/dead_letter_queue].
    #[arg(long = "path", value_name = "DIR", global = true)]
    letters: Option<PathBuf>,

    /// Whose: the pipeline's id [default: main].
    #[arg(long, value_name = "ID", global = true)]
    pipeline: Option<String>,

    /// The directory that holds logstash.yml.
    #[arg(long = "path.settings", value_name = "DIR", global = true)]
    settings: Option<PathBuf>,

    /// Where kelp keeps its state [default: data].
    #[arg(long = "path.data", value_name = "DIR", global = true)]
    data: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct ChoiceArgs {
    /// Only these, named as `kelp dlq list` does.
    #[arg(value_name = "ID", value_parser = parse_id)]
    ids: Vec<Position>,

    /// Only those with a reason of this type, such as document_parsing_exception.
    #[arg(long, value_name = "TYPE")]
    reason: Option<String>,

    /// Only those of messages of this topic.
    #[arg(long = "from-topic", value_name = "TOPIC")]
    topic: Option<String>,

    /// Only those from this time on, as in 2026-11-25T14:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    since: Option<String>,
}

#[derive(Args, Debug)]
struct ListArgs {
    #[command(flatten)]
    choice: ChoiceArgs,

    /// At most so many.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    /// How many there are of each reason, instead of each one.
    #[arg(long)]
    summary: bool,
}

#[derive(Args, Debug)]
struct ReplayArgs {
    #[command(flatten)]
    choice: ChoiceArgs,

    /// A pipeline that they are to go through, instead of a topic; ids are the same as the first time.
    #[command(flatten)]
    config: ConfigArgs,

    /// The brokers to write to.
    #[arg(
        long,
        env = "KAFKA",
        value_name = "HOST:PORT",
        required_unless_present_any = ["path", "text"]
    )]
    kafka: Option<String>,

    /// The topic to write to [default: each message's own].
    #[arg(long = "topic", value_name = "TOPIC")]
    to_topic: Option<String>,

    /// A property of librdkafka, such as security.protocol=SSL; may be given several times.
    #[arg(short = 'X', value_name = "NAME=VALUE", value_parser = parse_property)]
    properties: Vec<(String, String)>,
}

#[derive(Args, Debug)]
struct PurgeArgs {
    /// Do it; otherwise it is only said what would be deleted.
    #[arg(long)]
    yes: bool,
}

/// Why a command failed.
type Failure = Box<dyn std::error::Error>;

/// A pipeline's store, and the settings that it was found by.
struct Place {
    settings: Settings,
    directory: PathBuf,
}

/// Runs the command.
pub fn run(args: DlqArgs) -> ExitCode {
    let done = Place::find(args.place).and_then(|place| match args.command {
        DlqCommand::List(args) => list::list(&place, args),
        DlqCommand::Show(choice) => list::show(&place, choice),
        DlqCommand::Replay(args) => replay::run(place, *args),
        DlqCommand::Purge(args) => purge_all(&place, &args),
    });
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Place {
    fn find(args: PlaceArgs) -> Result<Self, Failure> {
        let mut settings = Settings::load(RunArgs {
            settings: args.settings,
            data: args.data,
            ..RunArgs::default()
        })?;
        if args.letters.is_none() {
            settings.pipeline = Self::pipeline(&settings, args.pipeline.as_deref())?;
        }
        if let (None, Some(topic)) = (&args.letters, &settings.pipeline.dead_letters.topic) {
            return Err(format!(
                "the dead letters go to the topic `{}` (kelp.dead_letters.topic): any consumer of Kafka reads them, and their payload, key and headers are the original's; --path names the directory of older ones",
                topic.name
            )
            .into());
        }
        if let Some(path) = args.letters {
            settings.pipeline.dead_letters.path = path;
        }
        if let Some(pipeline) = args.pipeline {
            settings.pipeline.id = pipeline;
        }
        let pipeline = &settings.pipeline;
        let directory = pipeline.dead_letters.path.join(&pipeline.id);
        if !directory.is_dir() {
            return Err(format!(
                "there is no `{}`; name the directory of all dead letters with --path, the pipeline with --pipeline",
                directory.display()
            )
            .into());
        }
        Ok(Self {
            settings,
            directory,
        })
    }

    /// The settings of the pipeline that is meant: the one of this id, else the only one, else `main`. One that `pipelines.yml`
    /// lists no more may still have dead letters where they usually are.
    fn pipeline(settings: &Settings, id: Option<&str>) -> Result<PipelineSettings, Failure> {
        let mut all = settings.pipelines()?;
        let is_meant = |one: &PipelineSettings| one.id == id.unwrap_or("main");
        Ok(match all.iter().position(is_meant) {
            Some(at) => all.swap_remove(at),
            None if id.is_none() && all.len() == 1 => all.swap_remove(0),
            None => settings.pipeline.clone(),
        })
    }

    /// Calls `each` with the entries that are chosen, until it says that it is enough.
    fn each(
        &self,
        choice: &Choice,
        mut each: impl FnMut(Position, Entry) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let mut reader = Reader::new(&self.directory, Position::default());
        loop {
            match reader.next_entry() {
                Ok(None) => return Ok(()),
                Ok(Some((at, entry))) => {
                    if choice.contains(at, &entry) && !each(at, entry)? {
                        return Ok(());
                    }
                }
                // The line was passed over.
                Err(error @ ReadError::Entry { .. }) => eprintln!("warning: {error}"),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl From<ChoiceArgs> for Choice {
    fn from(args: ChoiceArgs) -> Self {
        Self {
            positions: args.ids,
            reason: args.reason,
            topic: args.topic,
            since: args.since,
        }
    }
}

fn purge_all(place: &Place, args: &PurgeArgs) -> Result<ExitCode, Failure> {
    let size = |all: &[_]| -> u64 {
        let bytes = all
            .iter()
            .map(|segment: &kelp_sink::dead_letter::Segment| segment.bytes);
        bytes.sum()
    };
    let all = segments(&place.directory)?;
    if !args.yes {
        print_line!(
            "{} bytes in `{}` would be deleted; --yes does it",
            size(&all),
            place.directory.display()
        );
        return Ok(ExitCode::FAILURE);
    }
    let deleted = size(&purge(&place.directory)?);
    print_line!("{deleted} bytes deleted");
    let left = size(&segments(&place.directory)?);
    if left > 0 {
        print_line!("{left} bytes stay: a running kelp writes to their file");
    }
    Ok(ExitCode::SUCCESS)
}

fn id(at: Position) -> String {
    format!("{:06}:{}", at.segment, at.offset)
}

fn parse_id(text: &str) -> Result<Position, String> {
    let parsed = text.split_once(':').and_then(|(segment, offset)| {
        Some(Position {
            segment: segment.parse().ok()?,
            offset: offset.parse().ok()?,
        })
    });
    parsed.ok_or_else(|| "an id is as in 000001:0; `kelp dlq list` shows them".to_owned())
}

fn parse_since(text: &str) -> Result<String, String> {
    since(text).ok_or_else(|| "a time is as in 2026-11-25T14:00:00Z".to_owned())
}

fn parse_property(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("a property is as in security.protocol=SSL")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_that_of_the_pipeline() {
        let folder = std::env::temp_dir().join(format!("kelp-dlq-place-{}", std::process::id()));
        let own = folder.join("own");
        for directory in [own.join("one"), folder.join("data/dead_letter_queue/two")] {
            std::fs::create_dir_all(directory).unwrap();
        }
        let pipelines = format!(
            "- {{pipeline.id: one, config.string: x, path.dead_letter_queue: '{}'}}\n- {{pipeline.id: two, config.string: x}}\n",
            own.display()
        );
        std::fs::write(folder.join("pipelines.yml"), pipelines).unwrap();
        let find = |pipeline: &str| {
            let place = Place::find(PlaceArgs {
                letters: None,
                pipeline: Some(pipeline.to_owned()),
                settings: Some(folder.clone()),
                data: Some(folder.join("data")),
            });
            place.map(|place| place.directory)
        };
        assert_eq!(find("one").unwrap(), own.join("one"));
        let usual = folder.join("data/dead_letter_queue/two");
        assert_eq!(find("two").unwrap(), usual);
        let error = find("three").unwrap_err().to_string();
        assert!(error.contains("dead_letter_queue/three"), "{error}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}

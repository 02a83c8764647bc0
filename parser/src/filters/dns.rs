//! `dns`: names to addresses and addresses to names (source: logstash-filter-dns).

mod cache;
mod nameserver;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use self::cache::Cache;
use self::nameserver::read_servers;
use crate::event::{Array, Event, FieldRef, Value, intern};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::plugin_choice;
use crate::plugin_options;
use crate::resolver::{LookupError, Resolver, ResolverSettings, Servers};
use crate::spec::{Any, PositiveInt, Settings};
use crate::time::Timestamp;

plugin_options! {
    /// Asks name servers for the addresses of names, and for the names of addresses.
    ///
    /// The worker that has the event waits for the answer, so set the caches: they are shared by all workers.
    /// The filter ends at the first field for which there is no answer; the fields before it are changed, the common options do not
    /// apply.
    pub struct DnsOptions for Filter "dns" {
        /// Fields with names, to which addresses are found. Each holds one text, or a list of one.
        resolve: Vec<FieldRef<'static>> = [],
        /// Fields with addresses, to which names are found.
        reverse: Vec<FieldRef<'static>> = [],
        /// Whether what is found takes the place of the value, or both make a list.
        action: Action = "append",
        /// The servers to ask: one or several addresses, such as `192.0.2.1` or `192.0.2.1:5353`, or a hash of `address`, `search`
        /// (domains to look for names in) and `ndots`. Without it those of `/etc/resolv.conf`.
        nameserver: Option<Any>,
        /// How many seconds to wait for the answer of a server.
        timeout: f64 = 0.5,
        /// How often to ask again where no server answered.
        max_retries: PositiveInt = 2,
        /// How many answers are kept; 0 for none.
        hit_cache_size: PositiveInt = 0,
        /// How many seconds an answer is kept.
        hit_cache_ttl: f64 = 60.0,
        /// How many names and addresses without an answer are kept; 0 for none.
        failed_cache_size: PositiveInt = 0,
        /// How many seconds a name or address without an answer is not asked for again.
        failed_cache_ttl: f64 = 5.0,
        /// Files like `/etc/hosts`, which are looked at before it. With them, and without `nameserver`, no server is asked.
        hostsfile: Vec<String> = [],
        /// Tags for events for which no server answered in time.
        tag_on_timeout: Vec<String> = ["_dnstimeout"],
    }
}

plugin_choice! {
    /// What becomes of the value of a field.
    pub enum Action {
        /// It makes a list with what is found.
        Append = "append",
        /// What is found takes its place.
        Replace = "replace",
    }
}

/// Asks for names and addresses.
pub struct Dns {
    options: DnsOptions,
    /// `None` where a configuration is only looked at.
    resolver: Option<Box<dyn Resolver>>,
    hits: Option<Cache<Box<str>>>,
    failures: Option<Cache<()>>,
    tags: Vec<&'static str>,
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Question {
    Address,
    Name,
}

/// Longer waits than a day are not meant.
const TIMEOUT_MAX: f64 = 86_400.0;

impl BuildFilter for Dns {
    type Options = DnsOptions;

    fn build(
        options: DnsOptions,
        settings: &mut Settings<'_>,
        context: &BuildContext,
    ) -> Option<Self> {
        let servers = match &options.nameserver {
            Some(given) => read_servers(&given.0, settings)?,
            None if options.hostsfile.is_empty() => Servers::System,
            None => Servers::None,
        };
        for name in ["timeout", "hit_cache_ttl", "failed_cache_ttl"] {
            let seconds = match name {
                "timeout" => options.timeout,
                "hit_cache_ttl" => options.hit_cache_ttl,
                _ => options.failed_cache_ttl,
            };
            if !(0.0..=TIMEOUT_MAX).contains(&seconds) || name == "timeout" && seconds == 0.0 {
                let message = format!("`{name}` is in seconds, up to {TIMEOUT_MAX}");
                settings.report(settings.span_of(name), message);
                return None;
            }
        }
        let hosts_files: Vec<PathBuf> = options.hostsfile.iter().map(PathBuf::from).collect();
        for path in hosts_files.iter().filter(|path| !path.is_file()) {
            let message = format!("there is no file `{}`", path.display());
            settings.warn(settings.span_of("hostsfile"), message);
        }
        let resolver = context.resolver.map(|open| {
            open(ResolverSettings {
                hosts_files,
                servers,
                timeout: Duration::from_secs_f64(options.timeout),
            })
        });
        Some(Self {
            resolver,
            hits: Cache::new(options.hit_cache_size.0, options.hit_cache_ttl),
            failures: Cache::new(options.failed_cache_size.0, options.failed_cache_ttl),
            tags: options
                .tag_on_timeout
                .iter()
                .map(|tag| intern(tag))
                .collect(),
            options,
        })
    }
}

impl Filter for Dns {
    fn apply<'a>(&self, event: &mut Event<'a>, context: &mut Context<'a, '_>) -> Outcome {
        let resolve = self.options.resolve.iter();
        let reverse = self.options.reverse.iter();
        let all = resolve
            .map(|field| (*field, Question::Address))
            .chain(reverse.map(|field| (*field, Question::Name)));
        for (field, question) in all {
            if self
                .answer_field(field, question, event, context.now)
                .is_none()
            {
                return Outcome::Unmatched;
            }
        }
        Outcome::Matched
    }
}

impl Dns {
    /// Changes a field; `None` where there is no answer. A missing field needs none.
    fn answer_field(
        &self,
        field: FieldRef<'static>,
        question: Question,
        event: &mut Event<'_>,
        now: Timestamp,
    ) -> Option<()> {
        let (asked, is_list) = match event.get(field) {
            None | Some(Value::Null) => return Some(()),
            Some(Value::Str(text)) => (*text, false),
            Some(Value::Array(values)) => match values.as_slice() {
                [Value::Str(text)] => (*text, true),
                _ => return None,
            },
            Some(_) => return None,
        };
        let answer = match self.answer(asked, question, now) {
            Ok(answer) => answer?,
            Err(LookupError::Timeout) => {
                self.tags.iter().for_each(|tag| event.tag(tag));
                return None;
            }
            Err(_) => return None,
        };
        let arena = event.arena();
        let answer = Value::Str(arena.alloc_str(&answer));
        let value = match self.options.action {
            Action::Replace if !is_list => answer,
            action => {
                let mut list = Array::with_capacity_in(2, arena);
                if action == Action::Append {
                    list.push(Value::Str(asked));
                }
                list.push(answer);
                Value::Array(list)
            }
        };
        event.try_set(field, value).then_some(())
    }

    /// The answer from a cache or from a server; `None` where there is none.
    fn answer(
        &self,
        asked: &str,
        question: Question,
        now: Timestamp,
    ) -> Result<Option<Box<str>>, LookupError> {
        let address = match question {
            Question::Address => None,
            Question::Name => match asked.parse() {
                Ok(address) => Some(address),
                Err(_) => return Ok(None),
            },
        };
        let key = (question == Question::Name, asked);
        let failures = self.failures.as_ref();
        if failures.is_some_and(|failures| failures.get(key, now).is_some()) {
            return Ok(None);
        }
        if let Some(known) = self.hits.as_ref().and_then(|hits| hits.get(key, now)) {
            return Ok(Some(known));
        }
        let answer = self.ask_again(asked, address);
        match &answer {
            Ok(Some(answer)) => {
                if let Some(hits) = &self.hits {
                    hits.put(key, answer.clone(), now);
                }
            }
            Ok(None) | Err(LookupError::Timeout) => {
                if let Some(failures) = failures {
                    failures.put(key, (), now);
                }
            }
            Err(_) => {}
        }
        answer
    }

    /// Asks, and asks again where no server answered.
    fn ask_again(
        &self,
        name: &str,
        address: Option<IpAddr>,
    ) -> Result<Option<Box<str>>, LookupError> {
        let Some(resolver) = &self.resolver else {
            return Ok(None);
        };
        let mut retries = self.options.max_retries.0;
        loop {
            let answer = match address {
                Some(address) => resolver.name_of(address),
                // An address is its own.
                None if name.parse::<IpAddr>().is_ok() => Ok(Some(name.to_owned())),
                None => resolver.address_of(name),
            };
            match answer {
                Err(LookupError::Timeout | LookupError::Unreachable(_)) if retries > 0 => {
                    retries -= 1;
                }
                Ok(answer) => return Ok(answer.map(String::into_boxed_str)),
                Err(error) => return Err(error),
            }
        }
    }
}

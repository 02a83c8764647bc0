//! `geoip`: says where an address is, from a MaxMind database (source: logstash-filter-geoip).

mod database;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use crate::event::{Event, FieldRef, Object, Value, intern};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::plugin_options;
use crate::spec::{FieldName, Settings};
use database::{Database, Field};

plugin_options! {
    /// Looks an address up in a MaxMind database.
    ///
    /// Databases of the types City, Country, ASN, ISP, Domain, Enterprise and Anonymous IP are read. With ECS what is
    /// found goes to `geo`, `as` and `mmdb` below the target, else to names such as `country_name`. An address that
    /// is not in the database adds a tag, and so do names of hosts: they are not resolved.
    pub struct GeoipOptions for Filter "geoip" {
        /// The field that holds the address; of a list the first counts.
        source: String,
        /// The path of the database. None comes with the program: without it, `GeoLite2-City.mmdb` or another of
        /// `default_database_type` is looked for where `geoipupdate` puts them (`/usr/share/GeoIP`, `/var/lib/GeoIP`,
        /// `/usr/local/share/GeoIP`), or in the directory that the setting `kelp.geoip.directory` names.
        database: Option<PathBuf>,
        /// Which database is looked for where `database` is not set.
        default_database_type: DatabaseType = "City",
        /// What to take from the database, as in `city_name` or `location`; by default what is useful of its type.
        fields: Option<Vec<String>>,
        /// The field to put the findings in. Without ECS it is `geoip`; with ECS what the `[ip]` of `source` lies in.
        target: Option<String>,
        /// Has no effect: the database is in memory, and every event looks its address up there.
        cache_size: i64 = 1000,
        /// Tags added when there is no address or the database does not have it.
        tag_on_failure: Vec<String> = ["_geoip_lookup_failure"],
    }
}

crate::plugin_choice! {
    /// The databases that Logstash brings.
    pub enum DatabaseType {
        /// Cities.
        City = "City",
        /// Autonomous systems.
        Asn = "ASN",
    }
}

/// Looks an address up in a MaxMind database.
pub struct Geoip {
    source: FieldName,
    target: FieldName,
    /// What to look for and where below the target it goes.
    fields: Vec<(Field, Option<&'static [&'static str]>)>,
    database: Database,
    failure_tags: Vec<&'static str>,
}

impl BuildFilter for Geoip {
    type Options = GeoipOptions;

    fn build(
        options: GeoipOptions,
        settings: &mut Settings<'_>,
        context: &BuildContext,
    ) -> Option<Self> {
        // Accepted, and of no effect.
        let _ = options.cache_size;
        let ecs = context.ecs.is_enabled();
        let target = match (&options.target, options.source.strip_suffix("[ip]")) {
            (Some(target), _) => target.clone(),
            (None, _) if !ecs => "geoip".to_owned(),
            (None, Some(parent)) if !parent.is_empty() => parent.to_owned(),
            (None, _) => {
                let span = settings.span_of("source");
                let message = "with ECS `geoip` needs a `target`, unless `source` ends with [ip], as in [client][ip]";
                settings.report(span, message);
                return None;
            }
        };
        let kind = options.default_database_type;
        let directories = &context.geoip_directories;
        let Some(path) = options.database.or_else(|| find(kind, directories)) else {
            let span = settings.span_of("database");
            let message = "`geoip` needs the option `database`: the path of a MaxMind database";
            settings.report(span, message).help = Some(missing(kind, directories));
            return None;
        };
        let database = match Database::open(&path) {
            Ok(database) => database,
            Err(error) => {
                let span = settings.span_of("database");
                let path = path.display();
                settings.report(span, format!("cannot use the database `{path}`: {error}"));
                return None;
            }
        };
        let fields = match options.fields.filter(|fields| !fields.is_empty()) {
            Some(names) => read_fields(&names, settings)?,
            None => database.default_fields(ecs),
        };
        let span = settings.span_of("source");
        let source = FieldName::of(&options.source, span, settings);
        let span = settings.span_of("target");
        let path_of = |field: Field| {
            let path = if ecs {
                field.ecs_path()
            } else {
                field.legacy_path()
            };
            (field, path)
        };
        Some(Self {
            source,
            target: FieldName::of(&target, span, settings),
            fields: fields
                .into_iter()
                .filter(|field| database.has(*field))
                .map(path_of)
                .collect(),
            database,
            failure_tags: options
                .tag_on_failure
                .iter()
                .map(|tag| intern(tag))
                .collect(),
        })
    }
}

/// The database of that type in the first directory that has one: the free one, else the one that is sold.
fn find(kind: DatabaseType, directories: &[PathBuf]) -> Option<PathBuf> {
    let mut places = directories
        .iter()
        .flat_map(|directory| kind.files().map(|file| directory.join(file)));
    places.find(|path| path.is_file())
}

/// What to do where there is none.
fn missing(kind: DatabaseType, directories: &[PathBuf]) -> String {
    let [file, _] = kind.files();
    let places: Vec<_> = directories
        .iter()
        .map(|it| it.display().to_string())
        .collect();
    format!(
        "no database comes with Kelp: get MaxMind's `{file}` with `geoipupdate` and write `database => \"/path/{file}\"`, or put it in {}",
        places.join(" or ")
    )
}

impl DatabaseType {
    fn files(self) -> [&'static str; 2] {
        match self {
            Self::City => ["GeoLite2-City.mmdb", "GeoIP2-City.mmdb"],
            Self::Asn => ["GeoLite2-ASN.mmdb", "GeoIP2-ASN.mmdb"],
        }
    }
}

/// The fields of those names, each once and in the order in which Logstash sets them.
fn read_fields(names: &[String], settings: &mut Settings<'_>) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    for name in names {
        let Some(field) = Field::named(&name.to_uppercase()) else {
            let span = settings.span_of("fields");
            let known: Vec<_> = Field::ALL
                .iter()
                .map(|field| field.name().to_lowercase())
                .collect();
            let message = format!("there is no field `{name}`; there are {}", known.join(", "));
            settings.report(span, message);
            return None;
        };
        fields.push(field);
    }
    fields.sort_unstable();
    fields.dedup();
    Some(fields)
}

impl Filter for Geoip {
    fn apply<'a>(&self, event: &mut Event<'a>, _: &mut Context<'a, '_>) -> Outcome {
        if self.look_up(event).is_some() {
            return Outcome::Matched;
        }
        event.tag_all(&self.failure_tags);
        Outcome::Unmatched
    }

    fn failure_tags(&self) -> &[&'static str] {
        &self.failure_tags
    }
}

impl Geoip {
    /// `None` where nothing was found.
    fn look_up(&self, event: &mut Event<'_>) -> Option<()> {
        let source = self.source.0.resolve(event).ok()?;
        let text = match event.get(source)? {
            Value::Str(text) => *text,
            Value::Array(values) => values.first()?.as_str()?,
            _ => return None,
        };
        if text.trim().is_empty() {
            return None;
        }
        let target = self.target.0.resolve(event).ok()?;
        let arena = event.arena();
        if matches!(event.get(target), None | Some(Value::Null)) {
            event.set(target, Value::Object(Object::new(arena))).ok()?;
        }
        let address = parse_address(text)?;
        let record = self.database.look_up(address)?;
        let mut found = false;
        for (field, path) in &self.fields {
            let Some(value) = record.value(*field, arena) else {
                continue;
            };
            found = true;
            // Some fields have no place in ECS.
            if let Some(path) = path {
                set_below(event, target, path, value)?;
            }
        }
        found.then_some(())
    }
}

/// Sets a field below another.
fn set_below<'a>(
    event: &mut Event<'a>,
    parent: FieldRef<'a>,
    path: &[&'static str],
    value: Value<'a>,
) -> Option<()> {
    let arena = event.arena();
    let mut at = event.get_mut(parent)?;
    for segment in path {
        let object = match at {
            Value::Object(object) => object,
            // As everywhere, what is set below a list under a name is lost.
            Value::Array(_) => return Some(()),
            _ => return None,
        };
        at = object.entry(segment, || Value::Object(Object::new(arena)));
    }
    *at = value;
    Some(())
}

/// An address as Java reads it: also in brackets, with a zone, or as IPv4 in IPv6.
fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    let address = match text.split_once('%') {
        Some((address, _)) => IpAddr::V6(address.parse().ok()?),
        None => match parse_ipv4(text) {
            Some(address) => IpAddr::V4(address),
            None => IpAddr::V6(text.parse().ok()?),
        },
    };
    Some(address.to_canonical())
}

/// An IPv4 address as `InetAddress.getByName` reads it: decimal with zeros in front or without, and of fewer parts, of which the
/// last one fills what is left.
fn parse_ipv4(text: &str) -> Option<Ipv4Addr> {
    if text.len() > 15 {
        return None;
    }
    let mut address = 0_u32;
    let mut parts = text.split('.');
    let last = parts.next_back()?;
    let mut left = 4_u32;
    for part in parts {
        left = left.checked_sub(1).filter(|left| *left > 0)?;
        address = address << 8 | u32::from(u8::try_from(decimal(part)?).ok()?);
    }
    let last = decimal(last).filter(|last| *last < 1 << (8 * left))?;
    let before = u64::from(address) << (8 * left);
    u32::try_from(before | last).ok().map(Ipv4Addr::from_bits)
}

fn decimal(digits: &str) -> Option<u64> {
    let all = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| digits.parse().ok())?
}

/// An address as Java prints it: IPv6 in full.
fn address_text(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => full_text(address),
    }
}

fn full_text(address: Ipv6Addr) -> String {
    let groups: Vec<String> = address
        .segments()
        .iter()
        .map(|group| format!("{group:x}"))
        .collect();
    groups.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_found_in_the_first_directory_that_has_one() {
        let root = std::env::temp_dir().join(format!("kelp-geoip-{}", std::process::id()));
        let directories = ["none", "sold", "free"].map(|name| root.join(name));
        for (directory, file) in [("sold", "GeoIP2-City.mmdb"), ("free", "GeoLite2-City.mmdb")] {
            std::fs::create_dir_all(root.join(directory)).unwrap();
            std::fs::write(root.join(directory).join(file), "").unwrap();
        }
        let found = find(DatabaseType::City, &directories);
        assert_eq!(found, Some(root.join("sold/GeoIP2-City.mmdb")));
        assert_eq!(find(DatabaseType::Asn, &directories), None);
        let help = missing(DatabaseType::Asn, &directories);
        assert!(
            help.contains("GeoLite2-ASN.mmdb") && help.contains("free"),
            "{help}"
        );
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn addresses_are_read_and_printed_as_in_java() {
        let cases = [
            ("1.2.3.4", Some("1.2.3.4")),
            ("2001:218::1", Some("2001:218:0:0:0:0:0:1")),
            ("[::1]", Some("0:0:0:0:0:0:0:1")),
            ("fe80::1%eth0", Some("fe80:0:0:0:0:0:0:1")),
            ("::ffff:1.2.3.4", Some("1.2.3.4")),
            ("001.2.030.4", Some("1.2.30.4")),
            ("1.2.3", Some("1.2.0.3")),
            ("1.65535", Some("1.0.255.255")),
            ("4294967295", Some("255.255.255.255")),
            ("4294967296", None),
            ("1.2.3.256", None),
            ("256.2.3.4", None),
            ("1.2.3.", None),
            ("1..3", None),
            ("+1.2.3.4", None),
            ("localhost", None),
            ("1.2.3.4.5", None),
        ];
        for (text, printed) in cases {
            let address = parse_address(text).map(address_text);
            assert_eq!(address.as_deref(), printed, "{text}");
        }
    }
}

//! What the types of databases hold, and where in a record it lies.

use std::net::IpAddr;
use std::path::Path;

use maxminddb::{LookupResult, MaxMindDbError, PathElement, Reader};

use super::{address_text, full_text};
use crate::event::{Arena, Object, Value};

/// A database that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum DatabaseError {
    #[error("{0}")]
    Read(#[from] MaxMindDbError),
    #[error(
        "its type `{0}` is none of City, Country, ASN, ISP, Domain, Enterprise and Anonymous-IP"
    )]
    Type(String),
}

/// Types of databases, in the order in which their names are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    City,
    Country,
    Domain,
    Asn,
    Isp,
    AnonymousIp,
    Enterprise,
}

const TYPES: [(&str, Type); 7] = [
    ("City", Type::City),
    ("Country", Type::Country),
    ("GeoIP2-Domain", Type::Domain),
    ("GeoLite2-ASN", Type::Asn),
    ("GeoIP2-ISP", Type::Isp),
    ("GeoIP2-Anonymous-IP", Type::AnonymousIp),
    ("Enterprise", Type::Enterprise),
];

macro_rules! fields {
    ($($Field:ident $name:literal $ecs:expr, $legacy:literal;)*) => {
        /// What can be taken from a database, in the order in which it is set.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Field { $($Field),* }

        impl Field {
            pub(super) const ALL: &'static [Self] = &[$(Self::$Field),*];

            pub(super) fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$Field),)* _ => None }
            }

            pub(super) fn name(self) -> &'static str {
                match self { $(Self::$Field => $name),* }
            }

            /// Where it goes with ECS; `None`: nowhere.
            pub(super) fn ecs_path(self) -> Option<&'static [&'static str]> {
                match self { $(Self::$Field => $ecs),* }
            }

            pub(super) fn legacy_path(self) -> Option<&'static [&'static str]> {
                match self { $(Self::$Field => Some(&[$legacy])),* }
            }
        }
    };
}

fields! {
    AsNumber "AUTONOMOUS_SYSTEM_NUMBER" Some(&["as", "number"]), "asn";
    AsOrganization "AUTONOMOUS_SYSTEM_ORGANIZATION" Some(&["as", "organization", "name"]), "as_org";
    CityName "CITY_NAME" Some(&["geo", "city_name"]), "city_name";
    CountryName "COUNTRY_NAME" Some(&["geo", "country_name"]), "country_name";
    ContinentCode "CONTINENT_CODE" Some(&["geo", "continent_code"]), "continent_code";
    ContinentName "CONTINENT_NAME" Some(&["geo", "continent_name"]), "continent_name";
    CountryCode2 "COUNTRY_CODE2" Some(&["geo", "country_iso_code"]), "country_code2";
    CountryCode3 "COUNTRY_CODE3" None, "country_code3";
    Domain "DOMAIN" Some(&["domain"]), "domain";
    Ip "IP" Some(&["ip"]), "ip";
    Isp "ISP" Some(&["mmdb", "isp"]), "isp";
    PostalCode "POSTAL_CODE" Some(&["geo", "postal_code"]), "postal_code";
    DmaCode "DMA_CODE" Some(&["mmdb", "dma_code"]), "dma_code";
    RegionName "REGION_NAME" Some(&["geo", "region_name"]), "region_name";
    RegionCode "REGION_CODE" Some(&["geo", "region_code"]), "region_code";
    RegionIsoCode "REGION_ISO_CODE" Some(&["geo", "region_iso_code"]), "region_iso_code";
    Timezone "TIMEZONE" Some(&["geo", "timezone"]), "timezone";
    Location "LOCATION" Some(&["geo", "location"]), "location";
    Latitude "LATITUDE" Some(&["geo", "location", "lat"]), "latitude";
    Longitude "LONGITUDE" Some(&["geo", "location", "lon"]), "longitude";
    Organization "ORGANIZATION" Some(&["mmdb", "organization"]), "organization";
    Network "NETWORK" Some(&["ip_traits", "network"]), "network";
    HostingProvider "HOSTING_PROVIDER" Some(&["ip_traits", "hosting_provider"]), "hosting_provider";
    TorExitNode "TOR_EXIT_NODE" Some(&["ip_traits", "tor_exit_node"]), "tor_exit_node";
    AnonymousVpn "ANONYMOUS_VPN" Some(&["ip_traits", "anonymous_vpn"]), "anonymous_vpn";
    Anonymous "ANONYMOUS" Some(&["ip_traits", "anonymous"]), "anonymous";
    PublicProxy "PUBLIC_PROXY" Some(&["ip_traits", "public_proxy"]), "public_proxy";
    ResidentialProxy "RESIDENTIAL_PROXY" Some(&["ip_traits", "residential_proxy"]), "residential_proxy";
}

/// What a database of a type can give, and of that what it gives by default.
fn fields_of(kind: Type) -> (&'static [Field], &'static [Field]) {
    use Field::*;
    match kind {
        Type::City => (
            &[
                CityName,
                CountryName,
                ContinentCode,
                ContinentName,
                CountryCode2,
                CountryCode3,
                Ip,
                PostalCode,
                DmaCode,
                RegionName,
                RegionCode,
                RegionIsoCode,
                Timezone,
                Location,
                Latitude,
                Longitude,
            ],
            &[
                CityName,
                CountryName,
                ContinentCode,
                CountryCode2,
                CountryCode3,
                Ip,
                PostalCode,
                DmaCode,
                RegionName,
                RegionIsoCode,
                Timezone,
                Location,
                Latitude,
                Longitude,
            ],
        ),
        Type::Country => {
            let all = &[CountryName, ContinentName, CountryCode2, Ip];
            (all, all)
        }
        Type::Domain => (&[Domain], &[Domain]),
        Type::Asn => (
            &[AsNumber, AsOrganization, Ip, Network],
            &[AsNumber, AsOrganization, Ip],
        ),
        Type::Isp => {
            let all = &[AsNumber, AsOrganization, Ip, Isp, Organization];
            (all, all)
        }
        Type::AnonymousIp => (
            &[
                Ip,
                HostingProvider,
                TorExitNode,
                AnonymousVpn,
                Anonymous,
                PublicProxy,
                ResidentialProxy,
            ],
            &[
                HostingProvider,
                TorExitNode,
                AnonymousVpn,
                Anonymous,
                PublicProxy,
                ResidentialProxy,
            ],
        ),
        Type::Enterprise => (
            &[
                AsNumber,
                AsOrganization,
                CityName,
                CountryName,
                ContinentName,
                CountryCode2,
                Ip,
                RegionName,
                RegionIsoCode,
                Timezone,
                Location,
                Network,
                HostingProvider,
                TorExitNode,
                AnonymousVpn,
                Anonymous,
                PublicProxy,
                ResidentialProxy,
            ],
            &[
                CityName,
                CountryName,
                ContinentName,
                CountryCode2,
                Ip,
                RegionName,
                RegionIsoCode,
                Location,
            ],
        ),
    }
}

/// A database in memory.
pub(super) struct Database {
    reader: Reader<Vec<u8>>,
    kind: Type,
}

impl Database {
    pub(super) fn open(path: &Path) -> Result<Self, DatabaseError> {
        let reader = Reader::open_readfile(path)?;
        let name = reader.metadata().database_type.clone();
        let found = TYPES.iter().find(|(part, _)| name.contains(part));
        match found {
            Some((_, kind)) => Ok(Self {
                reader,
                kind: *kind,
            }),
            None => Err(DatabaseError::Type(name)),
        }
    }

    pub(super) fn has(&self, field: Field) -> bool {
        fields_of(self.kind).0.contains(&field)
    }

    pub(super) fn default_fields(&self, ecs: bool) -> Vec<Field> {
        let (_, default) = fields_of(self.kind);
        let mut fields = default.to_vec();
        if self.kind == Type::City && !ecs {
            // The code of a region had no country in it before there was ECS.
            fields.retain(|field| *field != Field::RegionIsoCode);
            fields.push(Field::RegionCode);
            fields.sort_unstable();
        }
        fields
    }

    /// What the database has of an address.
    pub(super) fn look_up(&self, address: IpAddr) -> Option<Record<'_>> {
        let found = self.reader.lookup(address).ok()?;
        let record = Record {
            found,
            kind: self.kind,
            address,
        };
        if !record.found.has_data() {
            return None;
        }
        // A city of which it is not known where it is counts as none.
        if self.kind == Type::City {
            record.float("latitude").or(record.float("longitude"))?;
        }
        Some(record)
    }
}

/// What a database has of an address.
pub(super) struct Record<'d> {
    found: LookupResult<'d, Vec<u8>>,
    kind: Type,
    address: IpAddr,
}

const NAME: [PathElement<'static>; 2] = [PathElement::Key("names"), PathElement::Key("en")];
const LAST: PathElement<'static> = PathElement::IndexFromEnd(0);

impl<'d> Record<'d> {
    /// The value of a field; `None` where the record has none.
    pub(super) fn value<'a>(&self, field: Field, arena: &'a Arena) -> Option<Value<'a>> {
        let text = |text: &str| Value::Str(arena.alloc_str(text));
        let key = PathElement::Key;
        Some(match field {
            Field::AsNumber => Value::Int(
                self.at::<u32>(&self.below_traits("autonomous_system_number"))?
                    .into(),
            ),
            Field::AsOrganization => {
                text(self.at(&self.below_traits("autonomous_system_organization"))?)
            }
            Field::CityName => text(self.name_of(&[key("city")])?),
            Field::CountryName => text(self.name_of(&[key("country")])?),
            Field::ContinentName => text(self.name_of(&[key("continent")])?),
            Field::RegionName => text(self.name_of(&[key("subdivisions"), LAST])?),
            Field::ContinentCode => text(self.at(&[key("continent"), key("code")])?),
            Field::CountryCode2 | Field::CountryCode3 => text(self.country_code()?),
            Field::RegionCode => text(self.region_code()?),
            Field::RegionIsoCode => {
                let (country, region) = (self.country_code()?, self.region_code()?);
                text(&format!("{country}-{region}"))
            }
            Field::Domain => text(self.at(&[key("domain")])?),
            Field::Isp => text(self.at(&[key("isp")])?),
            Field::Organization => text(self.at(&[key("organization")])?),
            Field::PostalCode => text(self.at(&[key("postal"), key("code")])?),
            Field::Timezone => text(self.at(&[key("location"), key("time_zone")])?),
            Field::DmaCode => Value::Int(
                self.at::<u16>(&[key("location"), key("metro_code")])?
                    .into(),
            ),
            Field::Latitude => Value::Float(self.float("latitude")?),
            Field::Longitude => Value::Float(self.float("longitude")?),
            Field::Location => {
                let mut location = Object::with_capacity(arena, 2);
                location.push("lon", Value::Float(self.float("longitude")?));
                location.push("lat", Value::Float(self.float("latitude")?));
                Value::Object(location)
            }
            Field::Ip => text(&address_text(self.address)),
            Field::Network => text(&self.network()?),
            Field::HostingProvider => self.flag("is_hosting_provider"),
            Field::TorExitNode => self.flag("is_tor_exit_node"),
            Field::AnonymousVpn => self.flag("is_anonymous_vpn"),
            Field::Anonymous => self.flag("is_anonymous"),
            Field::PublicProxy => self.flag("is_public_proxy"),
            Field::ResidentialProxy => self.flag("is_residential_proxy"),
        })
    }

    fn at<T: serde::Deserialize<'d>>(&self, path: &[PathElement<'_>]) -> Option<T> {
        self.found.decode_path(path).ok().flatten()
    }

    fn name_of(&self, path: &[PathElement<'static>]) -> Option<&'d str> {
        self.at(&[path, &NAME].concat())
    }

    /// The large databases keep some things one level deeper.
    fn below_traits<'p>(&self, name: &'p str) -> Vec<PathElement<'p>> {
        let is_deeper = self.kind == Type::Enterprise;
        let traits = is_deeper.then_some(PathElement::Key("traits"));
        traits.into_iter().chain([PathElement::Key(name)]).collect()
    }

    fn flag<'a>(&self, name: &str) -> Value<'a> {
        Value::Bool(self.at(&self.below_traits(name)).unwrap_or(false))
    }

    fn float(&self, name: &str) -> Option<f64> {
        self.at(&[PathElement::Key("location"), PathElement::Key(name)])
    }

    fn country_code(&self) -> Option<&'d str> {
        self.at(&[PathElement::Key("country"), PathElement::Key("iso_code")])
    }

    fn region_code(&self) -> Option<&'d str> {
        self.at(&[
            PathElement::Key("subdivisions"),
            LAST,
            PathElement::Key("iso_code"),
        ])
    }

    fn network(&self) -> Option<String> {
        let network = self.found.network().ok()?;
        let address = match network.ip() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => full_text(address),
        };
        Some(format!("{address}/{}", network.prefix()))
    }
}

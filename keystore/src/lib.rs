//! The key stores and trust stores of Java, which Logstash's TLS options name: JKS and PKCS#12, read into PEM.
//!
//! What a store is shows in its first bytes; the `_type` options are often missing or wrong, since Java takes either format for
//! the other (`keystore.type.compat`).

mod der;
mod ec;
mod jks;
mod pkcs12;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What a store holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Store {
    /// Certificates of authorities to trust, in DER.
    trusted: Vec<Vec<u8>>,
    /// Private keys with their certificates, in the order of the store.
    identities: Vec<Identity>,
}

/// A private key and the certificates that go with it.
#[derive(PartialEq, Eq)]
struct Identity {
    /// PKCS#8, in DER, or why it cannot be read.
    key: Result<Vec<u8>, Unreadable>,
    /// In DER, the key's own certificate first.
    chain: Vec<Vec<u8>>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a key with {} certificates", self.chain.len())
    }
}

/// The formats of stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// PEM, which is not opened here.
    Pem,
    /// Java's own, as `keytool` made them up to Java 8.
    Jks,
    /// PKCS#12, as `keytool` makes them since.
    Pkcs12,
}

/// The passwords of a store.
#[derive(Clone, Copy, Default)]
pub struct Passwords<'p> {
    /// Of the store as a whole.
    pub store: Option<&'p str>,
    /// Of a private key in it, where that is another.
    pub key: Option<&'p str>,
}

/// A client's certificate and key, in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientPem {
    /// The client's own certificate first, then those of the authorities between.
    pub certificates: String,
    /// PKCS#8, not encrypted.
    pub key: String,
}

/// Why a store's content cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("the password is wrong, or the file is damaged")]
    Password,
    #[error("it is encrypted: give its password")]
    NoPassword,
    #[error("it is damaged or not a whole store")]
    Damaged,
    #[error("it holds a kind of entry or encryption that is not known here")]
    Unknown,
}

/// A store that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such file, or we may not read it.
    #[error("`{path}` cannot be read: {error}")]
    Read {
        /// The store.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Its contents are of no use.
    #[error("`{path}` cannot be used: {why}")]
    Content {
        /// The store.
        path: PathBuf,
        /// Why, and what to do.
        why: String,
    },
}

/// What kind of store a file is.
pub fn kind(path: &Path) -> Result<Kind, StoreError> {
    read(path).map(|bytes| kind_of(&bytes))
}

/// The certificates that a trust store says to trust, in PEM: of its certificates all, and of its keys the first certificate each (as
/// Java's PKIX trust manager takes them).
///
/// # Errors
/// The file cannot be read, is none of [`Kind::Jks`] and [`Kind::Pkcs12`], has another password, or says to trust nothing.
pub fn authorities(path: &Path, password: Option<&str>) -> Result<String, StoreError> {
    let passwords = Passwords {
        store: password,
        key: None,
    };
    let store = open(path, passwords)?;
    let of_keys = store.identities.iter().filter_map(|one| one.chain.first());
    let all: Vec<&Vec<u8>> = store.trusted.iter().chain(of_keys).collect();
    if all.is_empty() {
        let why = "it has no certificate to trust; Java counts only those that were added by `keytool -importcert`";
        return Err(content(path, why.to_owned()));
    }
    Ok(all.into_iter().map(|der| pem("CERTIFICATE", der)).collect())
}

/// The key of a key store, and its certificates. Of several keys the first is taken.
///
/// # Errors
/// The file cannot be read, is none of [`Kind::Jks`] and [`Kind::Pkcs12`], has another password, or has no key.
pub fn client(path: &Path, passwords: Passwords<'_>) -> Result<ClientPem, StoreError> {
    let store = open(path, passwords)?;
    let Some(identity) = store.identities.into_iter().next() else {
        return Err(content(path, "it has no private key".to_owned()));
    };
    let mut key = identity
        .key
        .map_err(|why| content(path, format!("its private key: {why}")))?;
    if let Some(certificate) = identity.chain.first() {
        key = ec::with_public_key(key, certificate);
    }
    Ok(ClientPem {
        certificates: identity
            .chain
            .iter()
            .map(|der| pem("CERTIFICATE", der))
            .collect(),
        key: pem("PRIVATE KEY", &key),
    })
}

fn open(path: &Path, passwords: Passwords<'_>) -> Result<Store, StoreError> {
    let bytes = read(path)?;
    let store = match kind_of(&bytes) {
        Kind::Jks => jks::parse(&bytes, passwords),
        Kind::Pkcs12 => pkcs12::parse(&bytes, passwords.store),
        Kind::Pem => {
            let why = "it is neither a JKS nor a PKCS#12 store";
            return Err(content(path, why.to_owned()));
        }
    };
    store.map_err(|why| content(path, why.to_string()))
}

fn kind_of(bytes: &[u8]) -> Kind {
    match bytes {
        [0xfe, 0xed, 0xfe, 0xed, ..] => Kind::Jks,
        // A sequence in DER or BER.
        [0x30, ..] => Kind::Pkcs12,
        _ => Kind::Pem,
    }
}

fn read(path: &Path) -> Result<Vec<u8>, StoreError> {
    fs::read(path).map_err(|error| StoreError::Read {
        path: path.to_owned(),
        error,
    })
}

fn content(path: &Path, why: String) -> StoreError {
    StoreError::Content {
        path: path.to_owned(),
        why,
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, later) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = later;
    }
    pem + &format!("-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/stores")
            .join(name)
    }

    fn certificate() -> String {
        fs::read_to_string(store("kelp.pem")).unwrap()
    }

    const BOTH: Passwords<'_> = Passwords {
        store: Some("storepass"),
        key: Some("keypass99"),
    };

    #[test]
    fn trusted_certificates_are_those_that_keytool_imported() {
        for name in ["trust.jks", "trust.p12", "identity.jks", "identity.p12"] {
            let found = authorities(&store(name), BOTH.store).unwrap();
            assert_eq!(found, certificate(), "{name}");
        }
        // A JKS store's certificates are in clear: without a password, only whether it is whole remains unknown.
        let found = authorities(&store("trust.jks"), None).unwrap();
        assert_eq!(found, certificate());
    }

    #[test]
    fn a_key_comes_with_its_certificate_whatever_the_format() {
        let of_jks = client(&store("identity.jks"), BOTH).unwrap();
        assert_eq!(of_jks.certificates, certificate());
        assert!(of_jks.key.starts_with("-----BEGIN PRIVATE KEY-----\nM"));
        let only_store = Passwords { key: None, ..BOTH };
        for name in ["identity.p12", "legacy.p12"] {
            assert!(
                client(&store(name), only_store).unwrap() == of_jks,
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let told = |result: Result<ClientPem, StoreError>| match result {
            Ok(_) => panic!("it was read"),
            Err(error) => error.to_string(),
        };
        let wrong = Passwords {
            store: Some("another"),
            key: None,
        };
        for name in ["identity.jks", "identity.p12", "legacy.p12"] {
            let text = told(client(&store(name), wrong));
            assert!(text.contains("password is wrong"), "{name}: {text}");
        }
        let only_store = Passwords { key: None, ..BOTH };
        let text = told(client(&store("identity.jks"), only_store));
        assert!(
            text.contains("its private key: the password is wrong"),
            "{text}"
        );
        let text = told(client(&store("identity.p12"), Passwords::default()));
        assert!(text.contains("give its password"), "{text}");
        let text = told(client(&store("trust.jks"), BOTH));
        assert!(text.contains("no private key"), "{text}");
        let text = told(client(&store("kelp.pem"), BOTH));
        assert!(text.contains("neither"), "{text}");
        let text = told(client(&store("none.jks"), BOTH));
        assert!(text.contains("cannot be read"), "{text}");
    }

    #[test]
    fn damage_is_told_and_nothing_else_happens() {
        for name in ["identity.jks", "trust.jks", "identity.p12", "legacy.p12"] {
            let whole = fs::read(store(name)).unwrap();
            let parse = |bytes: &[u8]| match kind_of(bytes) {
                Kind::Jks => jks::parse(bytes, BOTH).is_ok(),
                _ => pkcs12::parse(bytes, BOTH.store).is_ok(),
            };
            assert!(parse(&whole), "{name}");
            for cut in (1..whole.len()).step_by(7) {
                assert!(!parse(&whole[..cut]), "{name} cut at {cut}");
            }
            let mut rng = 1_u64;
            for _ in 0..200 {
                let mut damaged = whole.clone();
                for _ in 0..3 {
                    rng = rng.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let at = 4 + (rng >> 33) as usize % (whole.len() - 4);
                    damaged[at] ^= (rng >> 24) as u8 | 1;
                }
                // Whatever it says, it neither panics nor takes memory for lengths that are not there.
                parse(&damaged);
            }
        }
    }
}

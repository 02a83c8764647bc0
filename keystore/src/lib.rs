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
    #[error("it is damaged or not a whole store: copy it again")]
    Damaged,
    #[error(
        "it is of a kind, or holds an entry or an encryption, that is not known here; convert it: keytool -importkeystore -srckeystore STORE -destkeystore store.p12 -deststoretype PKCS12"
    )]
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

/// The certificates that a trust store says to trust, in PEM: of its certificates all, and of its keys the first certificate each (as
/// Java's PKIX trust manager takes them). `None` if the file is no store of Java's but, it seems, PEM itself.
///
/// # Errors
/// The file cannot be read, has another password, or says to trust nothing.
pub fn authorities(path: &Path, password: Option<&str>) -> Result<Option<String>, StoreError> {
    let passwords = Passwords {
        store: password,
        key: None,
    };
    let Some(store) = open(path, passwords)? else {
        return Ok(None);
    };
    let of_keys = store.identities.iter().filter_map(|one| one.chain.first());
    let all: Vec<&Vec<u8>> = store.trusted.iter().chain(of_keys).collect();
    if all.is_empty() {
        let why = "it has no certificate to trust; Java counts only those that were added by `keytool -importcert`";
        return Err(content(path, why.to_owned()));
    }
    Ok(Some(
        all.into_iter().map(|der| pem("CERTIFICATE", der)).collect(),
    ))
}

/// The key of a key store, and its certificates. Of several keys the first is taken. `None` if the file is no store of Java's but, it
/// seems, PEM itself.
///
/// # Errors
/// The file cannot be read, has another password, or has no key.
pub fn client(path: &Path, passwords: Passwords<'_>) -> Result<Option<ClientPem>, StoreError> {
    let Some(store) = open(path, passwords)? else {
        return Ok(None);
    };
    let Some(identity) = store.identities.into_iter().next() else {
        let why = "it has no private key: give the store that the key was generated in";
        return Err(content(path, why.to_owned()));
    };
    let mut key = identity
        .key
        .map_err(|why| content(path, format!("its private key: {why}")))?;
    if let Some(certificate) = identity.chain.first() {
        key = ec::with_public_key(key, certificate);
    }
    Ok(Some(ClientPem {
        certificates: identity
            .chain
            .iter()
            .map(|der| pem("CERTIFICATE", der))
            .collect(),
        key: pem("PRIVATE KEY", &key),
    }))
}

/// What a file is shows in its first bytes.
fn open(path: &Path, passwords: Passwords<'_>) -> Result<Option<Store>, StoreError> {
    let bytes = fs::read(path).map_err(|error| StoreError::Read {
        path: path.to_owned(),
        error,
    })?;
    let store = match parse(&bytes, passwords) {
        Some(store) => store,
        None => return Ok(None),
    };
    store
        .map(Some)
        .map_err(|why| content(path, why.to_string()))
}

fn parse(bytes: &[u8], passwords: Passwords<'_>) -> Option<Result<Store, Unreadable>> {
    match bytes {
        [0xfe, 0xed, 0xfe, 0xed, ..] => Some(jks::parse(bytes, passwords)),
        // JCEKS, which holds the secret keys of programs.
        [0xce, 0xce, 0xce, 0xce, ..] => Some(Err(Unreadable::Unknown)),
        // A sequence in DER or BER.
        [0x30, ..] => Some(pkcs12::parse(bytes, passwords.store)),
        _ => None,
    }
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
            assert_eq!(found, Some(certificate()), "{name}");
        }
        // A JKS store's certificates are in clear: without a password, only whether it is whole remains unknown.
        let found = authorities(&store("trust.jks"), None).unwrap();
        assert_eq!(found, Some(certificate()));
        assert_eq!(authorities(&store("kelp.pem"), None).unwrap(), None);
    }

    #[test]
    fn a_key_comes_with_its_certificate_whatever_the_format() {
        let of_jks = client(&store("identity.jks"), BOTH).unwrap().unwrap();
        assert_eq!(of_jks.certificates, certificate());
        assert!(of_jks.key.starts_with("-----BEGIN PRIVATE KEY-----\nM"));
        let only_store = Passwords { key: None, ..BOTH };
        for name in ["identity.p12", "legacy.p12"] {
            let found = client(&store(name), only_store).unwrap();
            assert!(found.as_ref() == Some(&of_jks), "{name}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let told = |result: Result<Option<ClientPem>, StoreError>| match result {
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
        assert!(client(&store("kelp.pem"), BOTH).unwrap().is_none());
        let text = told(client(&store("none.jks"), BOTH));
        assert!(text.contains("cannot be read"), "{text}");
    }

    #[test]
    fn damage_is_told_and_nothing_else_happens() {
        for name in ["identity.jks", "trust.jks", "identity.p12", "legacy.p12"] {
            let whole = fs::read(store(name)).unwrap();
            let parse = |bytes: &[u8]| parse(bytes, BOTH).is_some_and(|store| store.is_ok());
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
                // PKCS#12 has parts that nothing guards: then it only must not panic, nor take memory for lengths that are not there.
                let is_read = parse(&damaged);
                assert!(
                    !is_read || damaged == whole || name.ends_with(".p12"),
                    "{name}"
                );
            }
        }
    }
}

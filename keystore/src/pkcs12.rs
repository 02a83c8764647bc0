//! PKCS#12, as keytool and OpenSSL make it.

use p12_keystore::error::Error;
use p12_keystore::{KeyStore, KeyStoreEntry, Pkcs12ImportPolicy};

use crate::{Identity, Store, Unreadable};

/// Reads a store; one without a password is opened with an empty one.
pub(crate) fn parse(bytes: &[u8], password: Option<&str>) -> Result<Store, Unreadable> {
    let opened = KeyStore::from_pkcs12(
        bytes,
        password.unwrap_or_default(),
        Pkcs12ImportPolicy::Strict,
    );
    let opened = opened.map_err(|error| match (error, password) {
        (Error::MacError(_) | Error::Pkcs5Error(_) | Error::UnpadError, None) => {
            Unreadable::NoPassword
        }
        (Error::MacError(_) | Error::Pkcs5Error(_) | Error::UnpadError, Some(_)) => {
            Unreadable::Password
        }
        (
            Error::UnsupportedEncryptionScheme
            | Error::UnsupportedMacAlgorithm
            | Error::UnsupportedCertificateType
            | Error::UnsupportedContentType,
            _,
        ) => Unreadable::Unknown,
        _ => Unreadable::Damaged,
    })?;
    let mut store = Store::default();
    for (_, entry) in opened.entries() {
        match entry {
            KeyStoreEntry::Certificate(certificate) => {
                store.trusted.push(certificate.as_der().to_vec());
            }
            KeyStoreEntry::PrivateKeyChain(chain) => store.identities.push(Identity {
                key: Ok(chain.key().as_der().to_vec()),
                chain: chain
                    .certs()
                    .iter()
                    .map(|one| one.as_der().to_vec())
                    .collect(),
            }),
            KeyStoreEntry::Secret(_) => {}
        }
    }
    Ok(store)
}

//! JKS, the format of Java's own (sources: `sun.security.provider.JavaKeyStore` and `KeyProtector`, OpenJDK).
//!
//! Big-endian: a magic number, a version, the number of entries; each entry a tag, a name, a time, and a certificate or an encrypted key
//! with its chain of certificates; at the end the SHA-1 of password and content.

use sha1::{Digest, Sha1};

use crate::der::{Bytes, OCTET_STRING, SEQUENCE};
use crate::{Identity, Passwords, Store, Unreadable};

const DIGEST_BYTES: usize = 20;
/// What is hashed between the password and the content.
const WHITENER: &[u8] = b"Mighty Aphrodite";
/// The algorithm that keys are encrypted with, 1.3.6.1.4.1.42.2.17.1.1, in DER.
const SUN_KEY_PROTECTOR: &[u8] = &[
    0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x2a, 0x02, 0x11, 0x01, 0x01,
];

/// Reads a store; without a password nothing is checked, and keys stay encrypted.
pub(crate) fn parse(bytes: &[u8], passwords: Passwords<'_>) -> Result<Store, Unreadable> {
    let content_len = bytes
        .len()
        .checked_sub(DIGEST_BYTES)
        .ok_or(Unreadable::Damaged)?;
    let (content, digest) = bytes.split_at(content_len);
    if let Some(password) = passwords.store {
        let password = in_utf16(password);
        if sha1(&[&password, WHITENER, content]) != digest {
            return Err(Unreadable::Password);
        }
    }
    let key_password = passwords.key.or(passwords.store);
    let mut rest = Bytes(content);
    let _magic = rest.u32()?;
    let version = rest.u32()?;
    let entries = rest.u32()?;
    let mut store = Store::default();
    for _ in 0..entries {
        let tag = rest.u32()?;
        let _alias = rest.name()?;
        let _time = rest.take(8)?;
        match tag {
            1 => {
                let encrypted = rest.block()?;
                let certificates = rest.u32()?;
                let mut chain = Vec::new();
                for _ in 0..certificates {
                    chain.push(rest.certificate(version)?.to_vec());
                }
                let key = match key_password {
                    None => Err(Unreadable::NoPassword),
                    Some(password) => decrypt(encrypted, password),
                };
                store.identities.push(Identity { key, chain });
            }
            2 => store.trusted.push(rest.certificate(version)?.to_vec()),
            _ => return Err(Unreadable::Unknown),
        }
    }
    match rest.0 {
        [] => Ok(store),
        _ => Err(Unreadable::Damaged),
    }
}

/// Decrypts an `EncryptedPrivateKeyInfo`: a salt, the key under a stream of hashes, and a hash of password and key.
fn decrypt(encrypted: &[u8], password: &str) -> Result<Vec<u8>, Unreadable> {
    let mut info = Bytes(Bytes(encrypted).der(SEQUENCE)?);
    let algorithm = info.der(SEQUENCE)?;
    if !algorithm.starts_with(SUN_KEY_PROTECTOR) {
        return Err(Unreadable::Unknown);
    }
    let mut data = Bytes(info.der(OCTET_STRING)?);
    let salt = data.take(DIGEST_BYTES)?;
    let key_len = data
        .0
        .len()
        .checked_sub(DIGEST_BYTES)
        .ok_or(Unreadable::Damaged)?;
    let (hidden, digest) = data.0.split_at(key_len);
    let password = in_utf16(password);
    let mut pad = sha1(&[&password, salt]);
    let mut key = Vec::with_capacity(hidden.len());
    for chunk in hidden.chunks(DIGEST_BYTES) {
        key.extend(chunk.iter().zip(pad).map(|(byte, pad)| byte ^ pad));
        pad = sha1(&[&password, &pad]);
    }
    match sha1(&[&password, &key]) == digest {
        true => Ok(key),
        false => Err(Unreadable::Password),
    }
}

fn in_utf16(password: &str) -> Vec<u8> {
    password.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

fn sha1(parts: &[&[u8]]) -> [u8; DIGEST_BYTES] {
    let mut hasher = Sha1::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// What JKS is made of.
impl<'b> Bytes<'b> {
    fn u32(&mut self) -> Result<usize, Unreadable> {
        self.number(4)
    }

    fn name(&mut self) -> Result<&'b [u8], Unreadable> {
        let len = self.number(2)?;
        self.take(len)
    }

    fn block(&mut self) -> Result<&'b [u8], Unreadable> {
        let len = self.u32()?;
        self.take(len)
    }

    /// Version 1 does not say that a certificate is one of X.509.
    fn certificate(&mut self, version: usize) -> Result<&'b [u8], Unreadable> {
        match version {
            1 => {}
            2 => {
                self.name()?;
            }
            _ => return Err(Unreadable::Unknown),
        }
        self.block()
    }
}

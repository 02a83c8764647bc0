//! The cryptographic hashes, with and without a key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::digest::Digest as _;
use sha2::{Sha256, Sha384, Sha512};

use super::Method;

/// A hash by method and key.
pub(super) struct Digest {
    hash: Hash,
    base64: bool,
}

enum Hash {
    Plain(Method),
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Sha512(Hmac<Sha512>),
    Md5(Hmac<Md5>),
}

impl Digest {
    pub(super) fn new(method: Method, key: Option<&str>, base64: bool) -> Self {
        let hash = match key {
            None => Hash::Plain(method),
            Some(key) => match method {
                Method::Sha256 => Hash::Sha256(keyed(key)),
                Method::Sha384 => Hash::Sha384(keyed(key)),
                Method::Sha512 => Hash::Sha512(keyed(key)),
                Method::Md5 => Hash::Md5(keyed(key)),
                _ => Hash::Sha1(keyed(key)),
            },
        };
        Self { hash, base64 }
    }

    pub(super) fn print(&self, data: &[u8]) -> String {
        match &self.hash {
            Hash::Plain(Method::Sha256) => encode(&Sha256::digest(data), self.base64),
            Hash::Plain(Method::Sha384) => encode(&Sha384::digest(data), self.base64),
            Hash::Plain(Method::Sha512) => encode(&Sha512::digest(data), self.base64),
            Hash::Plain(Method::Md5) => encode(&Md5::digest(data), self.base64),
            Hash::Plain(_) => encode(&Sha1::digest(data), self.base64),
            Hash::Sha1(hmac) => self.mac(hmac, data),
            Hash::Sha256(hmac) => self.mac(hmac, data),
            Hash::Sha384(hmac) => self.mac(hmac, data),
            Hash::Sha512(hmac) => self.mac(hmac, data),
            Hash::Md5(hmac) => self.mac(hmac, data),
        }
    }

    fn mac<M: Mac + Clone>(&self, hmac: &M, data: &[u8]) -> String {
        let mut hmac = hmac.clone();
        hmac.update(data);
        encode(&hmac.finalize().into_bytes(), self.base64)
    }
}

fn keyed<M: Mac + KeyInit>(key: &str) -> M {
    match <M as KeyInit>::new_from_slice(key.as_bytes()) {
        Ok(hmac) => hmac,
        Err(_) => unreachable!("an HMAC takes keys of any length"),
    }
}

/// As Base64, or in hexadecimal digits.
pub(super) fn encode(bytes: &[u8], base64: bool) -> String {
    if base64 {
        return STANDARD.encode(bytes);
    }
    let mut out = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        for nibble in [byte >> 4, byte & 0xf] {
            out.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    out
}

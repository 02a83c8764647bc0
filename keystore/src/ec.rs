//! Private keys of elliptic curves: Java leaves the public key out of them, and TLS libraries (ring) refuse one without it.

use crate::Unreadable;
use crate::der::{Bytes, OCTET_STRING, SEQUENCE, encode};

/// 1.2.840.10045.2.1
const EC_PUBLIC_KEY: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const BIT_STRING: u8 = 0x03;
/// `publicKey` in an `ECPrivateKey`.
const PUBLIC_KEY: u8 = 0xa1;
/// `version` in a certificate, which may be absent.
const VERSION: u8 = 0xa0;

/// A key in PKCS#8 with the public key of its certificate, where it is one of an elliptic curve and has none; other keys as they are.
pub(crate) fn with_public_key(key: Vec<u8>, certificate: &[u8]) -> Vec<u8> {
    match completed(&key, certificate) {
        Ok(Some(completed)) => completed,
        // Whoever uses it says what is wrong with it.
        Ok(None) | Err(_) => key,
    }
}

fn completed(key: &[u8], certificate: &[u8]) -> Result<Option<Vec<u8>>, Unreadable> {
    let mut info = Bytes(Bytes(key).der(SEQUENCE)?);
    let version = info.value()?.whole;
    let algorithm = info.value()?;
    if !algorithm.content.starts_with(EC_PUBLIC_KEY) {
        return Ok(None);
    }
    let private = Bytes(info.der(OCTET_STRING)?).der(SEQUENCE)?;
    let mut rest = Bytes(private);
    while !rest.0.is_empty() {
        if rest.value()?.tag == PUBLIC_KEY {
            return Ok(None);
        }
    }
    let public = encode(PUBLIC_KEY, &[public_key(certificate)?]);
    let private = encode(SEQUENCE, &[private, &public]);
    let private = encode(OCTET_STRING, &[&private]);
    Ok(Some(encode(
        SEQUENCE,
        &[version, algorithm.whole, &private],
    )))
}

/// The bit string that is a certificate's public key.
fn public_key(certificate: &[u8]) -> Result<&[u8], Unreadable> {
    let mut fields = Bytes(Bytes(Bytes(certificate).der(SEQUENCE)?).der(SEQUENCE)?);
    if fields.0.first() == Some(&VERSION) {
        fields.value()?;
    }
    // Serial number, signature, issuer, validity, subject.
    for _ in 0..5 {
        fields.value()?;
    }
    let mut info = Bytes(fields.der(SEQUENCE)?);
    info.value()?;
    let key = info.value()?;
    match key.tag {
        BIT_STRING => Ok(key.whole),
        _ => Err(Unreadable::Damaged),
    }
}

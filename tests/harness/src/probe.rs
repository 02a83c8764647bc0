//! Asks a Kafka broker whether it serves, in its own protocol and without a client library.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(2);

/// Whether the broker on `port` lists itself in an answer to a metadata request, that is, takes part in its cluster.
pub(crate) fn broker_serves(port: u16) -> bool {
    metadata(port).is_some_and(|answer| brokers(&answer).is_some_and(|count| count > 0))
}

/// Sends a Metadata request, version 1, for no topic; returns the response without its length.
fn metadata(port: u16) -> Option<Vec<u8>> {
    const METADATA: i16 = 3;
    let mut request = Vec::new();
    request.extend(METADATA.to_be_bytes());
    request.extend(1i16.to_be_bytes()); // version
    request.extend(7i32.to_be_bytes()); // correlation id
    request.extend((-1i16).to_be_bytes()); // no client id
    request.extend(0i32.to_be_bytes()); // an empty array of topics: none
    let mut stream =
        TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), TIMEOUT).ok()?;
    stream.set_read_timeout(Some(TIMEOUT)).ok()?;
    stream
        .write_all(&i32::try_from(request.len()).ok()?.to_be_bytes())
        .ok()?;
    stream.write_all(&request).ok()?;
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut answer = vec![
        0;
        usize::try_from(i32::from_be_bytes(length))
            .ok()
            .filter(|&length| length < 1 << 20)?
    ];
    stream.read_exact(&mut answer).ok()?;
    Some(answer)
}

/// The number of brokers that a Metadata response lists.
fn brokers(answer: &[u8]) -> Option<i32> {
    let (correlation, rest) = answer.split_first_chunk::<4>()?;
    let (count, _) = rest.split_first_chunk::<4>()?;
    (i32::from_be_bytes(*correlation) == 7).then_some(i32::from_be_bytes(*count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_counted() {
        assert_eq!(brokers(&[0, 0, 0, 7, 0, 0, 0, 1, 9, 9]), Some(1));
        assert_eq!(brokers(&[0, 0, 0, 8, 0, 0, 0, 1]), None);
        assert_eq!(brokers(&[0, 0, 0, 7]), None);
    }
}

//! Free loopback ports.

use crate::{Error, Result};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the range from which Linux takes the ports of outgoing connections, so that a server that was stopped finds its port free again.
const FROM: u16 = 20_000;
const TO: u16 = 31_999;

/// A port nobody listens on now, and which this process has not handed out before.
pub fn free() -> Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let span = u32::from(TO - FROM) + 1;
    let candidates = (0..span).map(|_| {
        // processes start at different places, so that two test binaries rarely race for one port
        let index = std::process::id()
            .wrapping_mul(97)
            .wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed))
            % span;
        FROM + u16::try_from(index).expect("the span fits a port")
    });
    first_free(candidates).ok_or(Error::NoPort { from: FROM, to: TO })
}

fn first_free(mut candidates: impl Iterator<Item = u16>) -> Option<u16> {
    candidates.find(|&port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_differ_and_can_be_bound() {
        let (a, b) = (free().unwrap(), free().unwrap());
        assert_ne!(a, b);
        TcpListener::bind((Ipv4Addr::LOCALHOST, a)).unwrap();
    }

    #[test]
    fn a_taken_port_is_passed_over() {
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let taken = held.local_addr().unwrap().port();
        assert_eq!(first_free([taken].into_iter()), None);
        let next = first_free([taken].into_iter().chain(FROM..=TO)).unwrap();
        assert!((FROM..=TO).contains(&next));
    }
}

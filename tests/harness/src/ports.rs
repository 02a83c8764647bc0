//! Free loopback ports.

use crate::{Error, Result};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the range from which Linux takes the ports of outgoing connections, so that a server that was stopped finds its port free again.
const FROM: u16 = 20_000;
const TO: u16 = 31_999;

/// A port nobody listens on now, and which this process has not handed out before.
pub(crate) fn free() -> Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let span = u32::from(TO - FROM) + 1;
    for _ in 0..span {
        // processes start at different places, so that two test binaries rarely race for one port
        let index = std::process::id()
            .wrapping_mul(97)
            .wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed))
            % span;
        let port = FROM + u16::try_from(index).expect("the span fits a port");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Error::NoPort { from: FROM, to: TO })
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
        let a = free().unwrap();
        let _held = TcpListener::bind((Ipv4Addr::LOCALHOST, a + 1)).unwrap();
        assert_ne!(free().unwrap(), a + 1);
    }
}

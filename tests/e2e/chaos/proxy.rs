//! A proxy in front of Elasticsearch that does to answers what networks and busy nodes do.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::Duration;

/// One request in so many meets a fault.
const ONE_IN: u32 = 4;
const DELAY: Duration = Duration::from_millis(1_500);

/// What happens to a request.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// It is not handed on: 429.
    Busy,
    /// It is not handed on: 503.
    Unavailable,
    /// It is not handed on, and the connection closes.
    CutRequest,
    /// It is executed, and the connection closes in the middle of the answer.
    CutAnswer,
    /// It is executed, and the connection closes without an answer.
    Swallow,
    /// It is executed, and the answer comes late.
    Delay,
}

impl Fault {
    pub const ALL: [Self; 6] = [
        Self::Busy,
        Self::Unavailable,
        Self::CutRequest,
        Self::CutAnswer,
        Self::Swallow,
        Self::Delay,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Busy => "429 by the proxy",
            Self::Unavailable => "503 by the proxy",
            Self::CutRequest => "connection cut before the request was executed",
            Self::CutAnswer => "answer cut in the middle",
            Self::Swallow => "answer swallowed after execution",
            Self::Delay => "answer delayed",
        }
    }
}

/// Listens until the process ends.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    target: String,
    faulty: AtomicBool,
    faults: Mutex<Faults>,
    counts: Mutex<BTreeMap<&'static str, u64>>,
}

/// Each fault comes before any comes again.
struct Faults {
    rng: fastrand::Rng,
    left: Vec<Fault>,
}

impl Proxy {
    /// In front of the server at `url`; without faults at first.
    pub fn start(url: &str, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            target: url.trim_start_matches("http://").to_owned(),
            faulty: AtomicBool::new(false),
            faults: Mutex::new(Faults {
                rng: fastrand::Rng::with_seed(seed),
                left: Vec::new(),
            }),
            counts: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                // A connection that breaks is what this is all about.
                spawn(move || shared.serve(&client));
            }
        });
        Self { port, shared }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn set_faulty(&self, faulty: bool) {
        self.shared.faulty.store(faulty, Ordering::Relaxed);
    }

    /// How often each fault happened.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.shared.counts.lock().unwrap().clone()
    }
}

impl Shared {
    /// Serves one request and closes.
    fn serve(&self, mut client: &TcpStream) -> std::io::Result<()> {
        let request = read_request(client)?;
        let fault = self.next_fault();
        if let Some(fault) = fault {
            *self.counts.lock().unwrap().entry(fault.name()).or_default() += 1;
        }
        let refusal = |status: &str| {
            format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        };
        match fault {
            Some(Fault::CutRequest) => return Ok(()),
            Some(Fault::Busy) => return client.write_all(refusal("429 busy").as_bytes()),
            Some(Fault::Unavailable) => return client.write_all(refusal("503 away").as_bytes()),
            _ => {}
        }
        let mut server = TcpStream::connect(&self.target)?;
        server.write_all(&request)?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer)?;
        match fault {
            Some(Fault::Swallow) => return Ok(()),
            Some(Fault::CutAnswer) => answer.truncate(answer.len() / 2),
            Some(Fault::Delay) => sleep(DELAY),
            _ => {}
        }
        client.write_all(&answer)
    }

    fn next_fault(&self) -> Option<Fault> {
        if !self.faulty.load(Ordering::Relaxed) {
            return None;
        }
        let mut faults = self.faults.lock().unwrap();
        let Faults { rng, left } = &mut *faults;
        if rng.u32(0..ONE_IN) != 0 {
            return None;
        }
        if left.is_empty() {
            left.extend(Fault::ALL);
            rng.shuffle(left);
        }
        left.pop()
    }
}

/// Reads a whole request, and asks the server to close after the answer.
fn read_request(client: &TcpStream) -> std::io::Result<Vec<u8>> {
    let mut reader = BufReader::new(client);
    let (mut request, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == "\r\n" {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if !lower.starts_with("connection:") {
            request.extend_from_slice(line.as_bytes());
        }
    }
    request.extend_from_slice(b"connection: close\r\n\r\n");
    let head = request.len();
    request.resize(head + length, 0);
    reader.read_exact(&mut request[head..])?;
    Ok(request)
}

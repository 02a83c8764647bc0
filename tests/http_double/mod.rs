//! A server of HTTP/1.1 that answers from a state, for doubles of servers that cannot be had.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request.
pub struct Request {
    pub method: String,
    /// With its query.
    pub path: String,
    /// By their names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// Starts it; gives its address and the state from which `answer` makes a status and a body of JSON.
pub fn start<S: Send + 'static>(
    state: S,
    answer: fn(&mut S, &Request) -> (u16, String),
) -> (String, Arc<Mutex<S>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let state = Arc::new(Mutex::new(state));
    let shared = Arc::clone(&state);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || serve(stream.unwrap(), &shared, answer));
        }
    });
    (url, state)
}

/// One connection: requests, one after the other.
fn serve<S>(
    mut stream: TcpStream,
    state: &Mutex<S>,
    answer: fn(&mut S, &Request) -> (u16, String),
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = read(&mut reader) {
        let (status, answer) = answer(&mut state.lock().unwrap(), &request);
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        stream.write_all((head + &answer).as_bytes()).unwrap();
    }
}

/// The next request; `None` when the connection was closed.
fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = || {
        let mut line = String::new();
        let read = reader.read_line(&mut line).unwrap_or(0);
        (read > 0).then(|| line.trim_end().to_owned())
    };
    let first = line()?;
    let mut headers = BTreeMap::new();
    while let Some(header) = line().filter(|header| !header.is_empty()) {
        let (name, value) = header.split_once(": ").unwrap();
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length");
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    let mut words = first.split_whitespace().map(str::to_owned);
    Some(Request {
        method: words.next().unwrap(),
        path: words.next().unwrap(),
        headers,
        body,
    })
}

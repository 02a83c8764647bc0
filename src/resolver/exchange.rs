//! One question to one server: over UDP, and over TCP where the answer is too long for it.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use kelp_parser::resolver::LookupError;
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Found(String),
    /// The name is known, but nothing of the kind that was asked for.
    Nothing,
    NoSuchName,
    /// The server cannot or will not tell.
    Refused,
}

/// The longest answer that is taken over UDP.
const DATAGRAM_MAX: usize = 4096;

/// Asks a server. It is waited for until `timeout` has passed, whatever arrives.
pub(super) fn ask(
    server: SocketAddr,
    name: &str,
    kind: TYPE,
    timeout: Duration,
) -> Result<Answer, LookupError> {
    let deadline = Instant::now() + timeout;
    let asked = question(name, kind)?;
    let socket = connect(server)?;
    socket.send(&asked.bytes).map_err(|error| failed(&error))?;
    let mut buffer = [0; DATAGRAM_MAX];
    loop {
        let left = time_left(deadline)?;
        socket
            .set_read_timeout(Some(left))
            .map_err(|error| failed(&error))?;
        let length = socket.recv(&mut buffer).map_err(|error| failed(&error))?;
        // What is no answer to the question is somebody else's.
        match read_answer(&asked, name, kind, &buffer[..length]) {
            Some(Reply::Answer(answer)) => return Ok(answer),
            Some(Reply::TooLong) => return ask_over_tcp(server, &asked, name, kind, deadline),
            None => {}
        }
    }
}

struct Asked {
    id: u16,
    bytes: Vec<u8>,
}

enum Reply {
    Answer(Answer),
    TooLong,
}

fn question(name: &str, kind: TYPE) -> Result<Asked, LookupError> {
    let bad = || LookupError::BadName(name.to_owned());
    if name.is_empty() || name.split('.').any(str::is_empty) {
        return Err(bad());
    }
    let id = fastrand::u16(..);
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new(name).map_err(|_| bad())?;
    let question = Question::new(name, QTYPE::TYPE(kind), QCLASS::CLASS(CLASS::IN), false);
    packet.questions.push(question);
    let bytes = packet.build_bytes_vec().map_err(|_| bad())?;
    Ok(Asked { id, bytes })
}

/// A socket that takes datagrams of this server only, at a port of its own.
fn connect(server: SocketAddr) -> Result<UdpSocket, LookupError> {
    let own: SocketAddr = if server.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let socket = UdpSocket::bind(own).map_err(|error| failed(&error))?;
    socket.connect(server).map_err(|error| failed(&error))?;
    Ok(socket)
}

fn ask_over_tcp(
    server: SocketAddr,
    asked: &Asked,
    name: &str,
    kind: TYPE,
    deadline: Instant,
) -> Result<Answer, LookupError> {
    let mut stream = TcpStream::connect_timeout(&server, time_left(deadline)?)
        .map_err(|error| failed(&error))?;
    let wait = time_left(deadline)?;
    let timeouts = stream
        .set_read_timeout(Some(wait))
        .and(stream.set_write_timeout(Some(wait)));
    timeouts.map_err(|error| failed(&error))?;
    let mut message = (asked.bytes.len() as u16).to_be_bytes().to_vec();
    message.extend_from_slice(&asked.bytes);
    stream.write_all(&message).map_err(|error| failed(&error))?;
    let mut length = [0; 2];
    read_until(&mut stream, &mut length, deadline)?;
    let mut reply = vec![0; u16::from_be_bytes(length).into()];
    read_until(&mut stream, &mut reply, deadline)?;
    match read_answer(asked, name, kind, &reply) {
        Some(Reply::Answer(answer)) => Ok(answer),
        Some(Reply::TooLong) | None => Ok(Answer::Refused),
    }
}

/// Fills `buffer`; a server that sends byte by byte gets no more time for it.
fn read_until(
    stream: &mut TcpStream,
    mut buffer: &mut [u8],
    deadline: Instant,
) -> Result<(), LookupError> {
    while !buffer.is_empty() {
        stream
            .set_read_timeout(Some(time_left(deadline)?))
            .map_err(|error| failed(&error))?;
        match stream.read(buffer).map_err(|error| failed(&error))? {
            0 => return Err(LookupError::Unreachable("it hung up".to_owned())),
            read => buffer = &mut buffer[read..],
        }
    }
    Ok(())
}

fn time_left(deadline: Instant) -> Result<Duration, LookupError> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(LookupError::Timeout);
    }
    Ok(left)
}

fn failed(error: &std::io::Error) -> LookupError {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => LookupError::Timeout,
        _ => LookupError::Unreachable(error.to_string()),
    }
}

/// What a message says; `None` where it is no answer to this question.
fn read_answer(asked: &Asked, name: &str, kind: TYPE, message: &[u8]) -> Option<Reply> {
    let packet = Packet::parse(message).ok()?;
    let question = packet.questions.first()?;
    let is_ours = packet.id() == asked.id
        && packet.has_flags(PacketFlag::RESPONSE)
        && question.qtype == QTYPE::TYPE(kind)
        && is_same(&question.qname, name);
    if !is_ours {
        return None;
    }
    if packet.has_flags(PacketFlag::TRUNCATION) {
        return Some(Reply::TooLong);
    }
    Some(Reply::Answer(match packet.rcode() {
        RCODE::NoError => found(&packet, name, kind),
        RCODE::NameError => Answer::NoSuchName,
        _ => Answer::Refused,
    }))
}

/// The first answer, also by way of other names.
fn found(packet: &Packet<'_>, name: &str, kind: TYPE) -> Answer {
    let mut name = name.to_owned();
    for answer in &packet.answers {
        if !is_same(&answer.name, &name) {
            continue;
        }
        match &answer.rdata {
            RData::A(address) if kind == TYPE::A => {
                return Answer::Found(Ipv4Addr::from(address.address).to_string());
            }
            RData::AAAA(address) if kind == TYPE::AAAA => {
                return Answer::Found(Ipv6Addr::from(address.address).to_string());
            }
            RData::PTR(target) if kind == TYPE::PTR => return Answer::Found(target.0.to_string()),
            RData::CNAME(target) => name = target.0.to_string(),
            _ => {}
        }
    }
    Answer::Nothing
}

fn is_same(found: &Name<'_>, name: &str) -> bool {
    found.to_string().eq_ignore_ascii_case(name)
}

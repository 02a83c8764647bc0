//! Against a name server on this machine.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kelp_parser::resolver::{LookupError, Resolver, ResolverSettings, Servers};
use simple_dns::rdata::{A, AAAA, CNAME, PTR, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};

use super::open;

/// Answers questions as the name tells: on UDP and, for the same port, on TCP.
struct Server {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Server {
    fn start() -> Self {
        // The same port must be free for both.
        let (socket, listener) = loop {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            if let Ok(listener) = TcpListener::bind(socket.local_addr().unwrap()) {
                break (socket, listener);
            }
        };
        let address = socket.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                count.fetch_add(1, Ordering::Relaxed);
                for message in answers(&buffer[..length], false) {
                    socket.send_to(&message, from).unwrap();
                }
            }
        });
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut length = [0; 2];
                stream.read_exact(&mut length).unwrap();
                let mut question = vec![0; u16::from_be_bytes(length).into()];
                stream.read_exact(&mut question).unwrap();
                for message in answers(&question, true) {
                    let mut reply = (message.len() as u16).to_be_bytes().to_vec();
                    reply.extend(message);
                    stream.write_all(&reply).unwrap();
                }
            }
        });
        Self { address, asked }
    }
}

/// The messages that a question gets.
fn answers(question: &[u8], is_tcp: bool) -> Vec<Vec<u8>> {
    let asked = Packet::parse(question).unwrap();
    let name = asked.questions[0].qname.to_string();
    let kind = asked.questions[0].qtype;
    let mut reply = Packet::parse(question).unwrap();
    reply.set_flags(PacketFlag::RESPONSE);
    let mut add = |name: &'static str, data: RData<'static>| {
        let name = Name::new(name).unwrap();
        reply
            .answers
            .push(ResourceRecord::new(name, CLASS::IN, 60, data));
    };
    let v4 = |last: u32| {
        RData::A(A {
            address: 0xc000_0200 + last,
        })
    };
    let target = |name: &'static str| Name::new(name).unwrap();
    match (name.as_str(), kind) {
        ("four.example", QTYPE::TYPE(TYPE::A)) => {
            add("FOUR.example", v4(1));
            add("four.example", v4(2));
        }
        ("six.example", QTYPE::TYPE(TYPE::AAAA)) => {
            add("six.example", RData::AAAA(AAAA { address: 1 }));
        }
        ("www.example", QTYPE::TYPE(TYPE::A)) => {
            add("www.example", RData::CNAME(CNAME(target("web.example"))));
            add("web.example", v4(3));
        }
        ("xn--bcher-kva.example", QTYPE::TYPE(TYPE::A)) => add("xn--bcher-kva.example", v4(4)),
        ("short.search.example", QTYPE::TYPE(TYPE::A)) => add("short.search.example", v4(5)),
        ("long.example", QTYPE::TYPE(TYPE::A)) if is_tcp => add("long.example", v4(6)),
        ("long.example", _) => reply.set_flags(PacketFlag::TRUNCATION),
        ("1.2.0.192.in-addr.arpa", QTYPE::TYPE(TYPE::PTR)) => {
            add(
                "1.2.0.192.in-addr.arpa",
                RData::PTR(PTR(target("xn--bcher-kva.example"))),
            );
        }
        ("noise.example", QTYPE::TYPE(TYPE::A)) => {
            add("noise.example", v4(7));
            let good = reply.build_bytes_vec().unwrap();
            let mut forged = good.clone();
            forged[0] ^= 0xff;
            return vec![b"nonsense".to_vec(), forged, good];
        }
        ("silent.example", _) => return Vec::new(),
        ("refused.example", _) => *reply.rcode_mut() = RCODE::Refused,
        ("four.example" | "six.example", _) => {}
        _ => *reply.rcode_mut() = RCODE::NameError,
    }
    vec![reply.build_bytes_vec().unwrap()]
}

fn resolver(servers: &[SocketAddr], timeout_millis: u64) -> Box<dyn Resolver> {
    open(ResolverSettings {
        hosts_files: Vec::new(),
        servers: Servers::Given {
            addresses: servers.to_vec(),
            search: vec!["search.example".to_owned()],
            dots: 1,
        },
        timeout: Duration::from_millis(timeout_millis),
    })
}

#[test]
fn names_and_addresses_are_found() {
    let server = Server::start();
    let resolver = resolver(&[server.address], 20_000);
    let address = |name: &str| resolver.address_of(name).unwrap();
    assert_eq!(address("four.example").as_deref(), Some("192.0.2.1"));
    assert_eq!(address("six.example").as_deref(), Some("::1"));
    assert_eq!(address("www.example").as_deref(), Some("192.0.2.3"));
    assert_eq!(address("bücher.example").as_deref(), Some("192.0.2.4"));
    assert_eq!(address("short").as_deref(), Some("192.0.2.5"));
    assert_eq!(address("long.example").as_deref(), Some("192.0.2.6"));
    assert_eq!(address("noise.example").as_deref(), Some("192.0.2.7"));
    assert_eq!(address("nothing.example"), None);
    assert_eq!(address("refused.example"), None);
    let name = |address: &str| resolver.name_of(address.parse().unwrap()).unwrap();
    assert_eq!(name("192.0.2.1").as_deref(), Some("bücher.example"));
    assert_eq!(name("192.0.2.99"), None);
    assert_eq!(name("2001:db8::1"), None);
    let bad = resolver.address_of("a..b");
    assert_eq!(bad, Err(LookupError::BadName("a..b".to_owned())));
}

#[test]
fn the_next_server_is_asked_where_one_is_silent_or_gone() {
    let server = Server::start();
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let silent = [silent.local_addr().unwrap(), server.address];
    let found = resolver(&silent, 300).address_of("four.example");
    assert_eq!(found.unwrap().as_deref(), Some("192.0.2.1"));
    let gone = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let found = resolver(&[gone, server.address], 20_000).address_of("four.example");
    assert_eq!(found.unwrap().as_deref(), Some("192.0.2.1"));
    let found = resolver(&[gone], 20_000).address_of("four.example");
    assert!(
        matches!(found, Err(LookupError::Unreachable(_))),
        "{found:?}"
    );
}

#[test]
fn silence_ends_at_the_timeout() {
    let server = Server::start();
    let began = Instant::now();
    let found = resolver(&[server.address], 100).address_of("silent.example");
    assert_eq!(found, Err(LookupError::Timeout));
    assert!(began.elapsed() >= Duration::from_millis(100));
    assert_eq!(server.asked.load(Ordering::Relaxed), 1);
}

#[test]
fn files_come_before_servers_and_alone_they_ask_nobody() {
    let path = std::env::temp_dir().join(format!("kelp-hosts-{}", std::process::id()));
    std::fs::write(&path, "192.0.2.77 four.example mine\n").unwrap();
    let with = |servers| {
        open(ResolverSettings {
            hosts_files: vec![path.clone()],
            servers,
            timeout: Duration::from_secs(20),
        })
    };
    let server = Server::start();
    let both = with(Servers::Given {
        addresses: vec![server.address],
        search: Vec::new(),
        dots: 1,
    });
    let found = |name| both.address_of(name).unwrap();
    assert_eq!(found("four.example").as_deref(), Some("192.0.2.77"));
    assert_eq!(found("www.example").as_deref(), Some("192.0.2.3"));
    let alone = with(Servers::None);
    assert_eq!(
        alone.address_of("mine").unwrap().as_deref(),
        Some("192.0.2.77")
    );
    assert_eq!(alone.address_of("www.example").unwrap(), None);
    let name = alone.name_of("192.0.2.77".parse().unwrap()).unwrap();
    assert_eq!(name.as_deref(), Some("four.example"));
    std::fs::remove_file(&path).unwrap();
}

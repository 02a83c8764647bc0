//! A broker that answers, while it starts, with topics and without brokers.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use kelp_ingest::kafka::KafkaInput;
use kelp_ingest::{Limits, Source};

use super::support::{LONG, options};

const API_VERSIONS: i16 = 18;
const METADATA: i16 = 3;
const UNSUPPORTED_VERSION: i16 = 35;
const LEADER_NOT_AVAILABLE: i16 = 5;

/// As much of a broker as tells a client who the brokers are.
struct Broker {
    port: u16,
    is_starting: Arc<AtomicBool>,
    connections: Arc<AtomicUsize>,
    lists: Arc<AtomicUsize>,
}

impl Broker {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let broker = Self {
            port: listener.local_addr().unwrap().port(),
            is_starting: Arc::default(),
            connections: Arc::default(),
            lists: Arc::default(),
        };
        let (port, is_starting) = (broker.port, broker.is_starting.clone());
        let (connections, lists) = (broker.connections.clone(), broker.lists.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                connections.fetch_add(1, Ordering::SeqCst);
                let (is_starting, lists) = (is_starting.clone(), lists.clone());
                thread::spawn(move || serve(stream.unwrap(), port, &is_starting, &lists));
            }
        });
        broker
    }
}

/// Until the client hangs up.
fn serve(mut stream: TcpStream, port: u16, is_starting: &AtomicBool, lists: &AtomicUsize) {
    let mut len = [0; 4];
    while stream.read_exact(&mut len).is_ok() {
        let mut request = vec![0; u32::from_be_bytes(len) as usize];
        if stream.read_exact(&mut request).is_err() {
            return;
        }
        let short = |at: usize| i16::from_be_bytes([request[at], request[at + 1]]);
        let mut answer = request[4..8].to_vec();
        match (short(0), short(2)) {
            (API_VERSIONS, version) => {
                let error = if version == 0 { 0 } else { UNSUPPORTED_VERSION };
                answer.extend(error.to_be_bytes());
                answer.extend(2_i32.to_be_bytes());
                for (key, oldest, newest) in [(API_VERSIONS, 0, 0), (METADATA, 0_i16, 1_i16)] {
                    for number in [key, oldest, newest] {
                        answer.extend(number.to_be_bytes());
                    }
                }
            }
            (METADATA, 1) => {
                metadata(&mut answer, port, is_starting.load(Ordering::SeqCst));
                lists.fetch_add(1, Ordering::SeqCst);
            }
            _ => return,
        }
        let len = (answer.len() as u32).to_be_bytes();
        if stream.write_all(&[&len, &answer[..]].concat()).is_err() {
            return;
        }
    }
}

fn metadata(answer: &mut Vec<u8>, port: u16, is_starting: bool) {
    let text = |answer: &mut Vec<u8>, text: &str| {
        answer.extend((text.len() as i16).to_be_bytes());
        answer.extend(text.as_bytes());
    };
    let numbers = |answer: &mut Vec<u8>, numbers: &[i32]| {
        for number in numbers {
            answer.extend(number.to_be_bytes());
        }
    };
    if is_starting {
        numbers(answer, &[0, -1]); // no brokers, no controller
    } else {
        numbers(answer, &[1, 1]);
        text(answer, "localhost"); // not as in `bootstrap_servers`, or librdkafka would not count it as learned
        numbers(answer, &[i32::from(port)]);
        answer.extend((-1_i16).to_be_bytes()); // no rack
        numbers(answer, &[1]); // the controller
    }
    numbers(answer, &[1]); // topics
    let (error, leader) = match is_starting {
        true => (LEADER_NOT_AVAILABLE, -1),
        false => (0, 1),
    };
    answer.extend(error.to_be_bytes());
    text(answer, "t");
    answer.push(0); // not internal
    numbers(answer, &[1]); // partitions
    answer.extend(error.to_be_bytes());
    numbers(answer, &[0, leader, 1, 1, 1, 1]); // its number, leader, replicas and in-sync replicas
}

#[test]
fn a_cluster_that_had_no_brokers_is_found_again() {
    let broker = Broker::start();
    let bootstrap = format!("127.0.0.1:{}", broker.port);
    let settings = [
        ("bootstrap_servers", bootstrap.as_str()),
        ("topics", "t"),
        ("metadata_max_age_ms", "1000"),
    ];
    let (sender, _batches) = bounded(1);
    let input = KafkaInput::start(&options(&settings), Limits::default(), 0, sender).unwrap();
    let wait_until = |what: &str, is_true: &dyn Fn() -> bool| {
        let begun = Instant::now();
        while !is_true() {
            assert!(begun.elapsed() < LONG, "{what}");
            thread::sleep(Duration::from_millis(20));
        }
    };
    let lists = |more: usize| {
        let wanted = broker.lists.load(Ordering::SeqCst) + more;
        wait_until("the client asks who the brokers are", &|| {
            broker.lists.load(Ordering::SeqCst) >= wanted
        });
    };
    lists(2);
    wait_until("the input reaches its broker", &|| {
        !input.stats().is_unreachable
    });
    broker.is_starting.store(true, Ordering::SeqCst);
    lists(1);
    wait_until("the input tells that it reaches none", &|| {
        input.stats().is_unreachable
    });
    // What it knew is forgotten by now, its connections are closed.
    thread::sleep(Duration::from_secs(1));
    broker.is_starting.store(false, Ordering::SeqCst);
    let connections = broker.connections.load(Ordering::SeqCst);
    lists(2);
    assert!(broker.connections.load(Ordering::SeqCst) > connections);
    wait_until("the input reaches its broker again", &|| {
        !input.stats().is_unreachable
    });
    Box::new(input).drain(Instant::now());
}

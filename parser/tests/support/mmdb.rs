//! Writes small MaxMind databases for the cases of `geoip`: IPv6 trees with records of 24 bits.
//! (Format: <https://maxmind.github.io/MaxMind-DB/>.)

use std::net::Ipv6Addr;

use serde_json::Value;

/// A database of that type: networks (address, length of the prefix) and what is known of them.
pub fn database(kind: &str, networks: &[(Ipv6Addr, u32, Value)]) -> Vec<u8> {
    let mut tree: Vec<[Branch; 2]> = vec![[Branch::Nothing; 2]];
    let mut data = Vec::new();
    for (address, prefix, value) in networks {
        let offset = data.len() as u32;
        write(value, &mut data);
        let bits = u128::from(*address);
        let mut node = 0;
        for depth in 0..*prefix {
            let side = (bits >> (127 - depth) & 1) as usize;
            if depth + 1 == *prefix {
                tree[node][side] = Branch::Data(offset);
            } else if let Branch::Node(next) = tree[node][side] {
                node = next;
            } else {
                tree.push([Branch::Nothing; 2]);
                let next = tree.len() - 1;
                tree[node][side] = Branch::Node(next);
                node = next;
            }
        }
    }
    let count = tree.len() as u32;
    let mut out = Vec::new();
    for branch in tree.iter().flatten() {
        let record = match branch {
            Branch::Nothing => count,
            Branch::Node(node) => *node as u32,
            Branch::Data(offset) => count + 16 + offset,
        };
        out.extend_from_slice(&record.to_be_bytes()[1..]);
    }
    out.extend_from_slice(&[0; 16]);
    out.extend_from_slice(&data);
    out.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    // A map of nine entries.
    out.push(7 << 5 | 9);
    let numbers = [
        ("binary_format_major_version", 2),
        ("binary_format_minor_version", 0),
        ("ip_version", 6),
        ("node_count", count),
        ("record_size", 24),
        ("build_epoch", 1),
    ];
    for (name, number) in numbers {
        write(&Value::from(name), &mut out);
        match name {
            "node_count" => write_number(6, number, &mut out),
            "build_epoch" => {
                // An unsigned integer of 64 bits, an extended type.
                out.extend_from_slice(&[1, 9 - 7, number as u8]);
            }
            _ => write_number(5, number, &mut out),
        }
    }
    write(&Value::from("database_type"), &mut out);
    write(&Value::from(kind), &mut out);
    write(&Value::from("description"), &mut out);
    write(&serde_json::json!({ "en": "for tests" }), &mut out);
    write(&Value::from("languages"), &mut out);
    write(&serde_json::json!(["en"]), &mut out);
    out
}

#[derive(Clone, Copy)]
enum Branch {
    Nothing,
    Node(usize),
    Data(u32),
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::String(text) => {
            write_head(2, text.len(), out);
            out.extend_from_slice(text.as_bytes());
        }
        Value::Number(number) => match number.as_u64() {
            // `metro_code` is of 16 bits, numbers of networks are of 32.
            Some(number) if number < 1000 => write_number(5, number as u32, out),
            Some(number) => write_number(6, number as u32, out),
            None => {
                write_head(3, 8, out);
                out.extend_from_slice(&number.as_f64().unwrap_or_default().to_be_bytes());
            }
        },
        Value::Object(fields) => {
            write_head(7, fields.len(), out);
            for (key, value) in fields {
                write(&Value::from(key.as_str()), out);
                write(value, out);
            }
        }
        Value::Array(values) => {
            out.extend_from_slice(&[values.len() as u8, 11 - 7]);
            values.iter().for_each(|value| write(value, out));
        }
        Value::Bool(yes) => out.extend_from_slice(&[u8::from(*yes), 14 - 7]),
        Value::Null => {}
    }
}

fn write_number(kind: u8, number: u32, out: &mut Vec<u8>) {
    let bytes = number.to_be_bytes();
    let skipped = if kind == 5 { 2 } else { 0 };
    write_head(kind, bytes.len() - skipped, out);
    out.extend_from_slice(&bytes[skipped..]);
}

fn write_head(kind: u8, length: usize, out: &mut Vec<u8>) {
    match u8::try_from(length) {
        Ok(length) if length < 29 => out.push(kind << 5 | length),
        _ => {
            out.push(kind << 5 | 29);
            out.push((length - 29) as u8);
        }
    }
}

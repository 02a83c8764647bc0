//! How far files have been shipped, on disk: written anew and renamed, so that it is whole at any time.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use kelp_sink::replace::replace;
use serde_json::{Value, json};

use crate::fnv::fnv1a;

/// Which file a file is, whatever it is called: the name moves on when it is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// The device.
    pub device: u64,
    /// The inode, which a later file may get.
    pub inode: u64,
}

/// The first bytes of a file, to tell it from a later one that has its inode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// How many bytes.
    pub length: usize,
    /// Of them.
    pub hash: u64,
}

impl Head {
    /// So many bytes are looked at, at most.
    pub const LENGTH: usize = 256;

    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            length: bytes.len(),
            hash: fnv1a(bytes),
        }
    }
}

/// How far one file has been shipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Where it was seen last.
    pub path: PathBuf,
    /// Which file it is.
    pub identity: Identity,
    /// What its events are marked with: no other file ever has the same.
    pub mark: u64,
    /// How it begins.
    pub head: Head,
    /// Everything before this offset is acknowledged.
    pub offset: u64,
}

/// A place in the topic: a partition, and an offset.
pub type Place = (i32, i64);

/// All that is saved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// How far each file has been shipped.
    pub files: Vec<Position>,
    /// For each partition of the topic, the offset from which on there may be events that the positions do not know of. None before the
    /// first start, and after an end that left none.
    pub ends: Option<BTreeMap<i32, i64>>,
}

/// Reads what is saved; nothing if there is no such file.
///
/// # Errors
/// It cannot be read, or is not what [`save`] writes.
pub fn load(path: &Path) -> io::Result<Saved> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Saved::default()),
        other => other?,
    };
    let broken = || io::Error::new(io::ErrorKind::InvalidData, "it does not hold positions");
    let all: Value = serde_json::from_str(&text).map_err(|_| broken())?;
    let files = all["files"].as_array().ok_or_else(broken)?;
    let files = files.iter().map(|file| {
        let number = |name: &str| file[name].as_u64();
        Some(Position {
            path: file["path"].as_str()?.into(),
            identity: Identity {
                device: number("device")?,
                inode: number("inode")?,
            },
            head: Head {
                length: number("head_length")? as usize,
                hash: number("head")?,
            },
            mark: number("mark")?,
            offset: number("offset")?,
        })
    });
    let files = files.collect::<Option<_>>().ok_or_else(broken)?;
    let ends = all["ends"].as_object().map(|ends| {
        let ends = ends.iter();
        let ends = ends.map(|(partition, end)| Some((partition.parse().ok()?, end.as_i64()?)));
        ends.collect::<Option<_>>().ok_or_else(broken)
    });
    Ok(Saved {
        files,
        ends: ends.transpose()?,
    })
}

/// Takes the right to save positions in this file, for as long as what is given back is open.
///
/// # Errors
/// [`io::ErrorKind::ResourceBusy`] while another process has it; there may be no locks there, or no right to write.
pub fn lock(path: &Path) -> io::Result<File> {
    make_folder_of(path)?;
    // The file itself is replaced again and again.
    kelp_sink::lock::exclusive(&with_end(path, ".lock"))
}

fn make_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Replaces what is saved.
///
/// # Errors
/// It cannot be written; what was saved before is still there.
pub fn save(path: &Path, saved: &Saved) -> io::Result<()> {
    let files: Vec<Value> = saved
        .files
        .iter()
        .map(|position| {
            json!({
                "path": position.path.to_string_lossy(),
                "device": position.identity.device, "inode": position.identity.inode,
                "head_length": position.head.length, "head": position.head.hash,
                "mark": position.mark, "offset": position.offset,
            })
        })
        .collect();
    let ends = saved.ends.as_ref().map(|ends| {
        let ends = ends.iter();
        ends.map(|(partition, end)| (partition.to_string(), *end))
            .collect::<BTreeMap<_, _>>()
    });
    let all = json!({"version": 1, "files": files, "ends": ends});
    replace(path, &format!("{all}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time_saves() {
        let folder = std::env::temp_dir().join(format!("kelp-ship-lock-{}", std::process::id()));
        let path = folder.join("ship/a.json");
        let held = lock(&path).unwrap();
        let second = lock(&path).map_err(|error| error.kind());
        assert!(matches!(second, Err(io::ErrorKind::ResourceBusy)));
        lock(&folder.join("ship/b.json")).unwrap();
        drop(held);
        lock(&path).unwrap();
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_saved_is_loaded_and_what_is_broken_is_told() {
        let folder = std::env::temp_dir().join(format!("kelp-positions-{}", std::process::id()));
        let path = folder.join("ship/a.json");
        assert_eq!(load(&path).unwrap(), Saved::default());
        let position = Position {
            path: "/var/log/a \u{e4}.log".into(),
            identity: Identity {
                device: 1,
                inode: u64::MAX,
            },
            head: Head::of(b"abc"),
            mark: u64::MAX - 1,
            offset: 7,
        };
        let saved = Saved {
            files: vec![position],
            ends: Some([(0, 17), (3, 0)].into()),
        };
        save(&path, &saved).unwrap();
        assert_eq!(load(&path).unwrap(), saved);
        fs::write(&path, "{").unwrap();
        assert!(load(&path).is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}

//! How far files have been shipped, on disk: written anew and renamed, so that it is whole at any time.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// Which file a file is, whatever it is called: the name moves on when it is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        // FNV-1a
        let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self {
            length: bytes.len(),
            hash,
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
    /// How it begins.
    pub head: Head,
    /// Everything before this offset is acknowledged.
    pub offset: u64,
}

/// Reads the positions; none if there is no such file.
///
/// # Errors
/// It cannot be read, or is not what [`save`] writes.
pub fn load(path: &Path) -> io::Result<Vec<Position>> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
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
            offset: number("offset")?,
        })
    });
    files.collect::<Option<_>>().ok_or_else(broken)
}

/// Replaces what is saved.
///
/// # Errors
/// It cannot be written; what was saved before is still there.
pub fn save(path: &Path, positions: &[Position]) -> io::Result<()> {
    let files: Vec<Value> = positions
        .iter()
        .map(|position| {
            json!({
                "path": position.path.to_string_lossy(),
                "device": position.identity.device, "inode": position.identity.inode,
                "head_length": position.head.length, "head": position.head.hash,
                "offset": position.offset,
            })
        })
        .collect();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let mut file = File::create(&name)?;
    writeln!(file, "{}", json!({"version": 1, "files": files}))?;
    file.sync_all()?;
    fs::rename(&name, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_loaded_and_what_is_broken_is_told() {
        let folder = std::env::temp_dir().join(format!("kelp-positions-{}", std::process::id()));
        let path = folder.join("ship/a.json");
        assert!(load(&path).unwrap().is_empty());
        let position = Position {
            path: "/var/log/a \u{e4}.log".into(),
            identity: Identity {
                device: 1,
                inode: u64::MAX,
            },
            head: Head::of(b"abc"),
            offset: 7,
        };
        save(&path, std::slice::from_ref(&position)).unwrap();
        assert_eq!(load(&path).unwrap(), [position]);
        fs::write(&path, "{").unwrap();
        assert!(load(&path).is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}

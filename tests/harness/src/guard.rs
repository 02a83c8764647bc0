//! Ends a server when the process that started it is gone, even by SIGKILL.
//!
//! A guard is a shell that waits on a pipe whose only writer is this process. Each line it reads is the process group now running; at the end
//! of the pipe it ends the last one and removes the folder it was given. So nothing outlives a test run that was interrupted, and servers
//! held in a `static` (which Rust never drops) end with the test binary.

use crate::{Error, Result};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// `$1` is the folder to remove, or empty; a group of 0 means that none runs.
const SCRIPT: &str = r#"
group=0
while read -r line; do group=$line; done
[ "$group" -gt 0 ] && kill -KILL "-$group" 2>/dev/null
[ -n "$1" ] || exit 0
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
"#;

pub(crate) struct Guard {
    shell: Child,
}

impl Guard {
    /// Starts watching; `remove` is a folder to delete at the end.
    pub(crate) fn new(remove: Option<&Path>) -> Result<Self> {
        let shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "kelp-guard"])
            .arg(remove.unwrap_or(Path::new("")))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0) // Ctrl-C in the terminal must not reach it
            .spawn()
            .map_err(Error::io("run", "/bin/sh"))?;
        Ok(Self { shell })
    }

    /// Names the process group to end, or none.
    pub(crate) fn watch(&mut self, group: Option<u32>) -> Result<()> {
        let pipe = self
            .shell
            .stdin
            .as_mut()
            .expect("the pipe is open until drop");
        writeln!(pipe, "{}", group.unwrap_or(0)).map_err(Error::io("write to", "the guard"))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

//! Every configuration in `examples/` is valid.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

#[test]
fn every_example_is_valid() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut checked = 0;
    for entry in std::fs::read_dir(examples).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "conf") {
            continue;
        }
        let output = Command::new(env!("CARGO_BIN_EXE_kelp"))
            .args(["-t", "-f"])
            .arg(&path)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}\n{errors}", path.display());
        assert!(!errors.contains("warning"), "{}\n{errors}", path.display());
        checked += 1;
    }
    assert!(checked >= 5, "only {checked} examples were found");
}

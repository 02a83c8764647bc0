//! The name of the machine, for the filters that name it in the events they make.

use std::sync::LazyLock;

static NAME: LazyLock<String> = LazyLock::new(|| {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok());
    let name = name
        .as_deref()
        .map(str::trim)
        .filter(|name| !name.is_empty());
    name.unwrap_or("localhost").to_owned()
});

/// The name of the machine; `localhost` where it is not known.
pub(crate) fn host_name() -> &'static str {
    &NAME
}

//! Whether output is coloured: on a terminal, unless `NO_COLOR` is set (<https://no-color.org>).

use std::io::IsTerminal;

/// Whether standard error takes colours.
pub fn on_stderr() -> bool {
    std::io::stderr().is_terminal() && allowed()
}

/// Whether standard output takes colours.
pub fn on_stdout() -> bool {
    std::io::stdout().is_terminal() && allowed()
}

fn allowed() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

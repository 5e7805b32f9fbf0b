//! What goes to stderr: logs, errors, progress. Data alone goes to stdout.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing_subscriber::EnvFilter;

/// Exit code of a command whose input was refused (bad rows, a broken audit trail); 1 is any other failure, 2 is usage.
pub const INPUT_REFUSED: u8 = 3;

/// Logs to stderr: `RUST_LOG` filters, NO_COLOR is honoured.
pub fn start_logging(json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        EnvFilter::new("info,librdkafka=warn,rdkafka=warn,sqlx=warn,fjall=warn,lsm_tree=warn")
    });
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // A line that cannot be written, such as to a file on a full disk, is lost. To say so would be to write again, and to panic.
        .log_internal_errors(false)
        .with_ansi(colour);
    if json {
        logs.json().init();
    } else {
        logs.init();
    }
}

/// Says what failed, and why, one cause a line.
pub fn fail(error: &anyhow::Error) -> ExitCode {
    explain(error);
    ExitCode::FAILURE
}

/// Says why an input is refused, one cause a line.
pub fn refuse(error: &anyhow::Error) -> ExitCode {
    explain(error);
    INPUT_REFUSED.into()
}

fn explain(error: &anyhow::Error) {
    eprintln!("steelring: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because {cause}");
    }
}

/// A progress bar on stderr; hidden where nobody watches.
pub fn progress(length: u64, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:40}] {pos}/{len} {per_sec} {eta}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(what);
    bar
}

/// A spinner on stderr for what has no length.
pub fn spinner(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_message(what);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

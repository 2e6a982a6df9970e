//! The settings of logs: `log.*`.

use settings::{Setting, Settings};
use tracing_subscriber::filter::Targets;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The format of log lines, and which events are logged.
#[derive(Debug, Clone)]
pub struct Log {
    /// JSON or text.
    pub format: LogFormat,
    /// Which events are logged.
    pub level: LogLevel,
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// [`LogFormat::Human`] if standard error is a terminal, [`LogFormat::Json`] otherwise.
    Auto,
    /// One JSON object a line.
    Json,
    /// Text for people, coloured on a terminal.
    Human,
}

impl Setting for LogFormat {
    fn form() -> String {
        "auto, json or human".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "json" => Ok(Self::Json),
            "human" => Ok(Self::Human),
            _ => Err("is none of auto, json, human".to_owned()),
        }
    }
}

/// A level, or levels per target: `info`, `info,sqlx=warn`.
#[derive(Debug, Clone)]
pub struct LogLevel(Targets);

impl LogLevel {
    /// The filter for a subscriber.
    #[must_use]
    pub fn targets(&self) -> Targets {
        self.0.clone()
    }
}

impl Setting for LogLevel {
    fn form() -> String {
        "level, or levels per target".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            "is not a level (off, error, warn, info, debug, trace) or a list such as info,sqlx=warn"
                .to_owned()
        };
        // The parser takes a single unknown word for a target, so `inof` would log nothing.
        let is_directive = |part: &str| part.contains('=') || LEVELS.contains(&part);
        match text.parse() {
            Ok(targets) if text.split(',').all(is_directive) => Ok(Self(targets)),
            Ok(_) | Err(_) => Err(wrong()),
        }
    }
}

/// Reads `log.format` and `log.level`.
pub fn log(settings: &mut Settings) -> Option<Log> {
    let format = settings.get("log.format");
    let level = settings.get("log.level");
    Some(Log {
        format: format?,
        level: level?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_level_is_refused_and_not_read_as_a_target() {
        for right in ["info", "off", "info,sqlx=warn", "database=trace"] {
            assert!(LogLevel::parse(right).is_ok(), "{right}");
        }
        for wrong in ["inof", "info,sqlx", "", "info,sqlx=loud"] {
            assert!(LogLevel::parse(wrong).is_err(), "{wrong}");
        }
    }
}

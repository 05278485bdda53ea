//! Why a recipe stopped, and the exit code that says so.

use std::{fmt, process::ExitCode};

const USAGE_CODE: u8 = 2;

/// Why a recipe stopped.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// Wrong arguments: exit code 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: USAGE_CODE,
        }
    }

    /// Something is missing or wrong: exit code 1.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: 1,
        }
    }

    /// A command ended with `code` (none: by a signal), which becomes ours.
    pub(crate) fn of_command(command: &str, code: Option<i32>) -> Self {
        let ended = code.map_or_else(
            || "was ended by a signal".to_owned(),
            |code| format!("failed with exit code {code}"),
        );
        Self {
            message: format!("`{command}` {ended}"),
            code: code
                .and_then(|code| u8::try_from(code).ok())
                .filter(|&code| code != 0)
                .unwrap_or(1),
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commands_exit_code_becomes_ours() {
        assert_eq!(Failure::of_command("cargo test", Some(101)).code, 101);
    }

    #[test]
    fn a_failure_never_exits_with_zero() {
        assert_eq!(Failure::of_command("x", Some(0)).code, 1);
        assert_eq!(Failure::of_command("x", Some(256)).code, 1);
        assert_eq!(Failure::of_command("x", None).code, 1);
    }
}

//! One command of a recipe: printed, then run in the repository's root.

use std::{
    ffi::{OsStr, OsString},
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use crate::{failure::Failure, workspace::Workspace};

/// A command to be run.
#[derive(Debug)]
pub(crate) struct Step {
    command: Command,
    shown: String,
}

impl Step {
    pub(crate) fn new(workspace: &Workspace, program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref();
        let mut command = Command::new(program);
        command.current_dir(workspace.root());
        Self {
            command,
            shown: shown(program),
        }
    }

    pub(crate) fn cargo(workspace: &Workspace) -> Self {
        let mut step = Self::new(workspace, workspace.cargo());
        "cargo".clone_into(&mut step.shown);
        step
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        let argument = argument.as_ref();
        self.shown.push(' ');
        self.shown.push_str(&shown(argument));
        self.command.arg(argument);
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(self, arguments: impl IntoIterator<Item = A>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        let value = value.as_ref();
        self.shown = format!("{name}={} {}", shown(value), self.shown);
        self.command.env(name, value);
        self
    }

    /// Runs it to its end; anything but success is a failure.
    pub(crate) fn run(mut self) -> Result<(), Failure> {
        self.announce();
        let status = self
            .command
            .status()
            .map_err(|error| self.not_run(&error))?;
        if status.success() {
            Ok(())
        } else {
            Err(Failure::of_command(&self.shown, status.code()))
        }
    }

    /// As [`Step::run`], and gives each line of its standard output to `see` while printing it.
    pub(crate) fn run_seeing(mut self, mut see: impl FnMut(&str)) -> Result<(), Failure> {
        self.announce();
        let mut child = self
            .command
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| self.not_run(&error))?;
        if let Some(output) = child.stdout.take() {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            // By bytes: a test may print what is no text.
            while output
                .read_until(b'\n', &mut line)
                .map_err(|error| self.not_run(&error))?
                > 0
            {
                let text = String::from_utf8_lossy(&line);
                print!("{text}");
                see(text.trim_end());
                line.clear();
            }
        }
        let status = child.wait().map_err(|error| self.not_run(&error))?;
        if status.success() {
            Ok(())
        } else {
            Err(Failure::of_command(&self.shown, status.code()))
        }
    }

    /// Becomes the command, so that signals and exit code are its own.
    #[cfg(unix)]
    pub(crate) fn replace_this_process(mut self) -> Result<(), Failure> {
        use std::os::unix::process::CommandExt;
        self.announce();
        let error = self.command.exec();
        Err(self.not_run(&error))
    }

    /// Runs the command to its end.
    #[cfg(not(unix))]
    pub(crate) fn replace_this_process(self) -> Result<(), Failure> {
        self.run()
    }

    /// True if it can be run and succeeds. Silent.
    pub(crate) fn succeeds(mut self) -> bool {
        self.command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// What it prints, trimmed; none if it fails. Silent.
    pub(crate) fn output(mut self) -> Option<String> {
        let output = self.command.stdin(Stdio::null()).output().ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn announce(&self) {
        eprintln!("$ {}", self.shown);
    }

    fn not_run(&self, error: &std::io::Error) -> Failure {
        Failure::new(format!("`{}` could not be run: {error}", self.shown))
    }
}

/// An argument as one would type it.
fn shown(argument: &OsStr) -> String {
    let text = OsString::from(argument).to_string_lossy().into_owned();
    let plain =
        |character: char| character.is_ascii_alphanumeric() || "-_=/.,:+@%".contains(character);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_shown_as_one_would_type_them() {
        assert_eq!(shown(OsStr::new("--bench=a/b")), "--bench=a/b");
        assert_eq!(shown(OsStr::new("*")), "'*'");
        assert_eq!(shown(OsStr::new("")), "''");
        assert_eq!(shown(OsStr::new("it's")), r"'it'\''s'");
    }

    #[cfg(unix)]
    #[test]
    fn every_line_is_seen_and_a_failure_keeps_its_code() {
        let workspace = Workspace::find();
        let mut lines = Vec::new();
        let result = Step::new(&workspace, "sh")
            .args(["-c", "printf 'one\\ntwo'; exit 3"])
            .run_seeing(|line| lines.push(line.to_owned()));
        assert_eq!(lines, ["one", "two"]);
        assert_eq!(
            result.map_err(|failure| failure.exit_code()),
            Err(std::process::ExitCode::from(3))
        );
    }

    #[test]
    fn a_program_that_is_missing_is_a_failure() {
        let workspace = Workspace::find();
        assert!(Step::new(&workspace, "no-such-program-here").run().is_err());
        assert!(!Step::new(&workspace, "no-such-program-here").succeeds());
    }
}

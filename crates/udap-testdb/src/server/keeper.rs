//! A shell that owns a server and its folder, and clears both away when this process ends.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::programs::Programs;

const SCRIPT: &str = include_str!("keeper.sh");

/// The shell. It reads our orders from a pipe, which the kernel closes when we are gone.
#[derive(Debug)]
pub(super) struct Keeper {
    folder: PathBuf,
    shell: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Keeper {
    /// Makes a folder and starts the shell that owns it.
    pub(super) fn new(programs: &Programs) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("udap-testdb-")
            .tempdir()
            .expect("there is a temporary folder")
            .keep();
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "udap-testdb"])
            .args([&folder, &programs.mariadbd, &programs.install])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0) // what ends the tests (Ctrl-C) must not end their keeper first
            .spawn()
            .expect("sh starts");
        let orders = shell.stdin.take();
        let answers = shell.stdout.take().expect("its output is a pipe");
        Self {
            folder,
            shell,
            orders,
            answers: BufReader::new(answers),
        }
    }

    /// The folder that it owns.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the data folder, with an account `root` that has no password.
    pub(super) fn install(&mut self) {
        assert_eq!(self.ask("install"), 0, "no data folder: {}", self.log());
    }

    /// Takes the data folder of another.
    pub(super) fn copy(&mut self, other: &Path) {
        let answer = self.ask(&format!("copy {}", other.display()));
        assert_eq!(answer, 0, "no copy of the data folder: {}", self.log());
    }

    /// Starts the server; the answer is its process id. It does not accept connections yet.
    pub(super) fn start(&mut self, port: u16) -> u32 {
        self.ask(&format!("start {port}"))
    }

    /// Sends the server a signal.
    pub(super) fn signal(&mut self, name: &str) {
        assert_eq!(
            self.ask(&format!("signal {name}")),
            0,
            "no server to {name}"
        );
    }

    /// Waits until the server has ended.
    pub(super) fn wait(&mut self) {
        self.ask("wait");
    }

    /// What the server or the installer wrote since it was last started.
    pub(super) fn log(&self) -> String {
        let log = std::fs::read(self.folder.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    fn ask(&mut self, order: &str) -> u32 {
        let orders = self.orders.as_mut().expect("the keeper is there");
        writeln!(orders, "{order}").expect("the keeper listens");
        let mut answer = String::new();
        self.answers
            .read_line(&mut answer)
            .expect("the keeper answers");
        answer.trim().parse().expect("it answers with a number")
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.shell.wait();
    }
}

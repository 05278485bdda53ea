//! No server outlives the process that started it.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use udap_testdb::TestServer;

const MARK: &str = "server in ";

/// The process that is killed: it has a server, and waits for the end of its input.
#[test]
#[ignore = "the other test of this module runs it"]
fn a_process_with_a_server() {
    let server = TestServer::private();
    println!("{MARK}{}", folder(&server).display());
    let _ = std::io::stdin().read(&mut [0]);
}

fn folder(server: &TestServer) -> PathBuf {
    let socket = server.socket().unwrap();
    socket.parent().unwrap().to_owned()
}

fn process(folder: &Path) -> PathBuf {
    let id = std::fs::read_to_string(folder.join("pid")).unwrap();
    Path::new("/proc").join(id.trim())
}

fn until_gone(path: &Path) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while path.exists() {
        assert!(Instant::now() < deadline, "{} stays", path.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_server_dies_with_the_process_that_is_killed() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture"])
        .arg("ending::a_process_with_a_server")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let folder = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap)
        .find_map(|line| {
            line.split_once(MARK)
                .map(|(_, folder)| PathBuf::from(folder))
        })
        .unwrap();
    let process = process(&folder);
    assert!(process.exists());
    child.kill().unwrap(); // SIGKILL
    child.wait().unwrap();
    until_gone(&process);
    until_gone(&folder);
}

#[test]
fn a_server_and_its_folder_go_with_their_owner() {
    let server = TestServer::private();
    let folder = folder(&server);
    let process = process(&folder);
    assert!(process.exists());
    drop(server);
    assert!(!process.exists() && !folder.exists());
}

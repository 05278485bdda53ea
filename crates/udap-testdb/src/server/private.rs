//! A server of our own, which can be stopped, killed and frozen.

use std::io::Read;
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::keeper::Keeper;
use super::programs::Programs;

/// How long a server may take for anything, on a machine that is busy building.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often another free port is tried, if somebody took the first.
const PORTS: usize = 5;

/// A server that was started here. Copies are the same server.
#[derive(Clone, Debug)]
pub(super) struct Private {
    state: Arc<Mutex<State>>,
    socket: PathBuf,
    port: u16,
}

#[derive(Debug)]
struct State {
    keeper: Keeper,
    /// Process id, while it runs.
    server: Option<u32>,
}

impl Private {
    /// Starts one and waits until it accepts connections.
    pub(super) fn new() -> Self {
        let template = template();
        let mut keeper = Keeper::new(&template.programs);
        keeper.copy(&template.folder);
        let socket = keeper.folder().join("socket");
        let mut state = State {
            keeper,
            server: None,
        };
        let port = (0..PORTS)
            .map(|_| free_port())
            .find(|port| state.start(&socket, *port))
            .unwrap_or_else(|| panic!("mariadbd does not start:\n{}", state.keeper.log()));
        Self {
            state: Arc::new(Mutex::new(state)),
            socket,
            port,
        }
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn start(&self) {
        let mut state = self.state();
        assert!(state.server.is_none(), "the server runs already");
        assert!(
            state.start(&self.socket, self.port),
            "mariadbd does not start:\n{}",
            state.keeper.log()
        );
    }

    /// Ends it by a signal, and waits until it is dead.
    pub(super) fn end(&self, signal: &str) {
        let mut state = self.state();
        let server = state.server.take().expect("the server runs");
        state.keeper.signal(signal);
        state.keeper.signal("CONT"); // a frozen server would not heed SIGTERM
        until("the server ends", || has_ended(server));
        state.keeper.wait();
    }

    pub(super) fn freeze(&self) {
        let mut state = self.state();
        let server = state.server.expect("the server runs");
        state.keeper.signal("STOP");
        until("the server freezes", || process_state(server) == Some('T'));
    }

    pub(super) fn thaw(&self) {
        self.state().keeper.signal("CONT");
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Starts the server; false if it ended instead.
    fn start(&mut self, socket: &Path, port: u16) -> bool {
        // One that was killed has left its socket there.
        let _ = std::fs::remove_file(socket);
        let server = self.keeper.start(port);
        until("the server accepts connections or ends", || {
            accepts(socket) || has_ended(server)
        });
        if has_ended(server) {
            self.keeper.wait();
            return false;
        }
        self.server = Some(server);
        true
    }
}

/// A data folder that private servers start from: making one is the slowest part.
#[derive(Debug)]
struct Template {
    programs: Programs,
    folder: PathBuf,
    _keeper: Mutex<Keeper>,
}

fn template() -> &'static Template {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let programs = Programs::find();
        let mut keeper = Keeper::new(&programs);
        keeper.install();
        Template {
            programs,
            folder: keeper.folder().to_owned(),
            _keeper: Mutex::new(keeper),
        }
    })
}

fn until(what: &str, mut asked: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !asked() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Whether a server greets us. Its socket, unlike its port, can be nobody else's.
fn accepts(socket: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(socket) else {
        return false;
    };
    // Four bytes of packet header, then the version of the protocol; an error begins with 0xff.
    let mut greeting = [0; 5];
    stream.set_read_timeout(Some(PATIENCE)).is_ok()
        && stream.read_exact(&mut greeting).is_ok()
        && greeting[4] == 10
}

fn has_ended(process: u32) -> bool {
    matches!(process_state(process), None | Some('Z'))
}

/// The letter that Linux gives the state of a process: `T` stopped, `Z` ended. None: no such process.
fn process_state(id: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The second field is the name in parentheses, which may hold anything.
    stat.rsplit_once(") ")?.1.chars().next()
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .expect("there is a free port")
        .port()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_told() {
        let private = Private::new();
        private.end("TERM");
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let mut state = private.state();
        assert!(!state.start(&private.socket, taken.local_addr().unwrap().port()));
        assert!(state.start(&private.socket, private.port));
    }

    #[test]
    fn a_process_has_a_state() {
        let state = process_state(std::process::id());
        assert!(matches!(state, Some('R' | 'S')), "{state:?}");
        assert_eq!(process_state(u32::MAX), None);
    }
}

//! A wire to the database that can be cut at the worst moments.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How a commit is sent: the command's number, then its text.
const COMMIT: &[u8] = b"\x03COMMIT";

/// Where a connection breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// A commit does not reach the database.
    BeforeCommit,
    /// A commit does, but its answer does not come back.
    AfterCommit,
}

/// Passes everything on between a server under test and its database, until it is told to break.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// What becomes of the next commits.
    cuts: Mutex<VecDeque<Cut>>,
    stop: AtomicBool,
}

impl Proxy {
    /// In front of this port of 127.0.0.1.
    ///
    /// # Panics
    /// If there is no free port.
    #[must_use]
    pub fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it has an address");
        let shared = Arc::new(Shared::default());
        let of = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if of.stop.load(Ordering::SeqCst) {
                    return;
                }
                if let (Ok(client), Ok(database)) =
                    (stream, TcpStream::connect(("127.0.0.1", port)))
                {
                    of.join(&client, &database);
                }
            }
        });
        Self { address, shared }
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Breaks the connections of the next commits, one each.
    pub fn cut(&self, cuts: &[Cut]) {
        self.shared.cuts().extend(cuts);
    }

    /// Cuts that have not happened yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.shared.cuts().len()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the listener, which then is closed.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn cuts(&self) -> std::sync::MutexGuard<'_, VecDeque<Cut>> {
        self.cuts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts both directions.
    fn join(self: &Arc<Self>, client: &TcpStream, database: &TcpStream) {
        let is_deaf = Arc::new(AtomicBool::new(false));
        let copy = |stream: &TcpStream| stream.try_clone().expect("a socket can be shared");
        let (of, deaf) = (Arc::clone(self), Arc::clone(&is_deaf));
        pump(copy(client), copy(database), move |sent| {
            // It awaits the answer to each: a commit is the end of what is read at once.
            if !sent.ends_with(COMMIT) {
                return true;
            }
            match of.cuts().pop_front() {
                None => true,
                Some(Cut::BeforeCommit) => false,
                Some(Cut::AfterCommit) => {
                    deaf.store(true, Ordering::SeqCst);
                    true
                }
            }
        });
        pump(copy(database), copy(client), move |_| {
            !is_deaf.load(Ordering::SeqCst)
        });
    }
}

/// Copies until one side ends, or something is not to be passed on.
fn pump(mut from: TcpStream, mut to: TcpStream, passes: impl Fn(&[u8]) -> bool + Send + 'static) {
    std::thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if !passes(&buffer[..length]) || to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        for stream in [from, to] {
            // The other direction may have closed it already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    });
}

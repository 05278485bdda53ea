//! A web server on this machine that publishes revocation lists, certificates and pages of apps, well or
//! badly, and remembers who came. It runs on threads of its own, so that a test may block.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;
use udap_testkit::{CommunityOptions, TestCommunity};

use crate::now;

/// Between two octets of a page that drips.
const DRIP: Duration = Duration::from_secs(1);

/// What a path answers.
#[derive(Debug, Clone)]
pub enum Page {
    /// 200 with this body.
    Body(Vec<u8>),
    /// The same, said to be of this media type.
    Of(&'static str, Vec<u8>),
    /// The same as the first with an entity tag, or 304 for whoever has it.
    Tagged(Vec<u8>, &'static str),
    /// No success.
    Status(u16),
    /// 302 to there.
    Redirect(String),
    /// Nothing, for as long as the other side waits.
    Hang,
    /// 200, and one octet a second of a large body.
    Drip,
    /// So many zeros, whose number is said before or not.
    Zeros {
        /// How many.
        bytes: usize,
        /// Whether the header says so.
        declared: bool,
    },
}

/// A web server, until it is dropped.
#[derive(Debug)]
pub struct Web {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// The folder with its certificate, `root.pem`, if it speaks TLS.
    tls: Option<TempDir>,
}

#[derive(Debug, Default)]
struct Shared {
    pages: Mutex<HashMap<String, Page>>,
    /// One entry for each connection: the heads of its requests.
    seen: Mutex<Vec<String>>,
    stop: AtomicBool,
    tls: Option<Arc<ServerConfig>>,
}

impl Web {
    /// On a free port of 127.0.0.1, with 404 everywhere.
    ///
    /// # Panics
    /// If there is no free port.
    #[must_use]
    pub fn start() -> Self {
        Self::at("127.0.0.1:0").expect("there is a free port")
    }

    /// At this address.
    ///
    /// # Errors
    /// If it is not free.
    pub fn at(address: &str) -> std::io::Result<Self> {
        Self::serve_at(address, None, None)
    }

    /// With TLS, on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// If there is no free port.
    #[must_use]
    pub fn start_tls() -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])
            .expect("a certificate is made");
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        std::fs::write(folder.path().join("root.pem"), made.cert.pem()).expect("it is written");
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("there are versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("the key fits the certificate");
        Self::serve_at("127.0.0.1:0", Some(Arc::new(config)), Some(folder))
            .expect("there is a free port")
    }

    fn serve_at(
        address: &str,
        config: Option<Arc<ServerConfig>>,
        tls: Option<TempDir>,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            tls: config,
            ..Shared::default()
        });
        let of = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if of.stop.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(stream) = stream {
                    let of = Arc::clone(&of);
                    std::thread::spawn(move || of.serve(stream));
                }
            }
        });
        Ok(Self {
            address,
            shared,
            tls,
        })
    }

    /// `127.0.0.1:PORT`, as it stands in `allow_hosts`.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The URL of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.address)
    }

    /// `[fetch]` with this server alone in `allow_hosts`, and its certificate in `tls_roots`.
    #[must_use]
    pub fn allowed(&self) -> String {
        let allowed = format!("[fetch]\nallow_hosts = [\"{}\"]", self.host());
        match &self.tls {
            None => allowed,
            Some(folder) => {
                let root = folder.path().join("root.pem");
                format!("{allowed}\ntls_roots = [\"{}\"]", root.display())
            }
        }
    }

    /// A community whose certificates name lists and issuers in the folder `/NAME` of this server.
    /// Nothing is there before [`publish`](Self::publish).
    #[must_use]
    pub fn community(&self, name: &str) -> TestCommunity {
        let options = CommunityOptions::new(name).published_at(&self.url(&format!("/{name}")));
        TestCommunity::with(options, now())
    }

    /// Publishes a community's present lists and CA certificates in the folder `/NAME`.
    pub fn publish(&self, of: &TestCommunity) {
        for (file, content) in of.published() {
            self.set(&format!("/{}/{file}", of.name()), Page::Body(content));
        }
    }

    /// What a path answers from now on.
    pub fn set(&self, path: &str, page: Page) {
        let mut pages = lock(&self.shared.pages);
        pages.insert(path.to_owned(), page);
    }

    /// Connections so far, those of just now included.
    #[must_use]
    pub fn connections(&self) -> usize {
        std::thread::sleep(Duration::from_millis(50));
        lock(&self.shared.seen).len()
    }

    /// Requests so far for paths that begin so.
    #[must_use]
    pub fn requests(&self, path: &str) -> usize {
        let heads = self.heads();
        heads
            .lines()
            .filter_map(|line| line.strip_suffix(" HTTP/1.1"))
            .filter_map(|line| line.split_once(' '))
            .filter(|(_, target)| target.starts_with(path))
            .count()
    }

    /// The heads of all requests so far.
    #[must_use]
    pub fn heads(&self) -> String {
        lock(&self.shared.seen).concat()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the listener, which then is closed.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) {
        let place = {
            let mut seen = lock(&self.seen);
            seen.push(String::new());
            seen.len() - 1
        };
        // What the other side does to the connection is its own affair.
        let _ = match &self.tls {
            None => self.converse(&mut stream, place),
            Some(config) => ServerConnection::new(Arc::clone(config))
                .map_err(std::io::Error::other)
                .and_then(|connection| {
                    let mut stream = StreamOwned::new(connection, stream);
                    self.converse(&mut stream, place)?;
                    stream.conn.send_close_notify();
                    stream.flush()
                }),
        };
    }

    fn converse(&self, stream: &mut (impl Read + Write), place: usize) -> std::io::Result<()> {
        let head = read_head(stream)?;
        lock(&self.seen)[place] = head.clone();
        let path = head.split(' ').nth(1).unwrap_or_default();
        let page = lock(&self.pages).get(path).cloned();
        if self.stop.load(Ordering::SeqCst) {
            return Ok(());
        }
        match page {
            None => say(stream, "404 Not Found", "", b""),
            Some(Page::Body(body)) => say(stream, "200 OK", "", &body),
            Some(Page::Of(kind, body)) => say(
                stream,
                "200 OK",
                &format!("Content-Type: {kind}\r\n"),
                &body,
            ),
            Some(Page::Tagged(body, tag)) => {
                let header = format!("ETag: \"{tag}\"\r\n");
                if head.contains(&format!("if-none-match: \"{tag}\"")) {
                    say(stream, "304 Not Modified", &header, b"")
                } else {
                    say(stream, "200 OK", &header, &body)
                }
            }
            Some(Page::Status(status)) => say(stream, &format!("{status} So"), "", b""),
            Some(Page::Redirect(to)) => {
                say(stream, "302 Found", &format!("Location: {to}\r\n"), b"")
            }
            Some(Page::Hang) => stream.read_to_end(&mut Vec::new()).map(|_| ()),
            Some(Page::Drip) => {
                begin(stream, "Content-Length: 100000\r\n")?;
                loop {
                    stream.write_all(b"0")?;
                    std::thread::sleep(DRIP);
                }
            }
            Some(Page::Zeros { bytes, declared }) => {
                let length = format!("Content-Length: {bytes}\r\n");
                begin(stream, if declared { &length } else { "" })?;
                let zeros = vec![0; 64 * 1024];
                for _ in 0..bytes / zeros.len() {
                    stream.write_all(&zeros)?;
                }
                Ok(())
            }
        }
    }
}

/// The head of a request, with header names in lower case as our clients send them. A body is read
/// too, for closing a connection with unread octets resets it.
fn read_head(stream: &mut impl Read) -> std::io::Result<String> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    let end = loop {
        let length = stream.read(&mut buffer)?;
        request.extend_from_slice(&buffer[..length]);
        let end = request.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = end {
            break end + 4;
        }
        if length == 0 {
            break request.len();
        }
    };
    let head = String::from_utf8_lossy(&request[..end]).into_owned();
    let announced = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .and_then(|value| value.parse::<usize>().ok())
        .unwrap_or_default();
    while request.len() < end + announced {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        request.extend_from_slice(&buffer[..length]);
    }
    Ok(head)
}

fn say(stream: &mut impl Write, status: &str, headers: &str, body: &[u8]) -> std::io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    )?;
    stream.write_all(body)
}

fn begin(stream: &mut impl Write, headers: &str) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nConnection: close\r\n{headers}\r\n"
    )
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

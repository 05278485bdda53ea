//! An app's site on this machine, under names that the tests' own resolver knows.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::extract::Request as Incoming;
use axum::http::{Response, StatusCode, header};
use axum::response::IntoResponse;
use axum_server::tls_rustls::RustlsConfig;
use tokio::time::sleep;
use udap::registrar::{LinkChecker, LinkFault};
use udap::rules::{Link, LinkKind};
use udap::trust::Authority;

use crate::allow_host::AllowHost;
use crate::fetcher::{FetchOptions, Fetcher};
use crate::limits;
use crate::links::Links;
use crate::resolver::Resolver;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

pub(super) const HOST: &str = "app.example.org";

/// The same site.
pub(super) const OTHER_HOST: &str = "www.example.org";

/// Knows one answer, after the first one; and counts.
pub(super) struct Names {
    first: Vec<IpAddr>,
    then: Vec<IpAddr>,
    pub(super) lookups: AtomicUsize,
}

impl Names {
    pub(super) fn new(first: &[&str], then: &[&str]) -> Arc<Self> {
        let read = |list: &[&str]| list.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self {
            first: read(first),
            then: read(then),
            lookups: AtomicUsize::new(0),
        })
    }

    pub(super) fn always(addresses: &[&str]) -> Arc<Self> {
        Self::new(addresses, addresses)
    }
}

#[async_trait]
impl Resolver for Names {
    async fn lookup(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
        let is_first = self.lookups.fetch_add(1, Ordering::SeqCst) == 0;
        Ok(if is_first { &self.first } else { &self.then }.clone())
    }
}

/// A web site with a certificate for both hosts.
pub(super) struct Site {
    pub(super) address: SocketAddr,
    root: Vec<u8>,
    /// The paths that were asked for.
    pub(super) seen: Arc<Mutex<Vec<String>>>,
}

impl Site {
    pub(super) async fn start() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let made =
            rcgen::generate_simple_self_signed([HOST.to_owned(), OTHER_HOST.to_owned()]).unwrap();
        let root = made.cert.der().to_vec();
        let key = made.signing_key.serialize_der();
        let tls = RustlsConfig::from_der(vec![root.clone()], key)
            .await
            .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let router = Router::new().fallback(async move |request: Incoming| {
            let path = request.uri().to_string();
            log.lock().unwrap().push(path.clone());
            page(&path).await
        });
        let server = axum_server::from_tcp_rustls(listener, tls).unwrap();
        tokio::spawn(server.serve(router.into_make_service()));
        Self {
            address,
            root,
            seen,
        }
    }

    /// Visits links of this site, to which its name leads.
    pub(super) fn links(&self) -> Links {
        self.links_by(Names::always(&["127.0.0.1"]))
    }

    pub(super) fn links_by(&self, names: Arc<dyn Resolver>) -> Links {
        Links::new(self.fetcher(names))
    }

    pub(super) fn fetcher(&self, names: Arc<dyn Resolver>) -> Fetcher {
        let allowed = [HOST, OTHER_HOST].map(|host| {
            let entry = format!("{host}:{}", self.address.port());
            AllowHost::parse(&entry).unwrap()
        });
        let options = FetchOptions {
            allow_hosts: allowed.to_vec(),
            tls_roots: vec![self.root.clone()],
            ..FetchOptions::default()
        };
        Fetcher::with_resolver(&options, names).unwrap()
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("https://{HOST}:{}{path}", self.address.port())
    }

    /// How many requests there are, once there are so many; a moment later, since more may follow.
    pub(super) async fn settled(&self, expected: usize) -> usize {
        let waiting = async {
            while self.requests() < expected {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(4), waiting).await;
        sleep(Duration::from_millis(200)).await;
        self.requests()
    }

    pub(super) fn requests(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

/// `/png`, `/404`, `/302`, and so on.
async fn page(path: &str) -> Response<axum::body::Body> {
    let picture = |kind: &'static str, body: Vec<u8>| ([(header::CONTENT_TYPE, kind)], body);
    match path.split('?').next().unwrap_or_default() {
        "/png" => picture("image/png", PNG.to_vec()).into_response(),
        "/png-as-html" => picture("text/html", PNG.to_vec()).into_response(),
        "/html-as-png" => picture("image/png", b"<html>".to_vec()).into_response(),
        "/largest.png" | "/too-large.png" => {
            let excess = usize::from(path.starts_with("/too"));
            let mut body = PNG.to_vec();
            body.resize(limits::LOGO_BYTES + excess, 0);
            picture("image/png", body).into_response()
        }
        "/twice" => {
            let kinds = [
                (header::CONTENT_TYPE, "image/png"),
                (header::CONTENT_TYPE, "text/html"),
            ];
            (axum::response::AppendHeaders(kinds), PNG).into_response()
        }
        "/hang" => std::future::pending().await,
        "/two-seconds" => {
            sleep(Duration::from_secs(2)).await;
            StatusCode::OK.into_response()
        }
        "/slow" => {
            sleep(Duration::from_millis(300)).await;
            "slow".into_response()
        }
        redirect @ ("/301" | "/302" | "/307") => {
            let status = redirect[1..].parse::<u16>().unwrap();
            // To itself too: a loop is no page.
            let to = path.split_once("to=").map_or(redirect, |(_, to)| to);
            let status = StatusCode::from_u16(status).unwrap();
            (status, [(header::LOCATION, to)]).into_response()
        }
        other => match other[1..].parse::<u16>() {
            Ok(status) => StatusCode::from_u16(status).unwrap().into_response(),
            Err(_) => "a page".into_response(),
        },
    }
}

pub(super) fn authority(app: u8) -> Authority {
    Authority {
        anchor: [0; 32],
        ca: [app; 32],
    }
}

pub(super) async fn check(links: &Links, kind: LinkKind, url: &str) -> Option<LinkFault> {
    let link = Link {
        kind,
        url: url.to_owned(),
    };
    let reports = links.check(authority(1), std::slice::from_ref(&link)).await;
    let [report] = reports.as_slice() else {
        panic!("one link, one report: {reports:?}");
    };
    assert_eq!(report.link, link);
    report.fault
}

pub(super) fn callbacks(urls: impl IntoIterator<Item = String>) -> Vec<Link> {
    let link = |(index, url)| Link {
        kind: LinkKind::Redirect(index),
        url,
    };
    urls.into_iter().enumerate().map(link).collect()
}

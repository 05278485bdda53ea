//! Servers of revocation lists: one that never answers, and one that answers with long ones.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use udap_testkit::TestCommunity;

/// Takes connections and requests, and never says a word. Returns its address.
pub(crate) async fn hanging() -> String {
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        let mut taken = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            taken.push(stream);
        }
    });
    address
}

/// Files by path.
type Files = Arc<Mutex<HashMap<String, Arc<[u8]>>>>;

/// A server of files.
pub(crate) struct Published {
    address: String,
    files: Files,
}

impl Published {
    pub(crate) async fn start() -> Self {
        let (listener, address) = listener().await;
        let files = Files::default();
        let served = Arc::clone(&files);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&served)));
            }
        });
        Self { address, files }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Publishes the root's list, and one of so many entries of the issuing CA, under the community's
    /// name.
    pub(crate) fn add(&self, community: &TestCommunity, entries: u64) {
        let long = (0..entries).fold(community.crl(community.intermediate()), |list, number| {
            // Spread over the whole range, as random serial numbers are.
            let high = (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1) | (1 << 62);
            list.revoke(&[high.to_be_bytes(), number.to_be_bytes()].concat())
        });
        let short = community.crl(community.root());
        let mut files = self.files.lock().expect("no thread failed");
        for (authority, list) in [(community.intermediate(), long), (community.root(), short)] {
            let path = format!("/{}/{}.crl", community.name(), authority.slug());
            files.insert(path, list.build().into());
        }
    }
}

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it has an address");
    (listener, address.to_string())
}

/// Answers the first request of a connection.
async fn serve(mut stream: TcpStream, files: Files) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await.unwrap_or_default() == 0 {
            return;
        }
    }
    let request = String::from_utf8_lossy(&request);
    let path = request.split(' ').nth(1).unwrap_or_default();
    let file = files.lock().expect("no thread failed").get(path).cloned();
    let (status, content) = match &file {
        Some(content) => ("200 OK", &**content),
        None => ("404 Not Found", &[][..]),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/pkix-crl\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        content.len()
    );
    for part in [head.as_bytes(), content] {
        // Whoever hangs up does not want it.
        if stream.write_all(part).await.is_err() {
            return;
        }
    }
}

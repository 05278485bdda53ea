//! Servers on this machine that behave, or do not.
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "no test needs all of it"
)]
#![allow(unreachable_pub, reason = "compiled into several programs")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a server does with a connection.
#[derive(Clone)]
pub enum Behaviour {
    /// Says nothing.
    Hang,
    /// Says that, once it has a request, and closes.
    Say(Vec<u8>),
    /// Says that, and waits for more.
    KeepOpen(Vec<u8>),
    /// Says that, and then one more octet every 20 ms.
    Drip(Vec<u8>),
}

/// A server and what it saw.
pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub async fn start(behaviour: Behaviour) -> Self {
        Self::at("127.0.0.1:0", behaviour).await
    }

    pub async fn at(address: &str, behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let place = {
                    let mut log = log.lock().unwrap();
                    log.push(String::new());
                    log.len() - 1
                };
                tokio::spawn(behave(stream, behaviour.clone(), Arc::clone(&log), place));
            }
        });
        Self { address, seen }
    }

    /// A server that answers 200 with a body.
    pub async fn with_body(body: &[u8]) -> Self {
        Self::start(Behaviour::KeepOpen(ok(body))).await
    }

    /// A server that must see nobody.
    pub async fn canary() -> Self {
        Self::with_body(b"secret").await
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The heads of the requests so far, one for each connection.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// How many connections there were, those of just now included.
    pub async fn connections(&self) -> usize {
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.seen().len()
    }
}

pub fn ok(body: &[u8]) -> Vec<u8> {
    let mut answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

async fn behave(
    mut stream: TcpStream,
    behaviour: Behaviour,
    log: Arc<Mutex<Vec<String>>>,
    place: usize,
) {
    let mut request = Vec::new();
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read_buf(&mut request).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    log.lock().unwrap()[place] = String::from_utf8_lossy(&request).to_lowercase();
    match behaviour {
        Behaviour::Hang => std::future::pending().await,
        Behaviour::Say(answer) => {
            let _ = stream.write_all(&answer).await;
            let _ = stream.shutdown().await;
        }
        Behaviour::KeepOpen(answer) => {
            let _ = stream.write_all(&answer).await;
            let mut more = Vec::new();
            let _ = stream.read_to_end(&mut more).await;
            log.lock().unwrap()[place] += &String::from_utf8_lossy(&more);
        }
        Behaviour::Drip(answer) => {
            let mut sent = stream.write_all(&answer).await;
            while sent.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
                sent = stream.write_all(b"x").await;
            }
        }
    }
}

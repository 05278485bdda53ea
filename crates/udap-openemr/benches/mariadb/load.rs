//! Doing one thing many times, some at a time, and how long it took.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

/// At a time.
const TASKS: usize = 8;
/// Things of one turn.
pub(crate) const COUNT: usize = 1_500;

/// Does a thing [`COUNT`] times, [`TASKS`] at a time.
pub(crate) async fn load<F, R>(work: F) -> (Duration, Vec<Duration>)
where
    F: Fn(usize) -> R + Clone + Send + 'static,
    R: Future<Output = ()> + Send,
{
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (next, work) = (Arc::clone(&next), work.clone());
        tasks.spawn(async move {
            let mut times = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= COUNT {
                    return times;
                }
                let began = Instant::now();
                work(index).await;
                times.push(began.elapsed());
            }
        });
    }
    let times = tasks.join_all().await.concat();
    (began.elapsed(), times)
}

/// How long things took.
#[derive(Default)]
pub(crate) struct Times {
    elapsed: Duration,
    each: Vec<Duration>,
}

impl Times {
    pub(crate) fn add(&mut self, (elapsed, each): (Duration, Vec<Duration>)) {
        self.elapsed += elapsed;
        self.each.extend(each);
    }

    pub(crate) fn rate(&self) -> f64 {
        self.each.len() as f64 / self.elapsed.as_secs_f64()
    }

    pub(crate) fn print(&mut self, what: &str) {
        self.each.sort_unstable();
        let at =
            |part: f64| self.each[(self.each.len() as f64 * part) as usize].as_secs_f64() * 1e3;
        println!(
            "{what:<36} {:>6.0}/s  p50 {:>5.1} ms  p99 {:>5.1} ms",
            self.rate(),
            at(0.5),
            at(0.99)
        );
    }
}

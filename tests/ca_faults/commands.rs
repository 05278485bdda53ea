//! Which commands are killed, and when.

use std::collections::HashMap;
use std::process::Child;
use std::time::{Duration, Instant};

use rand::Rng;
use rand::rngs::StdRng;
use serde_json::Value;

use crate::place::Place;

/// What a command said that came to its end before it was killed.
pub(crate) struct Acknowledged {
    pub(crate) issued: Option<String>,
    pub(crate) revoked: Option<String>,
}

/// Whether a kill came in time.
pub(crate) enum Killed {
    Before,
    TooLate(Acknowledged),
}

/// A kill, and the certificate that the command was to revoke.
pub(crate) struct Kill {
    pub(crate) came: Killed,
    pub(crate) to_revoke: Option<String>,
}

/// How long a command takes, from its start and from when it begins to write.
#[derive(Clone, Copy)]
struct Takes {
    whole: Duration,
    writing: Duration,
}

/// Makes commands that fit what there is.
pub(crate) struct Commands<'a> {
    place: &'a Place,
    /// How long each verb takes, by trial.
    takes: HashMap<&'static str, Takes>,
    next: u32,
}

impl<'a> Commands<'a> {
    /// Measures how long commands take, so that kills are spread over all of it.
    pub(crate) fn new(place: &'a Place) -> Self {
        let mut commands = Self {
            place,
            takes: HashMap::new(),
            next: 0,
        };
        for verb in ["issue", "renew", "rekey", "revoke", "crl", "renew-ca"] {
            let (line, _) = commands
                .line(verb, &mut |_| 0)
                .expect("the first is issued");
            let takes = commands.measure(&line, "ca");
            commands.takes.insert(verb, takes);
        }
        let takes = commands.measure("ca init --dir trial --name Example --key p384", "trial");
        commands.takes.insert("init", takes);
        // For those that come after the only one is revoked.
        let (line, _) = commands.line("issue", &mut |_| 0).expect("always possible");
        place.succeed(&line);
        commands
    }

    fn measure(&self, line: &str, folder: &str) -> Takes {
        let begun = Instant::now();
        let mut child = self.place.spawn(line);
        self.wait_for_writing(&mut child, folder);
        let before = begun.elapsed();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {said}");
        let whole = begun.elapsed();
        Takes {
            whole,
            writing: whole - before,
        }
    }

    /// Until the log of the folder's index has something in it: a command that ends empties it.
    fn wait_for_writing(&self, child: &mut Child, folder: &str) {
        let log = self.place.path(&format!("{folder}/ca.db-wal"));
        let is_empty = || std::fs::metadata(&log).map_or(true, |log| log.len() == 0);
        while is_empty() && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_micros(100));
        }
    }

    /// A verb's line, and the certificate that it revokes. None if there is nothing to do it with.
    fn line(
        &mut self,
        verb: &'static str,
        pick: &mut dyn FnMut(usize) -> usize,
    ) -> Option<(String, Option<String>)> {
        self.next += 1;
        let number = self.next;
        let out = format!("--out out/{number}.pem");
        let live = self.live_leaves();
        let one = |pick: &mut dyn FnMut(usize) -> usize| {
            (!live.is_empty()).then(|| live[pick(live.len())].clone())
        };
        Some(match verb {
            "issue" => (
                format!(
                    "ca issue client --dir ca --json --key-type p256 --name App{number} --org Org{} --uri \
                     https://app.example.org/{number} {out}",
                    number % 3
                ),
                None,
            ),
            "renew" => (
                format!("ca renew --dir ca --json {} {out}", one(pick)?),
                None,
            ),
            "rekey" => {
                let serial = one(pick)?;
                let line = format!("ca rekey --dir ca --json {serial} --revoke superseded {out}");
                (line, Some(serial))
            }
            "revoke" => {
                let serial = one(pick)?;
                let line = format!("ca revoke --dir ca --json {serial} --reason superseded");
                (line, Some(serial))
            }
            "renew-ca" => ("ca renew-ca --dir ca --json".to_owned(), None),
            _ => ("ca crl --dir ca --json".to_owned(), None),
        })
    }

    fn live_leaves(&self) -> Vec<String> {
        let listed = self.place.ask("ca list --dir ca --json --status valid");
        let listed = listed.expect("the list can be read");
        let leaves = listed.as_array().unwrap().iter();
        leaves
            .filter(|entry| entry["profile"] == "client")
            .map(|entry| entry["serial"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Begins a command, and kills it at some moment of the time that it takes.
    pub(crate) fn kill_one(&mut self, random: &mut StdRng) -> Kill {
        let verbs = [
            "issue", "issue", "renew", "rekey", "revoke", "crl", "renew-ca",
        ];
        let verb = verbs[random.random_range(0..verbs.len())];
        let asked = self.line(verb, &mut |count| random.random_range(0..count));
        let (verb, (line, revoked)) = match asked {
            Some(asked) => (verb, asked),
            None => (
                "issue",
                self.line("issue", &mut |_| 0).expect("always possible"),
            ),
        };
        let came = match self.kill(&line, verb, "ca", random) {
            None => Killed::Before,
            Some(said) => Killed::TooLate(Acknowledged {
                issued: (verb != "revoke" && verb != "crl")
                    .then(|| said["serial"].as_str().expect("a serial number").to_owned()),
                revoked: revoked.clone(),
            }),
        };
        Kill {
            came,
            to_revoke: revoked,
        }
    }

    /// What the command said if it was quicker.
    fn kill(&self, line: &str, verb: &str, folder: &str, random: &mut StdRng) -> Option<Value> {
        let takes = self.takes[verb];
        let part = random.random_range(0.0..1.2);
        let mut child = self.place.spawn(line);
        // Most of the time nothing is written yet, and nothing can go wrong: two in three look at the rest.
        if random.random_ratio(1, 3) {
            std::thread::sleep(takes.whole.mul_f64(part));
        } else {
            self.wait_for_writing(&mut child, folder);
            std::thread::sleep(takes.writing.mul_f64(part));
        }
        // It may have ended, which is as good.
        let _ = child.kill();
        let output = child.wait_with_output().unwrap();
        match output.status.code() {
            None => None,
            Some(0) => Some(serde_json::from_slice(&output.stdout).expect("it says what it did")),
            Some(code) => panic!(
                "{line} ended with {code}: {}",
                String::from_utf8_lossy(&output.stderr)
            ),
        }
    }

    /// Kills the setting up of another authority, which then has to be possible once more.
    pub(crate) fn kill_init(&self, round: u64, random: &mut StdRng) -> Vec<String> {
        let line = format!("ca init --dir new{round} --name Example --key p384 --json");
        let folder = format!("new{round}");
        if self.kill(&line, "init", &folder, random).is_some() {
            return Vec::new();
        }
        let list = format!("ca list --dir new{round} --json");
        let is_whole = self.place.ask(&list).is_ok();
        let again = self.place.ask(&line);
        match (is_whole, again) {
            // It had come to its end, and was killed while it said so.
            (true, Err(_)) | (false, Ok(_)) => {}
            (true, Ok(_)) => return vec![format!("round {round}: an authority was overwritten")],
            (false, Err(error)) => return vec![format!("round {round}: {error}")],
        }
        let left: Vec<String> = std::fs::read_dir(self.place.path(&format!("new{round}")))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".tmp"))
            .map(|name| format!("round {round}: {name} was left"))
            .collect();
        match self.place.ask(&format!("ca crl --dir new{round} --json")) {
            Ok(_) => left,
            Err(error) => vec![format!("round {round}: {error}")],
        }
    }
}

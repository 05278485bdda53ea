//! An app, and all that it sent.

use std::time::Instant;

use udap_testkit::{StatementBuilder, TestLeaf};
use udap_tests::now;

/// What a statement asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To be registered under this name, or changed to it.
    Register(String),
    /// To be cancelled.
    Cancel,
}

/// What became of a statement, as far as the app knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A success.
    Done {
        status: u16,
        client_id: String,
        request_id: String,
    },
    /// It was used already: an earlier sending, whose answer did not arrive, was committed.
    Used,
    /// There is nothing to cancel.
    NotRegistered,
    /// 500, 503, or no answer.
    Unknown,
}

/// A statement, sent once or twice.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) wish: Wish,
    pub(crate) jti: String,
    pub(crate) at: Instant,
    pub(crate) outcome: Outcome,
}

/// How an app is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    Never,
    /// The id is not known if its answer was lost.
    On {
        client_id: Option<String>,
        name: String,
    },
    Off,
}

#[derive(Debug)]
pub(crate) struct App {
    pub(crate) leaf: TestLeaf,
    pub(crate) attempts: Vec<Attempt>,
}

impl App {
    pub(crate) fn new(leaf: TestLeaf) -> Self {
        Self {
            leaf,
            attempts: Vec::new(),
        }
    }

    pub(crate) fn uri(&self) -> &str {
        self.leaf.uri()
    }

    /// Whether its last statement has no answer that says what it is now.
    pub(crate) fn is_in_doubt(&self) -> bool {
        let last = self.attempts.last();
        last.is_some_and(|last| matches!(last.outcome, Outcome::Unknown | Outcome::Used))
    }

    pub(crate) fn statement(&self, endpoint: &str, wish: &Wish, jti: &str) -> StatementBuilder {
        let statement = self.leaf.statement(endpoint, now()).claim("jti", jti);
        match wish {
            Wish::Register(name) => statement.claim("client_name", name.as_str()),
            Wish::Cancel => statement.cancellation(),
        }
    }

    /// What it is after its last success.
    pub(crate) fn acknowledged(&self) -> State {
        self.after(|attempt| {
            matches!(
                attempt.outcome,
                Outcome::Done { .. } | Outcome::NotRegistered
            )
        })
    }

    /// What it may be: as it was told, or as it asked since, but as it asked if that is known to have
    /// been taken.
    pub(crate) fn possible(&self) -> Vec<State> {
        let as_told = self.acknowledged();
        let as_asked = self.after(|_| true);
        match self.attempts.last().map(|last| &last.outcome) {
            Some(Outcome::Unknown) if as_told != as_asked => vec![as_told, as_asked],
            Some(Outcome::Used) => vec![as_asked],
            _ => vec![as_told],
        }
    }

    fn after(&self, counts: impl Fn(&Attempt) -> bool) -> State {
        let mut state = State::Never;
        for attempt in self.attempts.iter().filter(|attempt| counts(attempt)) {
            let told = match &attempt.outcome {
                Outcome::Done { client_id, .. } => Some(client_id.clone()),
                _ => None,
            };
            state = match (&attempt.wish, state) {
                (Wish::Register(name), State::On { client_id, .. }) => State::On {
                    client_id: told.or(client_id),
                    name: name.clone(),
                },
                (Wish::Register(name), _) => State::On {
                    client_id: told,
                    name: name.clone(),
                },
                (Wish::Cancel, State::Never) => State::Never,
                (Wish::Cancel, _) => State::Off,
            };
        }
        state
    }
}

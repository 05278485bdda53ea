//! Compares what apps were told with what the tables hold.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::app::{App, Attempt, Outcome, State, Wish};
use crate::tables::{Registration, Spent, Tables};

/// Used statements are forgotten some time after this.
const REMEMBERED: Duration = Duration::from_secs(300);

/// Whatever does not fit.
pub(crate) fn compare(apps: &[App], tables: &Tables) -> Vec<String> {
    let mut problems = Vec::new();
    let mut known = HashSet::new();
    let mut requests = HashSet::new();
    for app in apps {
        let rows = tables
            .registrations
            .get(app.uri())
            .map_or(&[][..], Vec::as_slice);
        let mut say = |problem: String| {
            problems.push(format!(
                "{}: {problem}\n    {:?}\n    {rows:?}",
                app.uri(),
                app.attempts
            ));
        };
        registered(app, rows, &mut say);
        for attempt in &app.attempts {
            let identity = identity(app.uri(), &attempt.jti);
            spent(attempt, tables.spent.get(&identity), &mut say);
            known.insert(identity);
            if let Outcome::Done { request_id, .. } = &attempt.outcome {
                audited(attempt, tables, &mut say);
                requests.insert(request_id.as_str());
            }
        }
    }
    problems.extend(halves(apps, tables));
    for (identity, spent) in &tables.spent {
        if !known.contains(identity) {
            problems.push(format!("nobody sent the statement of {spent:?}"));
        }
    }
    // An event beyond those of successes belongs to a statement whose answer was lost.
    for (request, events) in &tables.events {
        if requests.contains(request.as_str()) {
            continue;
        }
        let of = events.first().and_then(|event| event.client_id.as_deref());
        if events.len() != 1 || of.is_none_or(|of| !tables.clients.contains_key(of)) {
            problems.push(format!("request {request} has the events {events:?}"));
        }
    }
    problems
}

/// The app's registrations, and the one that is in force.
fn registered(app: &App, rows: &[Registration], say: &mut impl FnMut(String)) {
    let live: Vec<_> = rows.iter().filter(|row| row.is_live).collect();
    if live.len() > 1 {
        say("more than one registration is live".to_owned());
    }
    let fits = |state: &State| match (state, live.first()) {
        (State::Never, _) => rows.is_empty(),
        (State::Off, found) => found.is_none() && !rows.is_empty(),
        (State::On { .. }, None) => false,
        (State::On { client_id, name }, Some(found)) => {
            found.name == *name
                && client_id
                    .as_ref()
                    .is_none_or(|client_id| found.client_id == *client_id)
        }
    };
    let possible = app.possible();
    if !possible.iter().any(fits) {
        say(format!("it is none of {possible:?}"));
    }
    let told: BTreeSet<_> = app.attempts.iter().filter_map(client_id).collect();
    let held: BTreeSet<_> = rows.iter().map(|row| row.client_id.as_str()).collect();
    for lost in told.difference(&held) {
        say(format!(
            "the client {lost} was acknowledged, and is not there"
        ));
    }
    let lost_answers = app
        .attempts
        .iter()
        .filter(|attempt| matches!(attempt.wish, Wish::Register(_)) && client_id(attempt).is_none())
        .count();
    if held.difference(&told).count() > lost_answers {
        say("there are clients that it did not ask for".to_owned());
    }
}

fn client_id(attempt: &Attempt) -> Option<&str> {
    match &attempt.outcome {
        Outcome::Done { client_id, .. } => Some(client_id),
        _ => None,
    }
}

/// A statement that was used is known as that.
fn spent(attempt: &Attempt, row: Option<&Spent>, say: &mut impl FnMut(String)) {
    let outcomes: &[&str] = match (&attempt.wish, &attempt.outcome) {
        (Wish::Cancel, Outcome::Done { .. } | Outcome::Used) => &["cancelled"],
        (_, Outcome::NotRegistered) => &["not_registered"],
        (Wish::Register(_), Outcome::Done { status: 201, .. }) => &["created"],
        (Wish::Register(_), Outcome::Done { .. }) => &["modified"],
        (Wish::Register(_), _) => &["created", "modified"],
        (Wish::Cancel, Outcome::Unknown) => &["cancelled", "not_registered"],
    };
    let Some(row) = row else {
        if attempt.outcome != Outcome::Unknown && attempt.at.elapsed() < REMEMBERED {
            say(format!("the statement {} is not spent", attempt.jti));
        }
        return;
    };
    let is_told = match &attempt.outcome {
        Outcome::Done {
            client_id,
            request_id,
            ..
        } => row.client_id.as_ref() == Some(client_id) && row.request_id == *request_id,
        _ => true,
    };
    if !outcomes.contains(&row.outcome.as_str()) || !is_told {
        say(format!("the statement {} is spent as {row:?}", attempt.jti));
    }
}

/// A success has exactly one event.
fn audited(attempt: &Attempt, tables: &Tables, say: &mut impl FnMut(String)) {
    let Outcome::Done {
        status,
        client_id,
        request_id,
    } = &attempt.outcome
    else {
        return;
    };
    let kind = match (&attempt.wish, status) {
        (Wish::Cancel, _) => "cancelled",
        (_, 201) => "registered",
        _ => "modified",
    };
    let events = tables.events.get(request_id).map_or(&[][..], Vec::as_slice);
    let fits = events.len() == 1
        && events[0].kind == kind
        && events[0].client_id.as_ref() == Some(client_id);
    if !fits {
        say(format!("{kind} is audited as {events:?}"));
    }
}

/// Clients that are in one of the two tables only, or differ in them.
fn halves(apps: &[App], tables: &Tables) -> Vec<String> {
    let mut problems = Vec::new();
    let uris: HashSet<_> = apps.iter().map(App::uri).collect();
    let mut registrations = BTreeMap::new();
    for (uri, rows) in &tables.registrations {
        if !uris.contains(uri.as_str()) {
            problems.push(format!("nobody is {uri}"));
        }
        for row in rows {
            registrations.insert(row.client_id.as_str(), row);
        }
    }
    for (client_id, client) in &tables.clients {
        match registrations.remove(client_id.as_str()) {
            None => problems.push(format!(
                "OpenEMR's client {client_id} is nobody's: {client:?}"
            )),
            Some(row) => {
                let is_equal = row.is_enabled == row.is_live
                    && client.is_enabled == row.is_live
                    && client.is_revoked != row.is_live
                    && client.name == row.name
                    && row.recorded_name == row.name;
                if !is_equal || !client.is_whole {
                    problems.push(format!("half a client: {row:?} {client:?}"));
                }
            }
        }
    }
    for row in registrations.values() {
        problems.push(format!("not in OpenEMR's table: {row:?}"));
    }
    problems
}

/// The key under which the store remembers a statement (decisions 30).
fn identity(issuer: &str, jti: &str) -> Vec<u8> {
    let mut hasher = Sha256::new();
    for part in ["jti", issuer, jti] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_vec()
}

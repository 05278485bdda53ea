//! Kills `udap ca` commands at random moments, and looks whether the authority is whole after each.
//!
//! `cargo xtask ca-faults [--kills N]`. The variables `UDAP_CA_FAULTS` (how many commands are killed, 20 if it
//! is not set) and `UDAP_CA_FAULTS_SEED` do the same for `cargo test --test ca_faults -- --nocapture`.
#![expect(
    clippy::disallowed_methods,
    reason = "a black-box test lives in real time and has no configuration of its own"
)]

mod commands;
mod look;
mod place;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::commands::{Commands, Killed};
use crate::look::{Known, problems};
use crate::place::Place;

/// How many commands are killed if nothing else is asked for.
const KILLS: u64 = 20;
/// In one round of so many the setting up is killed, in a folder of its own.
const INIT_ROUNDS: u32 = 8;

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is not a number: {value}")),
    )
}

/// Proves: J03, J07, J09
#[test]
fn an_authority_is_whole_whenever_its_commands_are_killed() {
    let kills = number("UDAP_CA_FAULTS").unwrap_or(KILLS);
    let seed = number("UDAP_CA_FAULTS_SEED").unwrap_or_else(rand::random);
    println!("{kills} kills of commands, UDAP_CA_FAULTS_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);

    let place = Place::new();
    place.succeed("ca init --dir ca --name Example --key p384");
    let mut commands = Commands::new(&place);
    let mut known = Known::seen(&place);
    let mut found = Vec::new();
    let (mut done, mut cut_short) = (0, 0);
    for round in 0..kills {
        if random.random_ratio(1, INIT_ROUNDS) {
            found.extend(commands.kill_init(round, &mut random));
            continue;
        }
        let kill = commands.kill_one(&mut random);
        known.ask_to_revoke(kill.to_revoke);
        match kill.came {
            Killed::TooLate(acknowledged) => {
                done += 1;
                known.acknowledge(acknowledged);
            }
            Killed::Before => cut_short += 1,
        }
        for problem in problems(&place, &mut known) {
            found.push(format!("round {round}: {problem}"));
        }
        if !found.is_empty() {
            break;
        }
    }
    println!(
        "{cut_short} commands were cut short, {done} were quicker; {} certificates and {} revocations compared: {} problems",
        known.certificates(),
        known.revocations(),
        found.len()
    );
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(cut_short > 0, "no kill came in time");
    place.succeed(
        "ca issue client --dir ca --key-type p256 --name Last --uri https://last.example.org --out out/last.pem",
    );
    each_damage_is_found(&place, &mut known);
}

/// The comparison would be worth nothing if it could not find what it looks for.
fn each_damage_is_found(place: &Place, known: &mut Known) {
    let live = place.ask("ca list --dir ca --json --status valid").unwrap();
    let live = live.as_array().unwrap().iter();
    let leaf = live.rev().find(|entry| entry["profile"] == "client");
    let serial = leaf.expect("one is valid")["serial"]
        .as_str()
        .unwrap()
        .to_owned();
    let file = place.path(&format!("ca/issued/{serial}.pem"));
    let content = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(!problems(place, known).is_empty(), "a missing file");
    std::fs::write(&file, &content).unwrap();
    assert_eq!(problems(place, known), [""; 0]);

    place.succeed("ca init --dir stranger --name Example --key p384");
    place.succeed(
        "ca issue client --dir stranger --key-type p256 --name X --uri urn:a:b --out out/stranger.pem",
    );
    assert!(
        !problems(place, known).is_empty(),
        "an unlisted certificate"
    );
    std::fs::remove_file(place.path("out/stranger.pem")).unwrap();

    place.change(
        "UPDATE certificate SET revoked_at = 1, revocation_reason = 'superseded' WHERE serial = ?",
        &serial,
    );
    assert!(
        !problems(place, known).is_empty(),
        "a revocation that nobody asked for"
    );
    place.change(
        "UPDATE certificate SET revoked_at = NULL, revocation_reason = NULL WHERE serial = ?",
        &serial,
    );
    place.change("DELETE FROM certificate WHERE serial = ?", &serial);
    assert!(
        !problems(place, known).is_empty(),
        "a certificate that left the list"
    );
}

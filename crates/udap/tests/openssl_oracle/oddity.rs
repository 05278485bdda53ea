//! What may be odd about a certificate. Each is thrown for rarely, or nothing would be trusted.

use time::Duration;
use time::macros::datetime;

use crate::constraints::{alternative_name, constraints};
use crate::der::{
    boolean, extension, generalized_time, integer, oid, rdn, sequence, tlv, utc_time,
};
use crate::dice::Dice;
use crate::plan::{AT, KEYS, Keys, Plan, name, named};

const BASIC_CONSTRAINTS: &[u8] = &[19];
const KEY_USAGE: &[u8] = &[15];
const ALTERNATIVE_NAME: &[u8] = &[17];
const NAME_CONSTRAINTS: &[u8] = &[30];
const POLICIES: &[u8] = &[32];
const MAPPINGS: &[u8] = &[33];
const AUTHORITY_KEY_ID: &[u8] = &[35];
const POLICY_CONSTRAINTS: &[u8] = &[36];
const INHIBIT_ANY: &[u8] = &[54];
const EXTENDED_KEY_USAGE: &[u8] = &[37];
const UNKNOWN: &[u8] = &[0x2b, 6, 1, 4, 1, 0x81, 0xfd, 0x59, 1];

/// keyCertSign and cRLSign.
const CA_USAGE: [u8; 2] = [1, 0x06];
const LEAF_USAGE: [u8; 2] = [7, 0x80];

fn key_usage(bits: [u8; 2]) -> Vec<u8> {
    extension(KEY_USAGE, true, tlv(0x03, bits))
}

fn key_ids(plan: &Plan, authority: Vec<u8>) -> [Vec<u8>; 2] {
    [
        extension(&[14], false, tlv(0x04, Keys::id(plan.key))),
        extension(AUTHORITY_KEY_ID, false, sequence(authority)),
    ]
}

fn policy(number: usize) -> Vec<u8> {
    match number {
        0 => oid(&[0x55, 0x1d, 32, 0]),
        number => oid(&[0x2a, 3, u8::try_from(number).expect("few")]),
    }
}

fn policies(dice: &mut Dice) -> Vec<u8> {
    let mut chosen = Vec::new();
    for _ in 0..=dice.below(3) {
        let number = *dice.pick(&[0, 1, 1, 1, 2, 2, 3]);
        // Twice only now and then: that is malformed.
        if !chosen.contains(&number) || dice.once_in(8) {
            chosen.push(number);
        }
    }
    let information = chosen
        .into_iter()
        .flat_map(|number| sequence(policy(number)));
    sequence(information.collect::<Vec<_>>())
}

fn mappings(dice: &mut Dice) -> Vec<u8> {
    let pairs = (0..=dice.below(2)).flat_map(|_| {
        let mut side = || policy(*dice.pick(&[1, 1, 2, 2, 3, 1, 2, 3, 1, 2, 3, 0]));
        sequence([side(), side()].concat())
    });
    sequence(pairs.collect::<Vec<_>>())
}

fn policy_constraints(dice: &mut Dice) -> Vec<u8> {
    let number = |dice: &mut Dice| u8::try_from(dice.below(3)).expect("few");
    let explicit = tlv(0x80, [number(dice)]);
    let mapping = tlv(0x81, [number(dice)]);
    sequence(match dice.below(7) {
        0..=2 => explicit,
        3 | 4 => mapping,
        5 => [explicit, mapping].concat(),
        _ => Vec::new(),
    })
}

/// What all certificates of one case have in common.
#[derive(Clone, Copy)]
pub(crate) struct Theme {
    pub(crate) policies: bool,
    pub(crate) constraints: bool,
}

/// Gives the plan its extensions, and perhaps oddities.
pub(crate) fn dress(dice: &mut Dice, plan: &mut Plan, is_ca: bool, theme: Theme) {
    let authority = tlv(0x80, Keys::id(plan.signer));
    plan.extensions.extend(key_ids(plan, authority));
    if is_ca {
        let length = match dice.below(6) {
            0 => integer(u8::try_from(dice.below(4)).expect("few")),
            _ => Vec::new(),
        };
        let value = sequence([boolean(true), length].concat());
        plan.extensions
            .push(extension(BASIC_CONSTRAINTS, true, value));
        plan.extensions.push(key_usage(CA_USAGE));
    } else {
        plan.extensions.push(key_usage(LEAF_USAGE));
        let mut names = tlv(0x86, "https://app.example.org/udap");
        for _ in 0..dice.below(3) {
            names.extend(alternative_name(dice));
        }
        plan.extensions
            .push(extension(ALTERNATIVE_NAME, false, sequence(names)));
    }
    if theme.policies {
        if !dice.once_in(10) {
            let critical = dice.once_in(3);
            plan.extensions
                .push(extension(POLICIES, critical, policies(dice)));
        }
        if is_ca || dice.once_in(10) {
            if dice.once_in(3) {
                plan.extensions
                    .push(extension(MAPPINGS, dice.once_in(2), mappings(dice)));
            }
            if dice.once_in(3) {
                let value = policy_constraints(dice);
                plan.extensions
                    .push(extension(POLICY_CONSTRAINTS, dice.once_in(2), value));
            }
            if dice.once_in(5) {
                let value = integer(u8::try_from(dice.below(3)).expect("few"));
                plan.extensions
                    .push(extension(INHIBIT_ANY, dice.once_in(2), value));
            }
        }
    }
    if theme.constraints && (is_ca || dice.once_in(30)) && dice.once_in(2) {
        let critical = !dice.once_in(4);
        plan.extensions
            .push(extension(NAME_CONSTRAINTS, critical, constraints(dice)));
    }
    while dice.once_in(7) {
        oddity(dice, plan, is_ca);
    }
    if dice.once_in(8) {
        dice.shuffle(&mut plan.extensions);
    }
}

fn has_id(der: &[u8], id: &[u8]) -> bool {
    let id = if let [one] = id {
        oid(&[0x55, 0x1d, *one])
    } else {
        oid(id)
    };
    der.windows(id.len()).take(6).any(|window| window == id)
}

fn replace(plan: &mut Plan, id: &[u8], with: Vec<Vec<u8>>) {
    plan.extensions.retain(|der| !has_id(der, id));
    plan.extensions.extend(with);
}

fn oddity(dice: &mut Dice, plan: &mut Plan, is_ca: bool) {
    let hour = Duration::HOUR;
    let what = match dice.below(if is_ca { 20 } else { 18 }) {
        0 => {
            plan.not_after = utc_time(AT - hour);
            "expired"
        }
        1 => {
            plan.not_before = utc_time(AT + hour);
            "not yet valid"
        }
        2 => {
            let (before, after) = [
                (utc_time(AT), utc_time(AT + hour)),
                (utc_time(AT - hour), utc_time(AT + Duration::SECOND)),
                (generalized_time(AT - hour), generalized_time(AT + hour)),
                (tlv(0x17, "2611221100Z"), utc_time(AT + hour)),
                (tlv(0x17, "261122110000+0000"), utc_time(AT + hour)),
                (tlv(0x18, "20261122110000.5Z"), utc_time(AT + hour)),
                (tlv(0x17, "261322110000Z"), utc_time(AT + hour)),
                (
                    utc_time(AT - hour),
                    generalized_time(datetime!(9999-12-31 23:59:59 UTC)),
                ),
                (tlv(0x17, "500101000000Z"), utc_time(AT + hour)),
            ][dice.below(9)]
            .clone();
            (plan.not_before, plan.not_after) = (before, after);
            "dates"
        }
        3 => {
            plan.extensions.push(extension(UNKNOWN, true, [5, 0]));
            "unknown critical extension"
        }
        4 => {
            plan.extensions.push(extension(UNKNOWN, false, [5, 0]));
            "unknown extension"
        }
        5 => {
            let twice = dice.pick(&plan.extensions).clone();
            plan.extensions.push(twice);
            "extension twice"
        }
        6 => {
            let bits = *dice.pick(&[[1, 0x02], [7, 0x80], [0, 0x00], [2, 0x04], [0, 0xff]]);
            replace(plan, KEY_USAGE, vec![key_usage(bits)]);
            "key usage"
        }
        7 => {
            replace(plan, KEY_USAGE, Vec::new());
            "no key usage"
        }
        8 => {
            let value = [
                Vec::new(),
                boolean(false),
                [boolean(false), integer(1)].concat(),
                tlv(0x01, [1]),
                [boolean(true), tlv(0x02, [0xff])].concat(),
                [boolean(true), tlv(0x02, [1, 0])].concat(),
                boolean(true),
                [boolean(true), integer(0)].concat(),
            ][dice.below(8)]
            .clone();
            let critical = dice.once_in(2);
            replace(
                plan,
                BASIC_CONSTRAINTS,
                vec![extension(BASIC_CONSTRAINTS, critical, sequence(value))],
            );
            "basic constraints"
        }
        9 => {
            replace(plan, BASIC_CONSTRAINTS, Vec::new());
            "no basic constraints"
        }
        10 => {
            plan.signer = dice.below(KEYS - 1);
            "signed by another"
        }
        11 => {
            plan.issuer = match dice.below(5) {
                0 => named("Another"),
                1 => name(&[rdn(&[10], 0x13, b"EXAMPLE"), rdn(&[3], 0x0c, b"ca  1")]),
                2 => name(&[rdn(&[10], 0x0c, b" Example"), rdn(&[3], 0x16, b"Ca 1")]),
                3 => name(&[rdn(&[3], 0x0c, b"CA 1"), rdn(&[10], 0x0c, b"Example")]),
                _ => name(&[rdn(&[10], 0x0c, b"Exa mple"), rdn(&[3], 0x0c, b"CA 1")]),
            };
            "issuer's name"
        }
        12 => {
            let value = [
                tlv(0x80, [0x77; 20]),
                [tlv(0xa1, tlv(0xa4, named("Stranger"))), tlv(0x82, [9])].concat(),
            ][dice.below(2)]
            .clone();
            let ids = key_ids(plan, value);
            replace(plan, AUTHORITY_KEY_ID, vec![ids[1].clone()]);
            "authority key id"
        }
        13 => {
            replace(plan, AUTHORITY_KEY_ID, Vec::new());
            replace(plan, &[14], Vec::new());
            "no key ids"
        }
        14 => {
            let purpose = oid(&[0x2b, 6, 1, 5, 5, 7, 3, *dice.pick(&[1, 2, 9])]);
            plan.extensions.push(extension(
                EXTENDED_KEY_USAGE,
                dice.once_in(2),
                sequence(purpose),
            ));
            "extended key usage"
        }
        15 => {
            for _ in 0..=dice.below(2) {
                let kind = u8::try_from(dice.below(4)).expect("few");
                let octet = u8::try_from(dice.below(256)).expect("an octet");
                plan.mutations.push((dice.below(100_000), kind, octet));
            }
            "mutated"
        }
        16 => {
            let email = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1];
            let mail = *dice.pick(&["admin@example.org", "x@example.com", "example.org"]);
            let email = rdn(&email, 0x16, mail.as_bytes());
            if is_ca {
                let value = sequence(alternative_name(dice));
                plan.extensions
                    .push(extension(ALTERNATIVE_NAME, dice.once_in(3), value));
            } else {
                plan.subject = name(&[rdn(&[10], 0x0c, b"Example"), email]);
            }
            "other names"
        }
        17 => {
            let value = constraints(dice);
            plan.extensions
                .push(extension(NAME_CONSTRAINTS, dice.once_in(2), value));
            "name constraints"
        }
        18 => {
            plan.extensions
                .push(extension(POLICIES, dice.once_in(2), policies(dice)));
            "policies"
        }
        _ => {
            let value = policy_constraints(dice);
            plan.extensions
                .push(extension(POLICY_CONSTRAINTS, dice.once_in(2), value));
            "policy constraints"
        }
    };
    plan.oddities.push(what);
}

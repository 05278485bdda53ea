//! Scopes as OpenEMR knows, parses and compares them.

use super::Behaviour;
use super::client::Unreadable;

const PLAIN: [&str; 10] = [
    "openid",
    "fhirUser",
    "online_access",
    "offline_access",
    "launch",
    "launch/patient",
    "api:oemr",
    "api:fhir",
    "api:port",
    "profile",
];
const LEVELS: [&str; 3] = ["patient", "user", "system"];
const RESOURCES: [&str; 6] = [
    "AllergyIntolerance",
    "Condition",
    "Encounter",
    "Immunization",
    "Observation",
    "Patient",
];

/// What the discovery documents list.
pub(super) fn supported(behaviour: Behaviour) -> Vec<String> {
    let mut scopes: Vec<String> = PLAIN.map(str::to_owned).to_vec();
    scopes.push("system/*.$export".to_owned());
    for level in LEVELS {
        for resource in RESOURCES {
            scopes.push(format!("{level}/{resource}.read"));
            if behaviour == Behaviour::V8 {
                scopes.push(format!("{level}/{resource}.rs"));
            }
        }
    }
    if behaviour == Behaviour::V8 {
        // Its own list has one that is no scope.
        scopes.push("user/Observation.rs?category=http://loinc.org system".to_owned());
    }
    scopes
}

/// Whether a scope may be asked for.
pub(super) fn is_supported(behaviour: Behaviour, scope: &str) -> bool {
    match behaviour {
        Behaviour::V7_0_3 => supported(behaviour).iter().any(|known| known == scope),
        Behaviour::V8 => match Parsed::of(scope) {
            Ok(Parsed::Plain(_)) => supported(behaviour).iter().any(|known| known == scope),
            Ok(Parsed::Resource(place, permission)) => supported(behaviour).iter().any(|known| {
                matches!(Parsed::of(known), Ok(Parsed::Resource(other, has))
                    if other == place && has.contains_any(permission))
            }),
            Err(Unreadable) => false,
        },
    }
}

/// Of what is asked, what the row holds. A row that 8.x cannot parse ends the request.
pub(super) fn finalize(
    behaviour: Behaviour,
    asked: &[&str],
    stored: &str,
) -> Result<Vec<String>, Unreadable> {
    let stored: Vec<&str> = stored.split(' ').collect();
    if behaviour == Behaviour::V7_0_3 {
        let held = asked.iter().filter(|scope| stored.contains(scope));
        return Ok(held.map(|scope| (*scope).to_owned()).collect());
    }
    let stored = stored
        .into_iter()
        .map(Parsed::of)
        .collect::<Result<Vec<_>, _>>()?;
    let holds = |scope: &str| match Parsed::of(scope) {
        Ok(Parsed::Plain(name)) => stored.contains(&Parsed::Plain(name)),
        Ok(Parsed::Resource(place, permission)) => stored.iter().any(|one| {
            matches!(one, Parsed::Resource(other, has)
                if *other == place && has.contains_any(permission))
        }),
        Err(Unreadable) => false,
    };
    let held = asked.iter().filter(|scope| holds(scope));
    Ok(held.map(|scope| (*scope).to_owned()).collect())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parsed<'a> {
    Plain(&'a str),
    Resource(&'a str, Permission<'a>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Permission<'a>(&'a str);

impl<'a> Parsed<'a> {
    fn of(scope: &'a str) -> Result<Self, Unreadable> {
        let (scope, _) = scope.split_once('?').unwrap_or((scope, ""));
        if scope.is_empty() || !scope.is_ascii() || scope.contains(['&', ' ']) {
            return Err(Unreadable);
        }
        let Some((place, permission)) = scope.split_once('.') else {
            return Ok(Self::Plain(scope));
        };
        let is_ordered = |letters: &str| {
            let mut rest = "cruds".chars();
            !letters.is_empty() && letters.chars().all(|it| rest.any(|known| known == it))
        };
        let is_known = matches!(permission, "read" | "write")
            || permission.starts_with('$')
            || is_ordered(permission);
        is_known
            .then_some(Self::Resource(place, Permission(permission)))
            .ok_or(Unreadable)
    }
}

impl Permission<'_> {
    fn letters(&self) -> &str {
        match self.0 {
            "read" => "rs",
            "write" => "cud",
            other => other,
        }
    }

    /// As loose as OpenEMR: one letter in common is enough.
    fn contains_any(&self, other: Permission<'_>) -> bool {
        if self.0.starts_with('$') || other.0.starts_with('$') {
            return self.0 == other.0;
        }
        other
            .letters()
            .chars()
            .any(|it| self.letters().contains(it))
    }
}

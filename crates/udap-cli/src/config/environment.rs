//! `UDAP_…` variables laid over the TOML tree before it is read (decision 36).
//!
//! `UDAP_` + upper-case key; `__` between levels; a `[[site]]` or `[[community]]` by the id that it has in the
//! file, upper-cased, `-` and `.` written `_`; a `[[certification]]` by its position, from 0. Lists are TOML.
//! `UDAP_DATABASE_URL_FILE` needs no rule of its own: `database_url_file` is a key.

use std::ffi::OsStr;

use toml::{Table, Value};

use super::{
    problem::{Fault, Place, Problems},
    tree::{self, KeyError},
};

const PREFIX: &str = "UDAP_";
/// Variables of other parts: the log filter, the path of the configuration file itself, and what `udap ca` reads.
const OTHERS: [&str; 3] = ["UDAP_LOG", "UDAP_CONFIG", "UDAP_CA_PASSWORD_FILE"];
/// What test suites hand to themselves.
const TESTS: &str = "UDAP_TEST_";
/// Two keys that say the same thing: whichever the environment sets replaces the other of the file.
const SAME: [(&str, &str); 1] = [("database_url", "database_url_file")];

/// Lays `environment` over `tree`. Variables that do not begin with `UDAP_` are ignored.
pub(crate) fn overlay<K, V>(
    tree: &mut Table,
    environment: impl IntoIterator<Item = (K, V)>,
    problems: &mut Problems,
) where
    K: AsRef<OsStr>,
    V: AsRef<OsStr>,
{
    let mut variables: Vec<(String, Option<String>)> = environment
        .into_iter()
        .map(|(name, value)| {
            let name = name.as_ref().to_string_lossy().into_owned();
            (name, value.as_ref().to_str().map(str::to_owned))
        })
        .filter(|(name, _)| {
            name.starts_with(PREFIX) && !name.starts_with(TESTS) && !OTHERS.contains(&name.as_str())
        })
        .filter(|(name, value)| !is_of_kubernetes(name, value.as_deref().unwrap_or_default()))
        .collect();
    // The environment has no order of its own; reports should.
    variables.sort();

    let targets: Vec<_> = variables.iter().map(|(name, _)| find(tree, name)).collect();
    let mut set = Vec::new();
    for ((name, value), target) in variables.iter().zip(targets) {
        let outcome = target.and_then(|(place, key)| {
            let text = value
                .as_deref()
                .ok_or_else(|| Fault::new("is not UTF-8", "set it to readable text or unset it"))?;
            Ok((place, value_of(place, &key, text)?, key))
        });
        match outcome {
            Ok((place, value, key)) => set.push((place, key, value, name)),
            Err(fault) => problems.add(Place::Environment, name, fault),
        }
    }

    forget_replaced(tree, &set);
    for (place, key, value, name) in set {
        if let Some(section) = section_mut(tree, place) {
            problems.came_from(place, &key, name);
            section.insert(key, value);
        }
    }
}

/// Kubernetes describes each Service in variables of every pod: for one named "udap" these begin like ours.
fn is_of_kubernetes(name: &str, value: &str) -> bool {
    let of_port = |(_, rest): (&str, &str)| {
        let protocol = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        protocol.len() < rest.len()
            && ["_TCP", "_UDP", "_SCTP"]
                .iter()
                .any(|known| protocol.starts_with(known))
    };
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || (name.ends_with("_PORT") && value.contains("://"))
        || name.split_once("_PORT_").is_some_and(of_port)
}

/// The section and key that a variable sets.
fn find(tree: &Table, variable: &str) -> Result<(Place, String), Fault> {
    let rest = variable.strip_prefix(PREFIX).unwrap_or(variable);
    let (place, key) = match rest.split_once("__") {
        None => (Place::Top, rest),
        Some(("FETCH", key)) => (Place::Fetch, key),
        Some(("LIMITS", key)) => (Place::Limits, key),
        Some(("PROTOCOL", key)) => (Place::Protocol, key),
        Some(("RECHECK", key)) => (Place::Recheck, key),
        Some((section @ ("SITE" | "COMMUNITY" | "CERTIFICATION"), item)) => {
            // No key holds "__", but an id may.
            let (item, key) = item.rsplit_once("__").ok_or_else(|| {
                Fault::new(
                    "names no key",
                    format!("write UDAP_{section}__ID__KEY, with two underscores between levels"),
                )
            })?;
            let place = match section {
                "SITE" => Place::Site(by_id(tree, "site", item)?),
                "COMMUNITY" => Place::Community(by_id(tree, "community", item)?),
                _ => Place::Certification(by_position(tree, item)?),
            };
            (place, key)
        }
        Some((section, _)) => {
            let known: Vec<String> = tree::LISTS
                .iter()
                .chain(&tree::TABLES)
                .map(|name| name.to_ascii_uppercase())
                .collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            return Err(Fault::new(
                format!("names no section, {section:?}"),
                tree::meant(section, &known),
            ));
        }
    };
    let known = tree::keys_at(place);
    let lower = key.to_ascii_lowercase();
    if known.contains(&lower.as_str()) && !key.contains(|c: char| c.is_ascii_lowercase()) {
        return Ok((place, lower));
    }
    let upper: Vec<String> = known.iter().map(|name| name.to_ascii_uppercase()).collect();
    let upper: Vec<&str> = upper.iter().map(String::as_str).collect();
    Err(Fault::new(
        format!("sets no known key, {key:?}"),
        tree::meant(key, &upper),
    ))
}

fn items<'a>(tree: &'a Table, section: &str) -> &'a [Value] {
    tree.get(section)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn by_id(tree: &Table, section: &str, name: &str) -> Result<usize, Fault> {
    let named: Vec<(usize, String)> = items(tree, section)
        .iter()
        .enumerate()
        .filter_map(|(index, item)| {
            let id = item.get("id")?.as_str()?;
            Some((index, id.to_ascii_uppercase().replace(['-', '.'], "_")))
        })
        .collect();
    let fitting: Vec<usize> = named
        .iter()
        .filter(|(_, known)| known == name)
        .map(|(index, _)| *index)
        .collect();
    match fitting.as_slice() {
        [one] => Ok(*one),
        [] => Err(Fault::new(
            format!("names no [[{section}]] of the file, {name:?}"),
            match named.as_slice() {
                [] => format!(
                    "the file has none with an id: add it there, a variable cannot create a [[{section}]]"
                ),
                some => {
                    let names: Vec<&str> = some.iter().map(|(_, name)| name.as_str()).collect();
                    format!("those there are written {}", names.join(", "))
                }
            },
        )),
        _ => Err(Fault::new(
            format!("fits more than one [[{section}]]"),
            "set the key in the file, or choose ids that differ by more than '-', '.', '_' and case",
        )),
    }
}

fn by_position(tree: &Table, position: &str) -> Result<usize, Fault> {
    let count = items(tree, "certification").len();
    position
        .parse()
        .ok()
        .filter(|index| *index < count)
        .ok_or_else(|| {
            Fault::new(
                format!("names no [[certification]] of the file, {position:?}"),
                format!("write its position, from 0; the file has {count}"),
            )
        })
}

/// Text as it is where the key takes text, otherwise read as TOML.
fn value_of(place: Place, key: &str, text: &str) -> Result<Value, Fault> {
    let as_text = Value::String(text.to_owned());
    let Some(text_error) = tree::key_error_at(place, key, &as_text) else {
        return Ok(as_text);
    };
    let (error, value) = match text.parse::<Value>() {
        Err(_) => (Some(text_error), as_text),
        Ok(value) => (tree::key_error_at(place, key, &value), value),
    };
    match error {
        None => Ok(value),
        Some(KeyError::Unknown) => Err(Fault::new("sets no known key", "unset it")),
        Some(KeyError::Value { message, .. }) => Err(Fault::new(
            "cannot be used",
            format!("{message}; lists, numbers, true and false are written as in the file"),
        )),
    }
}

/// Drops from the file what a variable says in the other of two ways.
fn forget_replaced(tree: &mut Table, set: &[(Place, String, Value, &String)]) {
    let sets = |key: &str| {
        set.iter()
            .any(|(place, set, ..)| *place == Place::Top && set == key)
    };
    for (left, right) in SAME {
        if sets(left) {
            tree.remove(right);
        }
        if sets(right) {
            tree.remove(left);
        }
    }
}

fn section_mut(tree: &mut Table, place: Place) -> Option<&mut Table> {
    let (section, index) = match place {
        Place::Environment => return None,
        Place::Top => return Some(tree),
        Place::Site(index) => ("site", index),
        Place::Community(index) => ("community", index),
        Place::Certification(index) => ("certification", index),
        Place::Fetch => return one(tree, "fetch"),
        Place::Limits => return one(tree, "limits"),
        Place::Protocol => return one(tree, "protocol"),
        Place::Recheck => return one(tree, "recheck"),
    };
    tree.get_mut(section)?
        .as_array_mut()?
        .get_mut(index)?
        .as_table_mut()
}

fn one<'a>(tree: &'a mut Table, section: &str) -> Option<&'a mut Table> {
    tree.entry(section)
        .or_insert_with(|| Value::Table(Table::new()))
        .as_table_mut()
}

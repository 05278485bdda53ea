//! From the TOML tree to the sections of [`super::file`], one key at a time, so that one bad key hides no other.

use serde::{
    Deserializer,
    de::{
        DeserializeOwned, Error as _, Visitor,
        value::{Error as AnyError, MapDeserializer},
    },
    forward_to_deserialize_any,
};
use toml::{Table, Value};

use super::{
    file,
    problem::{Fault, Place, Problems},
};

/// Names alike by this much (Jaro-Winkler, 0 to 1) are offered as what was meant.
const ALIKE: f64 = 0.85;

/// The sections that are lists of tables, and those that are one table.
pub(crate) const LISTS: [&str; 3] = ["site", "community", "certification"];
pub(crate) const TABLES: [&str; 4] = ["fetch", "limits", "protocol", "recheck"];

/// A whole file.
pub(crate) struct Sections {
    pub(crate) top: file::Top,
    pub(crate) sites: Vec<file::Site>,
    pub(crate) communities: Vec<file::Community>,
    pub(crate) certifications: Vec<file::Certification>,
    pub(crate) fetch: file::Fetch,
    pub(crate) limits: file::Limits,
    pub(crate) protocol: file::Protocol,
    pub(crate) recheck: file::Recheck,
}

/// Reads every section; what cannot be read is reported and left at its default.
pub(crate) fn read(mut tree: Table, problems: &mut Problems) -> Sections {
    Sections {
        sites: list(&mut tree, "site", "id", Place::Site, problems),
        communities: list(&mut tree, "community", "id", Place::Community, problems),
        certifications: list(
            &mut tree,
            "certification",
            "uri",
            Place::Certification,
            problems,
        ),
        fetch: table(&mut tree, "fetch", Place::Fetch, problems),
        limits: table(&mut tree, "limits", Place::Limits, problems),
        protocol: table(&mut tree, "protocol", Place::Protocol, problems),
        recheck: table(&mut tree, "recheck", Place::Recheck, problems),
        top: section(tree, Place::Top, problems),
    }
}

fn list<T: DeserializeOwned + Default>(
    tree: &mut Table,
    name: &str,
    called_by: &str,
    place: fn(usize) -> Place,
    problems: &mut Problems,
) -> Vec<T> {
    let malformed = || {
        Fault::new(
            "is not a list of tables",
            format!("begin each one with [[{name}]], in double brackets"),
        )
    };
    let items = match tree.remove(name) {
        None => return Vec::new(),
        Some(Value::Array(items)) => items,
        Some(_) => {
            problems.add(Place::Top, name, malformed());
            return Vec::new();
        }
    };
    let mut read = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let Value::Table(item) = item else {
            problems.add(Place::Top, name, malformed());
            continue;
        };
        if let Some(Value::String(id)) = item.get(called_by) {
            problems.call(place(index), id);
        }
        read.push(section(item, place(index), problems));
    }
    read
}

fn table<T: DeserializeOwned + Default>(
    tree: &mut Table,
    name: &str,
    place: Place,
    problems: &mut Problems,
) -> T {
    match tree.remove(name) {
        None => T::default(),
        Some(Value::Table(keys)) => section(keys, place, problems),
        Some(_) => {
            let fault = Fault::new(
                "is not a table",
                format!("write it once, as [{name}], in single brackets"),
            );
            problems.add(Place::Top, name, fault);
            T::default()
        }
    }
}

fn section<T: DeserializeOwned + Default>(keys: Table, place: Place, problems: &mut Problems) -> T {
    let mut good = Table::new();
    for (key, value) in keys {
        match key_error::<T>(&key, &value) {
            None => {
                good.insert(key, value);
            }
            Some(KeyError::Unknown) => {
                let fault = Fault::new("is not a known key", meant(&key, &names_at(place)));
                problems.add(place, &key, fault);
            }
            Some(KeyError::Value { path, message }) => {
                let fault = Fault::new("cannot be used", message);
                problems.add(place, &path, fault);
            }
        }
    }
    // Each key was read by itself above, and no struct of `file` ties one to another.
    Value::Table(good).try_into().unwrap_or_default()
}

/// Why a section does not take a key.
pub(crate) enum KeyError {
    /// There is no such key.
    Unknown,
    /// The value is of the wrong kind; `path` begins with the key.
    Value {
        /// `scopes[1]`.
        path: String,
        /// What was found and what is expected.
        message: String,
    },
}

fn key_error<T: DeserializeOwned>(key: &str, value: &Value) -> Option<KeyError> {
    if !keys_of::<T>().contains(&key) {
        return Some(KeyError::Unknown);
    }
    let single: Table = [(key.to_owned(), value.clone())].into_iter().collect();
    let error = serde_path_to_error::deserialize::<_, T>(Value::Table(single)).err()?;
    Some(KeyError::Value {
        path: error.path().to_string(),
        message: in_plain_words(error.inner().message()),
    })
}

/// Whether the section at `place` takes `key` with `value`.
pub(crate) fn key_error_at(place: Place, key: &str, value: &Value) -> Option<KeyError> {
    match place {
        Place::Environment => Some(KeyError::Unknown),
        Place::Top => key_error::<file::Top>(key, value),
        Place::Site(_) => key_error::<file::Site>(key, value),
        Place::Community(_) => key_error::<file::Community>(key, value),
        Place::Certification(_) => key_error::<file::Certification>(key, value),
        Place::Fetch => key_error::<file::Fetch>(key, value),
        Place::Limits => key_error::<file::Limits>(key, value),
        Place::Protocol => key_error::<file::Protocol>(key, value),
        Place::Recheck => key_error::<file::Recheck>(key, value),
    }
}

/// The keys that the section at `place` knows.
pub(crate) fn keys_at(place: Place) -> &'static [&'static str] {
    match place {
        Place::Environment => &[],
        Place::Top => keys_of::<file::Top>(),
        Place::Site(_) => keys_of::<file::Site>(),
        Place::Community(_) => keys_of::<file::Community>(),
        Place::Certification(_) => keys_of::<file::Certification>(),
        Place::Fetch => keys_of::<file::Fetch>(),
        Place::Limits => keys_of::<file::Limits>(),
        Place::Protocol => keys_of::<file::Protocol>(),
        Place::Recheck => keys_of::<file::Recheck>(),
    }
}

/// Keys, and at the top also the sections.
fn names_at(place: Place) -> Vec<&'static str> {
    let mut names = keys_at(place).to_vec();
    if place == Place::Top {
        names.extend(LISTS);
        names.extend(TABLES);
    }
    names
}

/// Advice for an unknown name: the one that looks like it, or all.
pub(crate) fn meant(unknown: &str, known: &[&str]) -> String {
    let closest = known
        .iter()
        .map(|name| (strsim::jaro_winkler(unknown, name), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(left, _), (right, _)| left.total_cmp(right));
    match closest {
        Some((_, name)) => format!("did you mean {name}?"),
        None => format!("known here are {}", known.join(", ")),
    }
}

/// serde names Rust's types; people write TOML.
fn in_plain_words(message: &str) -> String {
    message
        .replace("expected i64", "expected a whole number")
        .replace("expected a boolean", "expected true or false")
        .replace("expected a sequence", "expected a list in brackets")
        .replace(
            "invalid type: unit variant, expected string only",
            "expected text in quotes",
        )
        .replace("unknown variant", "unknown choice")
        .replace("expected path string", "expected a path in quotes")
        .replace("expected a string", "expected text in quotes")
        .replace(['`', '\n'], "")
}

/// The field names that serde knows of `T`.
fn keys_of<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut keys: &'static [&'static str] = &[];
    // Only the names are wanted: whether an empty section makes a `T` does not matter.
    drop(T::deserialize(FieldNames(&mut keys)));
    keys
}

/// A deserialiser that offers no field and notes those it is asked for.
struct FieldNames<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = AnyError;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, AnyError> {
        *self.0 = fields;
        visitor.visit_map(MapDeserializer::new(std::iter::empty::<(&str, &str)>()))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, AnyError> {
        Err(AnyError::custom("not a section"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

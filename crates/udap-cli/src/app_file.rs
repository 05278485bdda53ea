//! A file with an app's options, so that they are typed once: `udap register --app app.toml`.
//!
//! Its keys are the names of options with `_` for `-`. They are put among the arguments before these
//! are parsed, in front of what was typed; an option that was typed wins. Paths are relative to the
//! file's folder.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Command};
use toml::{Table, Value};

use crate::commands::WrongUsage;

/// Commands that take the file, as their words.
const COMMANDS: [&[&str]; 6] = [
    &["discover"],
    &["register"],
    &["update"],
    &["cancel"],
    &["token"],
    &["statement", "sign"],
];

const OPTION: &str = "--app";

/// Options whose values are paths.
const PATHS: [&str; 11] = [
    "cert",
    "certification",
    "key",
    "anchors",
    "intermediates",
    "crl",
    "tls-root",
    "metadata",
    "b2b",
    "out",
    "refresh-token-file",
];

/// Options that say the same thing in two ways: what was typed rules out the other.
const ALTERNATIVES: [(&str, &[&str]); 2] = [
    ("endpoint", &["server", "community", "anchors"]),
    ("server", &["endpoint"]),
];

const CLIENT_ID: &str = "client_id";

/// The option itself.
#[derive(Args, Clone, Debug)]
pub(crate) struct AppOption {
    /// A file with these options, as `cert = "app.pem"`; what is typed comes before what it says.
    /// `udap register` writes the client_id into it
    #[arg(long, value_name = "APP.toml", help_heading = "App")]
    app: Option<PathBuf>,
}

impl AppOption {
    /// Keeps the id that a server gave, for later commands. Everything else in the file stays as it
    /// is.
    pub(crate) fn remember(&self, client_id: &str) -> anyhow::Result<()> {
        let Some(path) = &self.app else {
            return Ok(());
        };
        let text = read(path)?;
        replace(path, &with_client_id(&text, client_id))
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// The arguments, with what the file says.
///
/// # Errors
/// If the file cannot be read, is no TOML, or holds what no option takes.
pub(crate) fn expand(arguments: Vec<OsString>, command: &Command) -> anyhow::Result<Vec<OsString>> {
    let Some((end, words)) = command_of(&arguments) else {
        return Ok(arguments);
    };
    let Some(path) = option(&arguments, end) else {
        return Ok(arguments);
    };
    let text = read(&path)?;
    let table: Table = text
        .parse()
        .with_context(|| format!("{} is no TOML", path.display()))?;
    let of = |words: &[&str]| -> BTreeSet<String> {
        let command = words
            .iter()
            .try_fold(command, |command, word| command.find_subcommand(word));
        let longs = command
            .into_iter()
            .flat_map(Command::get_arguments)
            .filter_map(|argument| argument.get_long());
        longs.map(str::to_owned).collect()
    };
    let known = of(words);
    let known_anywhere: BTreeSet<String> = COMMANDS.iter().flat_map(|words| of(words)).collect();
    let typed: BTreeSet<&str> = arguments
        .iter()
        .skip(end)
        .filter_map(|argument| long(argument))
        .collect();
    let (mut lists, mut singles) = (Vec::new(), Vec::new());
    for (key, value) in &table {
        let name = key.replace('_', "-");
        if !known_anywhere.contains(&name) || name == "app" {
            bail!(unknown(&path, key, &known_anywhere));
        }
        let is_ruled_out = typed.contains(name.as_str())
            || ALTERNATIVES
                .iter()
                .any(|(one, others)| typed.contains(one) && others.contains(&name.as_str()));
        if !known.contains(&name) || is_ruled_out {
            continue;
        }
        let place = Place {
            folder: path.parent().unwrap_or(Path::new("")),
            name: &name,
        };
        let values = place
            .values(value)
            .with_context(|| format!("{}: {key}", path.display()))?;
        // Options that take several values would take what is typed after them, too.
        if matches!(value, Value::Array(_)) {
            lists.extend(values);
        } else {
            singles.extend(values);
        }
    }
    let mut expanded = arguments;
    let typed_after = expanded.split_off(end);
    expanded.extend(lists);
    expanded.extend(singles);
    expanded.extend(typed_after);
    Ok(expanded)
}

/// Where the words of a command that takes the file end.
fn command_of(arguments: &[OsString]) -> Option<(usize, &'static [&'static str])> {
    // Only options that take no value can stand before a command.
    let start = arguments
        .iter()
        .skip(1)
        .position(|argument| long(argument).is_none())?
        + 1;
    let words = COMMANDS.into_iter().find(|words| {
        let found = arguments.iter().skip(start).take(words.len());
        found.eq(words.iter().map(OsStr::new).collect::<Vec<_>>())
    })?;
    Some((start + words.len(), words))
}

/// The name of a long option.
fn long(argument: &OsString) -> Option<&str> {
    let name = argument.to_str()?.strip_prefix("--")?;
    Some(name.split_once('=').map_or(name, |(name, _)| name))
}

/// The value of `--app`.
fn option(arguments: &[OsString], from: usize) -> Option<PathBuf> {
    let mut arguments = arguments.iter().skip(from);
    while let Some(argument) = arguments.next() {
        if argument == OPTION {
            return arguments.next().map(PathBuf::from);
        }
        let text = argument.to_str().unwrap_or_default();
        if let Some(path) = text
            .strip_prefix(OPTION)
            .and_then(|rest| rest.strip_prefix('='))
        {
            return Some(PathBuf::from(path));
        }
    }
    None
}

struct Place<'a> {
    folder: &'a Path,
    name: &'a str,
}

impl Place<'_> {
    /// `--name=value` for each value.
    fn values(&self, value: &Value) -> anyhow::Result<Vec<OsString>> {
        Ok(match value {
            Value::String(text) => vec![self.argument(text)],
            Value::Integer(number) => vec![self.argument(&number.to_string())],
            Value::Boolean(true) => vec![format!("--{}", self.name).into()],
            Value::Boolean(false) => Vec::new(),
            Value::Array(elements) => {
                let values = elements.iter().map(|element| match element {
                    Value::String(text) => Ok(self.argument(text)),
                    _ => bail!("its entries must be texts"),
                });
                values.collect::<anyhow::Result<_>>()?
            }
            _ => bail!("must be a text, a number, true, false, or a list of texts"),
        })
    }

    fn argument(&self, text: &str) -> OsString {
        let mut argument = OsString::from(format!("--{}=", self.name));
        if PATHS.contains(&self.name) {
            argument.push(self.folder.join(text));
        } else {
            argument.push(text);
        }
        argument
    }
}

fn unknown(path: &Path, key: &str, known: &BTreeSet<String>) -> WrongUsage {
    let name = key.replace('_', "-");
    let nearest = known
        .iter()
        .max_by(|one, other| {
            let likeness = |known: &str| strsim::jaro_winkler(known, &name);
            likeness(one).total_cmp(&likeness(other))
        })
        .map(|known| known.replace('-', "_"))
        .unwrap_or_default();
    WrongUsage(format!(
        "{}: there is no option for `{key}`; did you mean `{nearest}`?",
        path.display()
    ))
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Writes the file anew, where it really is and for the same readers; a crash leaves the old one or the
/// new one.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let path = fs::canonicalize(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut draft = tempfile::NamedTempFile::new_in(folder)?;
    draft.write_all(text.as_bytes())?;
    draft
        .as_file()
        .set_permissions(fs::metadata(&path)?.permissions())?;
    draft.as_file().sync_all()?;
    draft.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

/// The text with this id in place of the one that is there, or at its beginning, where no table has
/// begun.
fn with_client_id(text: &str, client_id: &str) -> String {
    let entry = format!("{CLIENT_ID} = {}", Value::from(client_id));
    let is_id = |line: &str| {
        let rest = line.trim_start().strip_prefix(CLIENT_ID);
        rest.is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    if text.lines().any(is_id) {
        let lines = text
            .lines()
            .map(|line| if is_id(line) { &entry } else { line });
        let mut text: String = lines.flat_map(|line| [line, "\n"]).collect();
        text.truncate(text.trim_end_matches('\n').len() + 1);
        return text;
    }
    format!("{entry}\n{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_written_where_it_was_or_first() {
        let kept = "# my app\ncert = \"app.pem\"\nclient_id = \"old\"  # by hand\nkey = \"k\"\n";
        let changed = with_client_id(kept, "new\"");
        assert_eq!(
            changed,
            "# my app\ncert = \"app.pem\"\nclient_id = 'new\"'\nkey = \"k\"\n"
        );
        assert_eq!(
            with_client_id("cert = \"a\"\n", "new"),
            "client_id = \"new\"\ncert = \"a\"\n"
        );
        assert_eq!(with_client_id("", "new"), "client_id = \"new\"\n");
        for text in [changed, with_client_id("[table]\nclient_idx = 1\n", "new")] {
            let table: Table = text.parse().unwrap();
            assert!(table["client_id"].is_str(), "{text}");
        }
    }

    #[test]
    fn the_command_is_found_behind_options_without_values() {
        let found = |line: &str| {
            let words: Vec<_> = line.split(' ').map(OsString::from).collect();
            command_of(&words).map(|(end, words)| (end, words.join(" ")))
        };
        assert_eq!(found("udap register --x"), Some((2, "register".to_owned())));
        assert_eq!(
            found("udap --json statement sign"),
            Some((4, "statement sign".to_owned()))
        );
        for line in ["udap", "udap statement verify", "udap serve", "udap --json"] {
            assert_eq!(found(line), None, "{line}");
        }
    }
}

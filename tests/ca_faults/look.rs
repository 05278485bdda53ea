//! Whether an authority is whole: its list against its files, its revocation list, and what was said.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};
use udap::certificate::Certificate;
use udap::trust::Crl;

use crate::commands::Acknowledged;
use crate::place::Place;

/// What was seen or said before, and so has to stay.
#[derive(Default)]
pub(crate) struct Known {
    /// Serial numbers with their certificates' fingerprints.
    listed: HashMap<String, String>,
    acknowledged: HashSet<String>,
    revoked: HashSet<String>,
    asked_to_revoke: HashSet<String>,
    list: Vec<u8>,
    list_number: Vec<u8>,
}

impl Known {
    /// What there is before the first kill.
    pub(crate) fn seen(place: &Place) -> Self {
        let listed = place
            .ask("ca list --dir ca --json --status revoked")
            .expect("a list");
        let entries = listed.as_array().into_iter().flatten();
        Self {
            revoked: entries
                .map(|entry| text(entry, "serial").to_owned())
                .collect(),
            ..Self::default()
        }
    }

    pub(crate) fn ask_to_revoke(&mut self, serial: Option<String>) {
        self.asked_to_revoke.extend(serial);
    }

    pub(crate) fn acknowledge(&mut self, said: Acknowledged) {
        self.acknowledged.extend(said.issued);
        self.revoked.extend(said.revoked);
    }

    pub(crate) fn certificates(&self) -> usize {
        self.listed.len()
    }

    pub(crate) fn revocations(&self) -> usize {
        self.revoked.len()
    }
}

/// Looks first as a reader, then opens the authority for writing as the next command would, and compares.
pub(crate) fn problems(place: &Place, known: &mut Known) -> Vec<String> {
    match look(place, known) {
        Ok(problems) => problems,
        Err(problem) => vec![problem],
    }
}

fn look(place: &Place, known: &mut Known) -> Result<Vec<String>, String> {
    place.ask("ca list --dir ca --json")?;
    // A command that does nothing but open the folder: there is no such certificate.
    let opened = place.run("ca revoke --dir ca 0a");
    let said = String::from_utf8_lossy(&opened.stderr);
    if !said.contains("no certificate with serial number 0a") {
        return Err(format!("the folder cannot be opened: {said}"));
    }
    let listed = place.ask("ca list --dir ca --json")?;
    let entries = listed.as_array().ok_or("the list is none")?;
    let mut problems = Vec::new();
    problems.extend(entries_are_sound(entries, known));
    problems.extend(files_are_listed(place, entries)?);
    problems.extend(issuing_ca_is_the_latest(place, entries)?);
    problems.extend(nothing_is_left_over(place)?);
    problems.extend(list_carries_revocations(place, entries, known)?);
    Ok(problems)
}

fn text<'a>(entry: &'a Value, member: &str) -> &'a str {
    entry[member].as_str().unwrap_or_default()
}

fn entries_are_sound(entries: &[Value], known: &mut Known) -> Vec<String> {
    let mut problems = Vec::new();
    let mut now = HashMap::new();
    let mut uris = HashSet::new();
    for entry in entries {
        let (serial, fingerprint) = (text(entry, "serial"), text(entry, "fingerprint"));
        if now
            .insert(serial.to_owned(), fingerprint.to_owned())
            .is_some()
        {
            problems.push(format!("serial number {serial} twice"));
        }
        for uri in entry["names"].as_array().into_iter().flatten() {
            let follows = entry["follows"]
                .as_array()
                .is_some_and(|all| !all.is_empty());
            if !uris.insert(uri.to_string()) && !follows {
                problems.push(format!("{uri} was issued again, upon nothing"));
            }
        }
    }
    for (serial, fingerprint) in &known.listed {
        if now.get(serial) != Some(fingerprint) {
            problems.push(format!("{serial} is no longer listed, or has changed"));
        }
    }
    for serial in &known.acknowledged {
        if !now.contains_key(serial) {
            problems.push(format!("{serial} was acknowledged and is not listed"));
        }
    }
    known.listed = now;
    problems
}

/// Every certificate that exists is listed, and every listed leaf has its file.
fn files_are_listed(place: &Place, entries: &[Value]) -> Result<Vec<String>, String> {
    let listed: HashMap<&str, &str> = entries
        .iter()
        .map(|entry| (text(entry, "fingerprint"), text(entry, "serial")))
        .collect();
    let mut problems = Vec::new();
    let mut filed = HashSet::new();
    for folder in ["ca/issued", "out"] {
        for path in files(&place.path(folder))? {
            if !path.ends_with(".pem") {
                continue;
            }
            let content = fs::read(&path).map_err(|error| format!("{path}: {error}"))?;
            let chain = Certificate::from_pem_bundle(&content);
            let chain = chain.map_err(|error| format!("{path} is not whole: {error}"))?;
            let leaf = chain.first().ok_or(format!("{path} is empty"))?;
            match listed.get(fingerprint(leaf.der()).as_str()) {
                None => problems.push(format!("{path} is not listed")),
                Some(serial) if folder == "ca/issued" => {
                    filed.insert((*serial).to_owned());
                }
                Some(_) => {}
            }
        }
    }
    for entry in entries {
        let serial = text(entry, "serial");
        if entry["profile"] == "client" && !filed.contains(serial) {
            problems.push(format!("{serial} has no file"));
        }
    }
    Ok(problems)
}

/// Both files of the issuing CA hold the certificate that was listed last.
fn issuing_ca_is_the_latest(place: &Place, entries: &[Value]) -> Result<Vec<String>, String> {
    let mut listed = entries.iter().rev();
    let latest = listed.find(|entry| entry["profile"] == "issuing-ca");
    let latest = text(latest.ok_or("no issuing CA is listed")?, "fingerprint");
    let mut problems = Vec::new();
    for name in ["ca/intermediate.pem", "ca/intermediate.cer"] {
        let content = fs::read(place.path(name)).map_err(|error| format!("{name}: {error}"))?;
        let chain = Certificate::from_pem_bundle(&content);
        let chain = chain.map_err(|error| format!("{name} is not whole: {error}"))?;
        let is_latest = |one: &Certificate| fingerprint(one.der()) == latest;
        if !chain.first().is_some_and(is_latest) {
            problems.push(format!("{name} is not what was listed last"));
        }
    }
    Ok(problems)
}

fn fingerprint(der: &[u8]) -> String {
    let octets = Sha256::digest(der);
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn nothing_is_left_over(place: &Place) -> Result<Vec<String>, String> {
    let mut left = Vec::new();
    for folder in ["ca", "ca/issued"] {
        let files = files(&place.path(folder))?.into_iter();
        left.extend(files.filter(|path| path.ends_with(".tmp")));
    }
    Ok(left)
}

fn list_carries_revocations(
    place: &Place,
    entries: &[Value],
    known: &mut Known,
) -> Result<Vec<String>, String> {
    let mut problems = Vec::new();
    for name in ["root", "intermediate"] {
        let said = place.openssl(&format!(
            "crl -inform DER -in ca/{name}.crl -noout -CAfile ca/{name}.pem"
        ))?;
        if !said.contains("verify OK") {
            problems.push(format!("openssl does not verify {name}.crl: {said}"));
        }
    }
    let content = fs::read(place.path("ca/intermediate.crl")).map_err(|error| error.to_string())?;
    let list = Crl::from_der(&content).map_err(|error| error.to_string())?;
    let number = list.number().ok_or("the list has no number")?.to_vec();
    // Big-endian without leading zeros: the longer one is the larger.
    let grew = (number.len(), &number) > (known.list_number.len(), &known.list_number);
    if content != known.list && !grew {
        problems.push("another revocation list, whose number did not grow".to_owned());
    }
    known.list_number = number;
    known.list = content;

    let mut revoked = HashSet::new();
    for entry in entries {
        if !entry["revocation"].is_null() {
            revoked.insert(text(entry, "serial").to_owned());
        }
    }
    for entry in entries.iter().filter(|entry| entry["profile"] == "client") {
        let serial = text(entry, "serial");
        if list.revokes_serial(&octets(serial)) != revoked.contains(serial) {
            problems.push(format!(
                "{serial}: the index and the revocation list differ"
            ));
        }
    }
    for serial in &known.revoked {
        if !revoked.contains(serial) {
            problems.push(format!("{serial} was acknowledged as revoked and is not"));
        }
    }
    for serial in revoked.difference(&known.revoked) {
        if !known.asked_to_revoke.contains(serial) {
            problems.push(format!("{serial} is revoked, which nobody asked for"));
        }
    }
    known.revoked.extend(revoked);
    Ok(problems)
}

fn octets(serial: &str) -> Vec<u8> {
    let digits: Vec<char> = serial.chars().collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap_or(0))
        .collect()
}

fn files(folder: &Path) -> Result<Vec<String>, String> {
    let read = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    read.map(|entry| {
        let entry = entry.map_err(|error| error.to_string())?;
        Ok(entry.path().to_string_lossy().into_owned())
    })
    .collect()
}

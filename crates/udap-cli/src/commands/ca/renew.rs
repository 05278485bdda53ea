//! `udap ca renew` and `udap ca rekey`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use time::Duration;
use udap_ca::{
    CaDirectory, Entry, Index, IssuedCertificate, KeyAlgorithm, ProfileName, Renewal,
    RevocationReason, SanUri, Serial, SigningRequest,
};

use super::folder::SigningFolder;
use super::issued::{IN_PLACE, Issued, NewKey};
use super::requirements::{Judged, Requirements};
use super::target::{refuse_existing, serial};
use super::value;
use crate::commands::{Verdict, WrongUsage};
use crate::output::Output;
use crate::{environment, material};

/// What a renewed certificate is to be.
#[derive(Args, Debug)]
struct Common {
    #[command(flatten)]
    folder: SigningFolder,

    /// The earlier certificate: its serial number in hexadecimal, or a file that holds it
    #[arg(value_name = "SERIAL|FILE")]
    certificate: String,

    /// How many days the new one is valid, at most 731
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(i64).range(1..=731))]
    days: i64,

    #[command(flatten)]
    requirements: Requirements,

    /// The file for the new certificate and its issuer's (PEM)
    #[arg(long, value_name = "FILE.pem")]
    out: PathBuf,
}

impl Common {
    /// What the new one has of its own; `None` if the app's metadata breaks a rule.
    fn terms(&self, earlier: &Entry, output: Output) -> anyhow::Result<Option<Renewal>> {
        if self.requirements.are_asked() && earlier.profile != ProfileName::Client {
            let usage = "--metadata is an app's: this certificate is of another profile";
            return Err(WrongUsage(usage.to_owned()).into());
        }
        let uris: Vec<SanUri> = match earlier.profile {
            ProfileName::Client => {
                let uris = earlier.names.iter().map(|name| name.parse());
                uris.collect::<Result<_, _>>()?
            }
            _ => Vec::new(),
        };
        let metadata = match self.requirements.judge(&uris, output)? {
            Judged::NotAsked => None,
            Judged::Good(metadata) => Some(metadata),
            Judged::Refused => return Ok(None),
        };
        Ok(Some(Renewal {
            lifetime: Some(Duration::days(self.days)),
            metadata,
        }))
    }
}

/// What to renew.
#[derive(Args, Debug)]
pub(crate) struct Renew {
    #[command(flatten)]
    common: Common,
}

/// What to rekey.
#[derive(Args, Debug)]
pub(crate) struct Rekey {
    #[command(flatten)]
    common: Common,

    /// A signing request by the new key; without it a key is made
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key_type", "key_out"])]
    csr: Option<PathBuf>,

    /// The kind of the key that is made, if not that of the earlier one
    #[arg(long, value_name = "KEY", value_parser = value::<KeyAlgorithm>)]
    key_type: Option<KeyAlgorithm>,

    /// The file for the key that is made (PEM), if not --out with the ending .key
    #[arg(long, value_name = "FILE.key")]
    key_out: Option<PathBuf>,

    /// Revoke the earlier certificate, with this reason: superseded, keyCompromise, …
    #[arg(long, value_name = "REASON", value_parser = value::<RevocationReason>)]
    revoke: Option<RevocationReason>,
}

/// Issues one for the same key and names.
pub(super) fn renew(arguments: &Renew, output: Output) -> anyhow::Result<Verdict> {
    let common = &arguments.common;
    refuse_existing([&common.out])?;
    let serial = serial(&common.certificate)?;
    // Nobody waits for the folder while links are visited.
    let earlier = known(&CaDirectory::read_index(common.folder.dir())?, &serial)?;
    let Some(terms) = common.terms(&earlier, output)? else {
        return Ok(Verdict::Refused);
    };
    let mut ca = common.folder.open()?;
    let (now, rng) = (environment::now(), &mut environment::rng());
    let metadata = terms.metadata.clone();
    let issued = ca.renew(&serial, terms, now, rng)?;
    let report = Issued::write(&issued, &common.out, earlier.names)?;
    output.show(&report.judged(metadata.as_ref()).then(IN_PLACE))?;
    Ok(Verdict::Good)
}

/// Issues one for the same names and another key.
pub(super) fn rekey(arguments: &Rekey, output: Output) -> anyhow::Result<Verdict> {
    let common = &arguments.common;
    let key_path = arguments
        .key_out
        .clone()
        .unwrap_or_else(|| common.out.with_extension("key"));
    let mut files = vec![&common.out];
    if arguments.csr.is_none() {
        files.push(&key_path);
    }
    refuse_existing(files)?;
    let serial = serial(&common.certificate)?;
    // Nobody waits for the folder while links are visited.
    let earlier = known(&CaDirectory::read_index(common.folder.dir())?, &serial)?;
    let Some(terms) = common.terms(&earlier, output)? else {
        return Ok(Verdict::Refused);
    };
    let mut ca = common.folder.open()?;
    let mut issue = |key: &udap_ca::PublicKey| -> Result<IssuedCertificate, udap_ca::Error> {
        let (now, rng) = (environment::now(), &mut environment::rng());
        ca.rekey(&serial, key, terms.clone(), now, rng)
    };
    let report = if let Some(csr) = &arguments.csr {
        let request = SigningRequest::read(&material::read(csr)?)
            .with_context(|| csr.display().to_string())?;
        let issued = issue(request.key())?;
        let mut ignored = request.other_wishes().to_vec();
        ignored.extend(request.uris().iter().map(|uri| format!("URI {uri}")));
        Issued::write(&issued, &common.out, earlier.names)?.ignoring(ignored)
    } else {
        let algorithm = arguments.key_type.unwrap_or(earlier.key);
        let mut key = NewKey::make(&key_path, algorithm, output)?;
        let issued = issue(key.key.public_key())?;
        key.keep();
        Issued::write(&issued, &common.out, earlier.names)?.with_key(&key)
    };
    if let Some(reason) = arguments.revoke {
        ca.revoke(&serial, reason, environment::now())
            .context("the new certificate is issued, but the earlier one could not be revoked")?;
    }
    output.show(&report.judged(terms.metadata.as_ref()).then(IN_PLACE))?;
    Ok(Verdict::Good)
}

fn known(index: &Index, serial: &Serial) -> anyhow::Result<Entry> {
    let unknown = || udap_ca::Error::UnknownSerial {
        serial: serial.clone(),
    };
    Ok(index.find(serial)?.ok_or_else(unknown)?)
}

//! `udap ca revoke`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use udap_ca::{CaDirectory, RevocationReason, Serial};

use super::{Folder, value};
use crate::output::{Output, Page, Report};
use crate::{environment, material};

/// What to revoke.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    folder: Folder,

    /// The certificate's serial number in hexadecimal, or a file that holds the certificate
    #[arg(value_name = "SERIAL|FILE")]
    certificate: String,

    /// Why: keyCompromise, superseded, cessationOfOperation, certificateHold, … (RFC 5280)
    #[arg(long, default_value = "unspecified", value_parser = value::<RevocationReason>)]
    reason: RevocationReason,
}

#[derive(Serialize)]
struct Revoked {
    serial: String,
    reason: RevocationReason,
    crl: PathBuf,
}

impl Report for Revoked {
    fn page(&self) -> Page {
        let mut page = Page::default();
        page.field("revoked", &self.serial);
        page.field("reason", self.reason.name());
        page.field("revocation list", self.crl.to_string_lossy());
        page.blank();
        page.line(
            "Next: publish the revocation list; servers refuse the certificate once they have it.",
        );
        page
    }
}

/// Revokes it.
pub(super) fn run(arguments: &Arguments, output: Output) -> anyhow::Result<()> {
    let serial = serial(&arguments.certificate)?;
    let mut ca = CaDirectory::open(&arguments.folder.dir)?;
    ca.revoke(&serial, arguments.reason, environment::now())?;
    let issuer = ca
        .index()
        .find(&serial)
        .map(|entry| entry.issuer)
        .context("the revoked certificate has left the index")?;
    output.show(&Revoked {
        serial: serial.to_string(),
        reason: arguments.reason,
        crl: ca.crl_path(issuer),
    })
}

fn serial(text: &str) -> anyhow::Result<Serial> {
    let path = Path::new(text);
    if path.is_file() {
        let chain = material::chain(path)?;
        let leaf = chain.first().context("the file holds no certificate")?;
        return Ok(Serial::from_be_bytes(leaf.serial())?);
    }
    text.parse()
        .with_context(|| format!("`{text}` is neither a file nor a serial number"))
}

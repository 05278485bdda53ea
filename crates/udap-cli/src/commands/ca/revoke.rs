//! `udap ca revoke`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use udap_ca::RevocationReason;

use super::folder::SigningFolder;
use super::target::serial;
use super::value;
use crate::environment;
use crate::output::{Output, Page, Report};

/// What to revoke.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    folder: SigningFolder,

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
    let mut ca = arguments.folder.open()?;
    let entry = ca.revoke(&serial, arguments.reason, environment::now())?;
    output.show(&Revoked {
        serial: serial.to_string(),
        reason: arguments.reason,
        crl: ca.crl_path(entry.issuer),
    })
}

//! `udap ca export`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde_json::Value;
use udap_ca::export::{self, Pkcs12Style};
use udap_ca::{CaDirectory, PrivateKey, write_new_private_file, write_public_file};
use zeroize::Zeroizing;

use super::folder::{ask_for_new, passphrase_in};
use super::target::{refuse_existing, serial};
use crate::commands::WrongUsage;
use crate::material;
use crate::output::Output;

/// What to export.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The certificate: its serial number in hexadecimal, or a file that holds it and its issuer's
    #[arg(value_name = "SERIAL|FILE")]
    certificate: String,

    /// The authority's folder; not needed for a file
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// pem: certificate and issuer's; p12: PKCS#12 with the key; x5c: a JSON array; jwks: a JSON Web
    /// Key Set
    #[arg(long, value_enum, default_value = "pem")]
    format: Format,

    /// Where to, if not on standard output; needed for p12
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// For p12: the certificate's private key (PEM)
    #[arg(long, value_name = "FILE.key")]
    key: Option<PathBuf>,

    /// For p12: the file with the password that the file shall have; without it a terminal is asked
    #[arg(long, value_name = "FILE")]
    p12_password_file: Option<PathBuf>,

    /// For p12: triple DES and SHA-1, for programs that know nothing better; easily broken
    #[arg(long)]
    legacy: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Pem,
    P12,
    X5c,
    Jwks,
}

/// Exports it.
pub(super) fn run(arguments: &Arguments, output: Output) -> anyhow::Result<()> {
    refuse_existing(&arguments.out)?;
    let chain = chain(arguments)?;
    let json = |value: &Value| anyhow::Ok(format!("{}\n", serde_json::to_string_pretty(value)?));
    let text = match arguments.format {
        Format::P12 => return pkcs12(arguments, &chain, output),
        Format::Pem => export::pem_chain(&chain),
        Format::X5c => json(&export::x5c(&chain).into())?,
        Format::Jwks => json(&export::jwks(&chain)?)?,
    };
    match &arguments.out {
        Some(path) => Ok(write_public_file(path, text.as_bytes())?),
        None => output.print(&text),
    }
}

fn chain(arguments: &Arguments) -> anyhow::Result<Vec<Vec<u8>>> {
    let path = Path::new(&arguments.certificate);
    if path.is_file() {
        let chain = material::chain(path)?;
        return Ok(chain.iter().map(|one| one.der().to_vec()).collect());
    }
    let serial = serial(&arguments.certificate)?;
    let folder = arguments
        .dir
        .as_deref()
        .context("a serial number is looked up in the authority's folder: --dir DIR")?;
    let index = CaDirectory::read_index(folder)?;
    Ok(CaDirectory::read_chain(folder, &index, &serial)?)
}

fn pkcs12(arguments: &Arguments, chain: &[Vec<u8>], output: Output) -> anyhow::Result<()> {
    let (Some(out), Some(key)) = (&arguments.out, &arguments.key) else {
        let usage = "a PKCS#12 file holds the key too: name --key FILE.key and --out FILE.p12";
        return Err(WrongUsage(usage.to_owned()).into());
    };
    let text = Zeroizing::new(material::read(key)?);
    let text = std::str::from_utf8(&text).context("the key is not PEM")?;
    let key = match PrivateKey::from_pem_with(text, None) {
        Err(udap_ca::Error::PassphraseNeeded { .. }) => {
            bail!(
                "{} is encrypted: decrypt it first (openssl pkey)",
                key.display()
            )
        }
        read => read.with_context(|| key.display().to_string())?,
    };
    let password = match &arguments.p12_password_file {
        Some(path) => passphrase_in(path)?,
        None => ask_for_new()?,
    };
    let style = if arguments.legacy {
        output.warn("a legacy PKCS#12 file is easily broken: delete it once it is imported");
        Pkcs12Style::Legacy
    } else {
        Pkcs12Style::Modern
    };
    let name = out.file_stem().unwrap_or_default().to_string_lossy();
    let content = export::pkcs12(chain, &key, &name, &password, style)?;
    Ok(write_new_private_file(out, &content)?)
}

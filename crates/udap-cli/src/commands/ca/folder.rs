//! The authority's folder, and what opens its keys.

use std::fs;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use udap_ca::{CaDirectory, Error, Index, Passphrase};
use zeroize::Zeroizing;

use crate::environment;
use crate::material::refuse_readable_by_others;

/// How long a command waits for another one to finish with the folder.
const PATIENCE: Duration = Duration::from_secs(15);
/// Between two looks at the lock.
const PAUSE: Duration = Duration::from_millis(100);
/// A passphrase is a line; a longer file is some other file.
const PASSPHRASE_BYTES: u64 = 4096;

/// Where the authority is, for commands that only read.
#[derive(Args, Debug)]
pub(super) struct Folder {
    /// The authority's folder
    #[arg(long, value_name = "DIR")]
    pub(super) dir: PathBuf,
}

impl Folder {
    /// What was issued and revoked, while another command may write.
    pub(super) fn index(&self) -> anyhow::Result<Index> {
        Ok(CaDirectory::read_index(&self.dir)?)
    }
}

/// Where the authority is, for commands that sign.
#[derive(Args, Debug)]
pub(super) struct SigningFolder {
    #[command(flatten)]
    folder: Folder,

    #[command(flatten)]
    pub(super) password: PasswordFile,
}

/// Where the passphrase is.
#[derive(Args, Debug)]
pub(super) struct PasswordFile {
    /// The file with the passphrase of the CA's keys, if they are encrypted; without it a terminal
    /// is asked
    #[arg(
        long,
        value_name = "FILE",
        env = "UDAP_CA_PASSWORD_FILE",
        hide_env_values = true
    )]
    password_file: Option<PathBuf>,
}

impl PasswordFile {
    /// The passphrase in the file, if one was named.
    pub(super) fn read(&self) -> anyhow::Result<Option<Passphrase>> {
        self.password_file.as_deref().map(passphrase_in).transpose()
    }
}

impl SigningFolder {
    /// The folder's path.
    pub(super) fn dir(&self) -> &Path {
        &self.folder.dir
    }

    /// What opens the keys, once it has, for a command that opens the folder now and then.
    pub(super) fn unlock(&self) -> anyhow::Result<Option<Passphrase>> {
        Ok(self.open()?.passphrase().cloned())
    }

    /// Opens the authority for this command alone, and finishes what a killed one left.
    pub(super) fn open(&self) -> anyhow::Result<CaDirectory> {
        let mut ca = self.open_with(self.password.read()?)?;
        ca.resume(environment::now())?;
        Ok(ca)
    }

    fn open_with(&self, passphrase: Option<Passphrase>) -> anyhow::Result<CaDirectory> {
        match wait_for(&self.folder.dir, passphrase) {
            Err(Error::PassphraseNeeded { path }) => {
                let passphrase = ask(&format!("Passphrase of {}: ", path.display()))?;
                Ok(wait_for(&self.folder.dir, Some(passphrase))?)
            }
            opened => Ok(opened?),
        }
    }
}

/// Opens the folder, after another command if there is one.
pub(super) fn wait_for(
    folder: &Path,
    passphrase: Option<Passphrase>,
) -> Result<CaDirectory, Error> {
    let mut waited = Duration::ZERO;
    loop {
        match CaDirectory::open_with(folder, passphrase.clone()) {
            Err(Error::Locked { .. }) if waited < PATIENCE => {
                thread::sleep(PAUSE);
                waited += PAUSE;
            }
            opened => return opened,
        }
    }
}

/// The passphrase in a file that its owner alone can read, or on standard input for `-`.
pub(in crate::commands) fn passphrase_in(path: &Path) -> anyhow::Result<Passphrase> {
    let unreadable = || format!("cannot read the passphrase in {}", path.display());
    let mut text = Zeroizing::new(String::new());
    if path == Path::new("-") {
        let input = std::io::stdin().lock().take(PASSPHRASE_BYTES);
        { input }
            .read_to_string(&mut text)
            .with_context(unreadable)?;
    } else {
        refuse_readable_by_others(path)?;
        let file = fs::File::open(path).with_context(unreadable)?;
        let mut file = file.take(PASSPHRASE_BYTES);
        file.read_to_string(&mut text).with_context(unreadable)?;
    }
    Passphrase::new(&text).with_context(unreadable)
}

/// Asks the person at the terminal.
pub(in crate::commands) fn ask(prompt: &str) -> anyhow::Result<Passphrase> {
    if !std::io::stdin().is_terminal() {
        bail!(
            "a passphrase is needed, and there is no terminal to ask: give it with --password-file FILE"
        );
    }
    let text = rpassword::prompt_password(prompt).map(Zeroizing::new);
    Ok(Passphrase::new(
        &text.context("cannot ask for the passphrase")?,
    )?)
}

/// Asks for a new passphrase, twice.
pub(super) fn ask_for_new() -> anyhow::Result<Passphrase> {
    let passphrase = ask("New passphrase: ")?;
    if ask("Once more: ")? != passphrase {
        bail!("the two passphrases differ; nothing was made");
    }
    Ok(passphrase)
}

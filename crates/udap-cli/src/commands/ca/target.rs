//! Which certificate is meant, and where files are put.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use udap_ca::Serial;

use crate::material;

/// The serial number in a text, or of the certificate in the file that it names.
pub(super) fn serial(text: &str) -> anyhow::Result<Serial> {
    let path = Path::new(text);
    if path.is_file() {
        let chain = material::chain(path)?;
        let leaf = chain.first().context("the file holds no certificate")?;
        return Ok(Serial::from_be_bytes(leaf.serial())?);
    }
    text.parse()
        .with_context(|| format!("`{text}` is neither a file nor a serial number"))
}

/// Refuses files that are there: before anything is issued that could then not be written.
pub(super) fn refuse_existing<'a>(
    paths: impl IntoIterator<Item = &'a PathBuf>,
) -> anyhow::Result<()> {
    for path in paths {
        if path.symlink_metadata().is_ok() {
            bail!(
                "{} exists: files are never overwritten; name another, or move it away",
                path.display()
            );
        }
    }
    Ok(())
}

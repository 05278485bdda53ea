//! `--config`: the option of all commands that work on a server's configuration.

use std::path::PathBuf;

use clap::Args;

use crate::config::{Config, ConfigError};
use crate::environment;

/// Which configuration.
#[derive(Args, Debug)]
pub(crate) struct ConfigFile {
    /// The configuration file
    #[arg(
        long,
        value_name = "FILE",
        default_value = "udap.toml",
        env = "UDAP_CONFIG",
        global = true
    )]
    config: PathBuf,
}

impl ConfigFile {
    /// Reads it, under this process's environment.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub(crate) fn read(&self) -> Result<Config, ConfigError> {
        environment::configuration(&self.config)
    }
}

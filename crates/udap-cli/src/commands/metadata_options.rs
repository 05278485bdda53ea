//! Options that say who the app is and what it wants to be registered with.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use udap::algorithm::Algorithm;
use udap_client::{Identity, StatementRequest};

use crate::material;
use crate::output::Output;

/// A signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
enum Alg {
    Rs256,
    Rs384,
    Es256,
    Es384,
}

/// Who the app is.
#[derive(Args, Clone, Debug)]
pub(crate) struct IdentityOptions {
    /// The app's certificates (PEM): its own first, then its issuers'
    #[arg(long, value_name = "CHAIN.pem", help_heading = "Identity")]
    cert: PathBuf,

    /// The private key of the app's certificate (PEM)
    #[arg(long, value_name = "KEY.pem", help_heading = "Identity")]
    key: PathBuf,

    /// The app's URI, if not the first that its certificate names
    #[arg(long, value_name = "URI", help_heading = "Identity")]
    uri: Option<String>,

    /// Signature algorithm, if not RS256 for RSA, ES256 for P-256, ES384 for P-384
    #[arg(long, value_enum, ignore_case = true, help_heading = "Identity")]
    alg: Option<Alg>,
}

impl IdentityOptions {
    /// Reads certificates and key.
    pub(crate) fn read(&self, output: Output) -> anyhow::Result<Identity> {
        let algorithm = self.alg.map(|alg| match alg {
            Alg::Rs256 => Algorithm::Rs256,
            Alg::Rs384 => Algorithm::Rs384,
            Alg::Es256 => Algorithm::Es256,
            Alg::Es384 => Algorithm::Es384,
        });
        material::identity(&self.cert, &self.key, algorithm, output)
    }

    /// The request under the chosen URI.
    pub(crate) fn choose(&self, request: StatementRequest) -> StatementRequest {
        match &self.uri {
            Some(uri) => request.client_identity(uri),
            None => request,
        }
    }
}

/// What is to be registered. An option takes the place of what the file says.
#[derive(Args, Clone, Debug)]
pub(crate) struct MetadataOptions {
    /// A JSON object with client metadata
    #[arg(long, value_name = "FILE.json", help_heading = "Metadata")]
    metadata: Option<PathBuf>,

    /// The app's name
    #[arg(long, value_name = "NAME", help_heading = "Metadata")]
    client_name: Option<String>,

    /// Grant types: authorization_code, refresh_token, client_credentials
    #[arg(long, value_name = "TYPE", num_args = 1.., help_heading = "Metadata")]
    grant: Vec<String>,

    /// Scopes
    #[arg(long, value_name = "SCOPE", num_args = 1.., help_heading = "Metadata")]
    scope: Vec<String>,

    /// Redirect URIs (https)
    #[arg(long, value_name = "URI", num_args = 1.., help_heading = "Metadata")]
    redirect_uri: Vec<String>,

    /// The app's logo (https; PNG, JPG or GIF)
    #[arg(long, value_name = "URI", help_heading = "Metadata")]
    logo_uri: Option<String>,

    /// Contacts, as URIs: mailto:…
    #[arg(long, value_name = "URI", num_args = 1.., help_heading = "Metadata")]
    contact: Vec<String>,

    /// The app's home page
    #[arg(long, value_name = "URI", help_heading = "Metadata")]
    client_uri: Option<String>,

    /// The app's terms of service
    #[arg(long, value_name = "URI", help_heading = "Metadata")]
    tos_uri: Option<String>,

    /// The app's privacy policy
    #[arg(long, value_name = "URI", help_heading = "Metadata")]
    policy_uri: Option<String>,
}

impl MetadataOptions {
    /// A request for this registration endpoint.
    pub(crate) fn request(&self, registration_endpoint: &str) -> anyhow::Result<StatementRequest> {
        let mut request = StatementRequest::new(registration_endpoint);
        if let Some(path) = &self.metadata {
            request = request.metadata_json(&material::read(path)?)?;
        }
        for (name, value) in [
            ("client_name", &self.client_name),
            ("logo_uri", &self.logo_uri),
            ("client_uri", &self.client_uri),
            ("tos_uri", &self.tos_uri),
            ("policy_uri", &self.policy_uri),
        ] {
            if let Some(value) = value {
                request = request.member(name, value.as_str().into());
            }
        }
        for (name, values) in [
            ("grant_types", &self.grant),
            ("redirect_uris", &self.redirect_uri),
            ("contacts", &self.contact),
        ] {
            if !values.is_empty() {
                request = request.member(name, values.as_slice().into());
            }
        }
        if !self.scope.is_empty() {
            request = request.scope(&self.scope.join(" "));
        }
        Ok(request)
    }
}

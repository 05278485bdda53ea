//! `udap token`: an access token for a registered app.

mod b2b_options;
mod user;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::{Map, Value};
use udap_ca::write_new_private_file;
use udap_client::{Discovery, TokenError, TokenRefused, TokenRequest, Tokens};
use zeroize::Zeroizing;

use self::b2b_options::B2bOptions;
use self::user::UserOptions;
use super::metadata_options::IdentityOptions;
use super::target::{Found, Target};
use crate::app_file::AppOption;
use crate::commands::{Verdict, WrongUsage};
use crate::output::{Output, Page, Report};
use crate::{environment, material};

/// What the token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Grant {
    /// The app acts for itself
    ClientCredentials,
    /// A user agrees: the address to open is printed
    AuthorizationCode,
    /// A refresh token of before: --refresh-token-file
    RefreshToken,
}

/// Which token, and where.
#[derive(Args, Debug)]
#[command(after_help = "Exit status: 0 there is a token, 1 there is none, 2 wrong usage.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    _app: AppOption,

    #[command(flatten)]
    target: Target,

    #[command(flatten)]
    identity: IdentityOptions,

    /// The id that the app was given when it registered
    #[arg(long, value_name = "ID")]
    client_id: String,

    /// What the token is asked for
    #[arg(long = "for", value_enum, value_name = "GRANT", default_value_t = Grant::ClientCredentials)]
    grant: Grant,

    /// Scopes, if not all that are registered
    #[arg(long, value_name = "SCOPE", num_args = 1..)]
    scope: Vec<String>,

    #[command(flatten)]
    b2b: B2bOptions,

    #[command(flatten)]
    user: UserOptions,

    /// A file with a refresh token, or with the answer that held it
    #[arg(long, value_name = "FILE")]
    refresh_token_file: Option<PathBuf>,

    /// Write the whole answer to a new file, which its owner alone can read, and print no token
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Serialize)]
struct Got {
    token_endpoint: String,
    /// Nothing if it was written to a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip)]
    tokens: Tokens,
}

impl Report for Got {
    fn page(&self) -> Page {
        let mut page = Page::default();
        page.line("a token").blank();
        page.field("type", self.tokens.token_type());
        let seconds = self.tokens.expires_in();
        page.optional("expires in", seconds.map(|seconds| format!("{seconds} s")));
        page.optional("scope", self.tokens.scope());
        match &self.file {
            Some(file) => {
                page.field("written to", file);
            }
            None => {
                page.field("access token", self.tokens.access_token());
                page.optional("refresh token", self.tokens.refresh_token());
            }
        }
        page
    }
}

#[derive(Serialize)]
struct Refused {
    outcome: &'static str,
    token_endpoint: String,
    status: u16,
    error: Option<String>,
    error_description: Option<String>,
    retry_after: Option<String>,
    advice: &'static str,
}

impl Report for Refused {
    fn page(&self) -> Page {
        let mut page = Page::default();
        page.line("NO TOKEN").blank();
        page.field("endpoint", &self.token_endpoint);
        page.field("status", self.status.to_string());
        page.optional("error", self.error.as_deref());
        page.optional("description", self.error_description.as_deref());
        page.optional("retry after", self.retry_after.as_deref());
        page.field("advice", self.advice);
        page
    }
}

/// Gets a token.
pub(crate) async fn run(arguments: Arguments, output: Output) -> anyhow::Result<Verdict> {
    arguments.check()?;
    let identity = arguments.identity.read(output)?;
    let client = arguments.target.client()?;
    let found = arguments.target.find(&client, output).await?;
    let (endpoint, discovery) = match found {
        Found::Endpoint(endpoint) => (endpoint, None),
        Found::Discovery(discovery) => {
            let endpoint = discovery.token_endpoint()?.to_owned();
            (endpoint, Some(discovery))
        }
    };
    let request = arguments
        .request(&endpoint, discovery.as_deref(), output)
        .await?;
    let request = match arguments.scope.is_empty() {
        true => request,
        false if arguments.grant == Grant::AuthorizationCode => request,
        false => request.scope(&arguments.scope.join(" ")),
    };
    let signed = request.sign(&identity, environment::now(), &environment::random_id())?;
    match client.token(&signed).await {
        Ok(tokens) => {
            let answer = tokens.document().clone();
            let file = arguments.out.as_deref();
            if let Some(path) = file {
                let text = Zeroizing::new(serde_json::to_string_pretty(&answer)?);
                write_new_private_file(path, text.as_bytes())?;
            }
            output.show(&Got {
                token_endpoint: endpoint,
                answer: file.is_none().then_some(answer),
                file: file.map(|path| path.display().to_string()),
                tokens,
            })?;
            Ok(Verdict::Good)
        }
        Err(TokenError::Refused(refused)) => {
            output.refuse(&Refused {
                outcome: "no token",
                advice: advice(&refused),
                token_endpoint: endpoint,
                status: refused.status,
                error: refused.error,
                error_description: refused.description,
                retry_after: refused.retry_after,
            })?;
            Ok(Verdict::Refused)
        }
        Err(error) => Err(error.into()),
    }
}

impl Arguments {
    /// Options that go with another grant than the one asked for.
    fn check(&self) -> anyhow::Result<()> {
        let misplaced = match self.grant {
            Grant::ClientCredentials if self.user.is_given() => {
                Some("--redirect-uri and its companions go with --for authorization_code")
            }
            Grant::AuthorizationCode | Grant::RefreshToken if self.b2b.is_given() => {
                Some("hl7-b2b goes with --for client_credentials")
            }
            Grant::RefreshToken if self.refresh_token_file.is_none() => {
                Some("--for refresh_token needs --refresh-token-file")
            }
            Grant::ClientCredentials | Grant::AuthorizationCode
                if self.refresh_token_file.is_some() =>
            {
                Some("--refresh-token-file goes with --for refresh_token")
            }
            _ => None,
        };
        match misplaced {
            Some(message) => Err(WrongUsage(message.to_owned()).into()),
            None => Ok(()),
        }
    }

    async fn request(
        &self,
        endpoint: &str,
        discovery: Option<&Discovery>,
        output: Output,
    ) -> anyhow::Result<TokenRequest> {
        Ok(match self.grant {
            Grant::ClientCredentials => {
                let request = TokenRequest::client_credentials(endpoint, &self.client_id);
                match self.b2b.extension()? {
                    Some(extension) => request.b2b(&extension),
                    None => {
                        if requires_b2b(discovery) {
                            output.warn(
                                "the server asks for hl7-b2b: give --organization-id and \
                                 --purpose-of-use, or --b2b",
                            );
                        }
                        request
                    }
                }
            }
            Grant::AuthorizationCode => {
                let scope = (!self.scope.is_empty()).then(|| self.scope.join(" "));
                let base_url = self.target.base_url();
                let agreed = self
                    .user
                    .ask(&self.client_id, scope.as_deref(), base_url, discovery)
                    .await?;
                TokenRequest::code(
                    endpoint,
                    &self.client_id,
                    &agreed.code,
                    agreed.request.redirect_uri(),
                    Some(agreed.request.code_verifier()),
                )
            }
            Grant::RefreshToken => {
                let path = self.refresh_token_file.clone().unwrap_or_default();
                let content = Zeroizing::new(material::read(&path)?);
                TokenRequest::refresh(endpoint, &self.client_id, &refresh_token(&content)?)
            }
        })
    }
}

/// A refresh token from a file that holds it, or the JSON that `--out` wrote.
fn refresh_token(content: &[u8]) -> anyhow::Result<Zeroizing<String>> {
    let text = std::str::from_utf8(content)?.trim();
    let token = match udap::json::object(content) {
        Ok(answer) => answer
            .get("refresh_token")
            .and_then(Value::as_str)
            .map(str::to_owned),
        Err(_) => {
            (!text.is_empty() && !text.contains(char::is_whitespace)).then(|| text.to_owned())
        }
    };
    token
        .map(Zeroizing::new)
        .ok_or_else(|| anyhow::anyhow!("--refresh-token-file holds no refresh token"))
}

fn requires_b2b(discovery: Option<&Discovery>) -> bool {
    discovery.is_some_and(|discovery| {
        discovery
            .list("udap_authorization_extensions_supported")
            .any(|name| name == udap::b2b::NAME)
    })
}

/// What to do next.
fn advice(refused: &TokenRefused) -> &'static str {
    if refused.retry_after.is_some() {
        return "the server invites to come back later: run the same command again then";
    }
    match (refused.status, refused.error.as_deref()) {
        (_, Some("invalid_client")) => {
            "check --client-id, --cert and this machine's clock; an app that was disabled, or whose \
             certificate was revoked, gets no token: `udap verify` looks at the certificate"
        }
        (_, Some("invalid_scope")) => "ask for scopes that the app is registered with",
        (_, Some("unauthorized_client")) => "the app is not registered for this grant type",
        (_, Some("invalid_grant")) => {
            "the code or refresh token is spent or expired, or hl7-b2b is not accepted"
        }
        (404, _) => "no token endpoint is there: see `udap discover`",
        (500.., _) => "the server failed: try again later, or ask its operator",
        _ => "ask the server's operator, who finds the request in the log",
    }
}

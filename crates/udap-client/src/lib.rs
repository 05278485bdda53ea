//! The client side of UDAP: find out what a FHIR server offers, sign a software statement with the
//! app's certificate, register, modify and cancel the registration, get tokens.
//!
//! * [`Identity`]: the app's certificates with their key.
//! * [`StatementRequest`]: what is to be registered; signed, it is a software statement (B10–B33).
//! * [`CertificationRequest`]: what a certifier attests of an app; signed, it is a certification (F13).
//! * [`Client`]: discovery and registration over HTTPS.
//! * [`TokenRequest`]: what a token is asked for, authenticated by the app's certificate; and
//!   [`AuthorizationRequest`], where a user has to agree (G02, G03, G19).
//! * [`Discovery`]: what a server says of itself; [`Discovery::verify`] says whether to believe it
//!   (A44).
//!
//! There is no clock and no randomness in here: the time and each `jti` are parameters. A `jti` is
//! a fresh random id of at least 128 bits; one that was used before is refused by the server (B16).
//!
//! ```no_run
//! use udap_client::{Client, ClientOptions, Identity, StatementRequest, TokenRequest};
//!
//! # async fn register() -> Result<(), Box<dyn std::error::Error>> {
//! # let (now, jti) = (time::OffsetDateTime::UNIX_EPOCH, "random");
//! let identity = Identity::from_pem(
//!     &std::fs::read("app.pem")?, // the leaf first, then its issuers
//!     &std::fs::read("app.key")?,
//! )?;
//! let client = Client::new(&ClientOptions::default())?;
//! let discovery = client
//!     .discover("https://emr.example.org/apis/default/fhir", None)
//!     .await?;
//! let endpoint = discovery.registration_endpoint()?;
//!
//! let statement = StatementRequest::new(endpoint)
//!     .client_name("Example App")
//!     .client_credentials()
//!     .contact("mailto:operations@app.example.org")
//!     .scope("system/Patient.read")
//!     .sign(&identity, now, jti)?;
//! let registered = client.register(endpoint, &statement).await?;
//! println!("registered as {}", registered.client_id());
//!
//! let request = TokenRequest::client_credentials(discovery.token_endpoint()?, registered.client_id());
//! # let jti = "another";
//! let tokens = client.token(&request.sign(&identity, now, jti)?).await?;
//! println!("a token for {} s", tokens.expires_in().unwrap_or_default());
//! # Ok(())
//! # }
//! ```

mod authorization;
mod certification;
mod client;
mod conformance;
mod discovery;
mod fetch;
mod identity;
mod registration;
mod signed_metadata;
mod statement;
mod token;
mod trust;

pub use authorization::{AuthorizationError, AuthorizationRequest};
pub use certification::{CERTIFICATION_LIFETIME, CertificationError, CertificationRequest};
pub use client::{Client, ClientOptions};
pub use conformance::MetadataProblem;
pub use discovery::{Discovery, DiscoveryError};
pub use fetch::HttpError;
pub use identity::{Identity, IdentityError};
pub use registration::{Registered, RegistrationError, RegistrationFailed, Violation};
pub use signed_metadata::{MetadataError, VerifiedMetadata};
pub use statement::{STATEMENT_LIFETIME, StatementError, StatementRequest};
pub use token::{SignedTokenRequest, TokenError, TokenRefused, TokenRequest, Tokens};
pub use trust::Trust;

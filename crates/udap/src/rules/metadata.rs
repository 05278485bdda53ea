//! Client metadata that has passed every rule: what is registered and answered.

use serde_json::{Map, Value};

use super::auth_method::PRIVATE_KEY_JWT;
use super::grant_types::{Grant, GrantTypes};
use super::launch::LaunchUris;
use super::web_pages::WebPages;
use crate::scope::GrantedScopes;

/// What is registered for an app. Made by [`check`](super::check) alone.
///
/// Every URI is the exact string of the statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientMetadata {
    pub(super) client_name: String,
    pub(super) grant_types: GrantTypes,
    pub(super) redirect_uris: Vec<String>,
    pub(super) response_types: Vec<String>,
    pub(super) contacts: Vec<String>,
    pub(super) logo_uri: Option<String>,
    pub(super) pages: WebPages,
    pub(super) launch: LaunchUris,
    pub(super) scope: GrantedScopes,
}

/// Which links of an app are visited (decisions 19).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkChecks {
    /// None.
    Off,
    /// Logo, client page and redirect URIs (I07).
    On,
    /// Terms and privacy policy as well (I14).
    All,
}

/// What a link leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkKind {
    /// `logo_uri`: a picture.
    Logo,
    /// `client_uri`: a page.
    Client,
    /// `tos_uri`: a page that may be elsewhere.
    Terms,
    /// `policy_uri`: a page that may be elsewhere.
    Policy,
    /// The element of `redirect_uris` with this index.
    Redirect(usize),
}

impl LinkKind {
    /// The claim that holds the URL.
    #[must_use]
    pub const fn claim(self) -> &'static str {
        match self {
            Self::Logo => "logo_uri",
            Self::Client => "client_uri",
            Self::Terms => "tos_uri",
            Self::Policy => "policy_uri",
            Self::Redirect(_) => "redirect_uris",
        }
    }
}

/// A URL that has to be live under `emr-direct` (I07).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it leads to, and by that how it is judged (I10–I12, I14).
    pub kind: LinkKind,
    /// The exact string of the statement.
    pub url: String,
}

impl ClientMetadata {
    /// `client_name`: 1 to 80 characters (B20).
    #[must_use]
    pub fn client_name(&self) -> &str {
        &self.client_name
    }

    /// The flow.
    #[must_use]
    pub fn grant(&self) -> Grant {
        self.grant_types.grant
    }

    /// `grant_types` as asked for, in that order (E07).
    #[must_use]
    pub fn grant_types(&self) -> &[String] {
        &self.grant_types.requested
    }

    /// `redirect_uris`; empty iff the grant is `client_credentials` (B25).
    #[must_use]
    pub fn redirect_uris(&self) -> &[String] {
        &self.redirect_uris
    }

    /// `response_types`; empty iff the grant is `client_credentials` (B30).
    #[must_use]
    pub fn response_types(&self) -> &[String] {
        &self.response_types
    }

    /// `token_endpoint_auth_method`: always `private_key_jwt` (B31).
    #[must_use]
    pub fn token_endpoint_auth_method(&self) -> &'static str {
        PRIVATE_KEY_JWT
    }

    /// `contacts`: URIs, at least one `mailto:` (B28).
    #[must_use]
    pub fn contacts(&self) -> &[String] {
        &self.contacts
    }

    /// `logo_uri` (B29).
    #[must_use]
    pub fn logo_uri(&self) -> Option<&str> {
        self.logo_uri.as_deref()
    }

    /// `client_uri` (B34).
    #[must_use]
    pub fn client_uri(&self) -> Option<&str> {
        self.pages.client_uri.as_deref()
    }

    /// `tos_uri` (B34).
    #[must_use]
    pub fn tos_uri(&self) -> Option<&str> {
        self.pages.tos_uri.as_deref()
    }

    /// `policy_uri` (B34).
    #[must_use]
    pub fn policy_uri(&self) -> Option<&str> {
        self.pages.policy_uri.as_deref()
    }

    /// `initiate_login_uri`: https, without query and fragment (decisions 16).
    #[must_use]
    pub fn initiate_login_uri(&self) -> Option<&str> {
        self.launch.initiate_login_uri.as_deref()
    }

    /// The one element of `post_logout_redirect_uris` (decisions 16).
    #[must_use]
    pub fn post_logout_redirect_uri(&self) -> Option<&str> {
        self.launch.post_logout_redirect_uri.as_deref()
    }

    /// The granted scopes (B40).
    #[must_use]
    pub fn scopes(&self) -> &GrantedScopes {
        &self.scope
    }

    /// The members of an answer that tell what is registered (E03, E05–E07, E12): no nulls, no
    /// empty values, no claims of the JWT. `client_id`, its time, `software_statement` and
    /// `certifications` are for the caller to add.
    #[must_use]
    pub fn to_response_members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        let mut put = |name: &str, value: Value| {
            members.insert(name.to_owned(), value);
        };
        put("client_name", self.client_name.as_str().into());
        if !self.redirect_uris.is_empty() {
            put("redirect_uris", self.redirect_uris.as_slice().into());
        }
        put("grant_types", self.grant_types().into());
        if !self.response_types.is_empty() {
            put("response_types", self.response_types.as_slice().into());
        }
        put("token_endpoint_auth_method", PRIVATE_KEY_JWT.into());
        put("scope", self.scope.text().into());
        put("contacts", self.contacts.as_slice().into());
        for (name, uri) in [
            ("logo_uri", self.logo_uri()),
            ("client_uri", self.client_uri()),
            ("tos_uri", self.tos_uri()),
            ("policy_uri", self.policy_uri()),
            ("initiate_login_uri", self.initiate_login_uri()),
        ] {
            if let Some(uri) = uri {
                put(name, uri.into());
            }
        }
        if let Some(uri) = self.post_logout_redirect_uri() {
            put("post_logout_redirect_uris", vec![uri].into());
        }
        members
    }

    /// The URLs that a live check visits (I07): logo, client page, every redirect URI; terms and
    /// privacy policy if it is to visit all (I14).
    #[must_use]
    pub fn links(&self, checks: LinkChecks) -> Vec<Link> {
        if checks == LinkChecks::Off {
            return Vec::new();
        }
        let link = |kind, url: Option<&str>| {
            url.map(|url| Link {
                kind,
                url: url.to_owned(),
            })
        };
        let pages = [
            link(LinkKind::Logo, self.logo_uri()),
            link(LinkKind::Client, self.client_uri()),
        ];
        let others = [
            link(LinkKind::Terms, self.tos_uri()),
            link(LinkKind::Policy, self.policy_uri()),
        ];
        let redirects = self
            .redirect_uris
            .iter()
            .enumerate()
            .filter_map(|(index, url)| link(LinkKind::Redirect(index), Some(url)));
        pages
            .into_iter()
            .chain(others.into_iter().filter(|_| checks == LinkChecks::All))
            .flatten()
            .chain(redirects)
            .collect()
    }
}

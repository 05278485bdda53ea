//! What the store reads from a trusted statement (C28, C29).

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use udap::certificate::Certificate;
use udap::key::PublicKey;
use udap::statement::{ApprovedRegistration, TrustedStatement};
use udap::trust::PathNote;

use crate::client_table::Client;
use crate::error::StoreError;
use crate::identity::{self, Hash};
use crate::table::audit_event;
use crate::table::client_block::Names;
use crate::table::standing::Subject;

/// Who signed a statement, under which keys it is found, and what of it is kept.
#[derive(Debug)]
pub(crate) struct Applicant<'a> {
    pub(crate) site: &'a str,
    pub(crate) community_id: &'a str,
    pub(crate) community_uri: &'a str,
    pub(crate) client_uri: &'a str,
    pub(crate) jti: &'a str,
    pub(crate) jti_hash: Hash,
    pub(crate) expires_at: OffsetDateTime,
    pub(crate) leaf: &'a Certificate,
    pub(crate) key: &'a PublicKey,
    pub(crate) names: Names,
    pub(crate) issuer_hash: Hash,
    /// Leaf and intermediates as a CA would revoke them.
    pub(crate) revocation_hashes: Vec<Hash>,
    /// The path's intermediates in DER, back to back.
    pub(crate) chain: Vec<u8>,
    /// What stands against the path's revocation status, though it was accepted (C22).
    notes: Vec<String>,
    pub(crate) software_statement: &'a str,
}

impl<'a> Applicant<'a> {
    pub(crate) fn of(statement: &'a TrustedStatement) -> Result<Self, StoreError> {
        let site = statement.site().id.as_str();
        let community = statement.community();
        let client_uri = statement.client_uri();
        let leaf = statement.leaf();
        let key = leaf.key()?;
        Ok(Self {
            site,
            community_id: &community.id,
            community_uri: &community.uri,
            client_uri,
            jti: statement.jti(),
            jti_hash: identity::jti(client_uri, statement.jti()),
            expires_at: statement.expires_at(),
            leaf,
            key,
            names: Names {
                identity: identity::registration(site, &community.uri, client_uri),
                client_uri_hash: identity::client_uri(client_uri),
                key_fingerprint: *key.fingerprint(),
            },
            issuer_hash: leaf.issuer_hash(),
            revocation_hashes: statement.path().revocation_identities(),
            chain: statement
                .path()
                .intermediates()
                .iter()
                .flat_map(|certificate| certificate.der().iter().copied())
                .collect(),
            notes: statement.path().notes().iter().map(note).collect(),
            software_statement: statement.software_statement(),
        })
    }

    /// What to look for before anything is done.
    pub(crate) fn subject(&self, expired_until: OffsetDateTime) -> Subject<'_> {
        Subject {
            names: &self.names,
            certificates: &self.revocation_hashes,
            jti: &self.jti_hash,
            expired_until,
        }
    }

    /// The client as its site's table is to hold it.
    pub(crate) fn client(
        &self,
        client_id: String,
        approved: &ApprovedRegistration,
        enabled: bool,
        now: OffsetDateTime,
    ) -> Client {
        Client {
            client_id,
            site: self.site.to_owned(),
            client_uri: self.client_uri.to_owned(),
            metadata: approved.metadata().to_response_members(),
            key: self.key.clone(),
            enabled,
            now,
        }
    }

    /// What the audit keeps of a statement that changed something: it is the proof of what the app
    /// asked for.
    pub(crate) fn to_audit_as_accepted(&self) -> Map<String, Value> {
        let mut detail = self.to_audit();
        detail.insert(
            "software_statement".to_owned(),
            self.software_statement.into(),
        );
        detail
    }

    /// What the audit keeps of any trusted statement. Of one that was refused, its hash: a trusted
    /// app could fill the disk otherwise, and nothing was done because of it.
    pub(crate) fn to_audit(&self) -> Map<String, Value> {
        audit_event::members(json!({
            "site": self.site,
            "community": self.community_id,
            "community_uri": self.community_uri,
            "client_uri": self.client_uri,
            "jti": self.jti,
            "certificate": {
                "fingerprint": hex::encode(self.leaf.fingerprint()),
                "serial": self.leaf.serial_hex(),
                "issuer": self.leaf.issuer_text(),
                "not_after": self.leaf.not_after().unix_timestamp(),
            },
            "notes": self.notes,
            "software_statement_sha256":
                hex::encode(identity::content(self.software_statement.as_bytes())),
        }))
    }
}

pub(crate) fn note(note: &PathNote) -> String {
    match note {
        PathNote::NoRevocationAddress(place) => format!("{place} names no revocation address"),
        PathNote::RevocationUnknown(place) => format!("the status of {place} is unknown"),
        other => format!("{other:?}"),
    }
}

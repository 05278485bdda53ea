//! What kind of thing some bytes are.

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use udap_ca::KeyStore;
use udap_client::Discovery;

use super::Item;
use super::certificate::CertificateReport;
use super::chain::ChainReport;
use super::document::MetadataReport;
use super::key_store::{self, KeyStoreReport, Password};
use super::request::RequestReport;
use super::revocation_list::CrlReport;
use super::token::TokenReport;
use crate::material::is_pem;

/// The first octet of every certificate and list: SEQUENCE.
const DER_SEQUENCE: u8 = 0x30;

/// What the bytes hold.
///
/// # Errors
/// If they are of no known kind.
pub(super) fn items(
    content: &[u8],
    password: Password<'_>,
    now: OffsetDateTime,
) -> anyhow::Result<Vec<Item>> {
    if is_pem(content) {
        return pem_blocks(content);
    }
    if content.first() == Some(&DER_SEQUENCE) {
        if KeyStore::is_one(content) {
            return key_store_items(content, password);
        }
        return Ok(vec![der(content)?]);
    }
    let text = std::str::from_utf8(content).unwrap_or_default().trim();
    if text.starts_with('{') {
        return json(text, now);
    }
    if udap::jws::peek(text).is_ok() {
        return Ok(vec![Item::Token(Box::new(TokenReport::new(text, now)?))]);
    }
    // An entry of x5c, copied out of it.
    let unquoted = text.trim_matches(['"', ',', ' ']);
    if let Ok(content) = STANDARD.decode(unquoted)
        && content.first() == Some(&DER_SEQUENCE)
    {
        return Ok(vec![der(&content)?]);
    }
    bail!(
        "neither a certificate, a signing request, PKCS#12, a revocation list, a JWT, a registration request nor UDAP metadata"
    )
}

fn pem_blocks(content: &[u8]) -> anyhow::Result<Vec<Item>> {
    let blocks = pem::parse_many(content).context("the PEM cannot be read")?;
    if blocks.is_empty() {
        bail!("the PEM holds no whole block");
    }
    let mut items: Vec<Item> = Vec::new();
    for block in &blocks {
        let label = block.tag().to_owned();
        let item = match label.as_str() {
            "CERTIFICATE" | "X509 CERTIFICATE" => {
                let report = CertificateReport::new(block.contents())
                    .with_context(|| format!("block {} ({label})", items.len() + 1))?;
                if let Some(Item::Certificate(child)) = items.last_mut() {
                    child.set_issuer(block.contents());
                }
                Item::Certificate(Box::new(report))
            }
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
                Item::Request(Box::new(RequestReport::new(block.contents())?))
            }
            "X509 CRL" => Item::RevocationList(CrlReport::new(block.contents())?),
            private if private.ends_with("PRIVATE KEY") => Item::PrivateKey { label },
            _ => Item::Other { label },
        };
        items.push(item);
    }
    add_chain(&mut items);
    Ok(items)
}

/// Certificates, and how they belong together.
fn key_store_items(content: &[u8], password: Password<'_>) -> anyhow::Result<Vec<Item>> {
    let store = key_store::open(content, password)?;
    let mut items = vec![Item::KeyStore(KeyStoreReport::new(&store))];
    for der in &store.certificates {
        items.push(Item::Certificate(Box::new(CertificateReport::new(der)?)));
    }
    add_chain(&mut items);
    Ok(items)
}

fn add_chain(items: &mut Vec<Item>) {
    let certificates: Vec<&CertificateReport> = items
        .iter()
        .filter_map(|item| match item {
            Item::Certificate(certificate) => Some(&**certificate),
            _ => None,
        })
        .collect();
    let chain = ChainReport::new(&certificates);
    items.extend(chain.map(Item::Chain));
}

fn der(content: &[u8]) -> anyhow::Result<Item> {
    if let Ok(certificate) = CertificateReport::new(content) {
        return Ok(Item::Certificate(Box::new(certificate)));
    }
    if let Ok(list) = CrlReport::new(content) {
        return Ok(Item::RevocationList(list));
    }
    if let Ok(request) = RequestReport::new(content) {
        return Ok(Item::Request(Box::new(request)));
    }
    bail!("DER, but neither a certificate, a signing request, PKCS#12 nor a revocation list")
}

fn json(text: &str, now: OffsetDateTime) -> anyhow::Result<Vec<Item>> {
    let mut members = udap::json::object(text.as_bytes()).context("the JSON cannot be read")?;
    if members.contains_key("signed_metadata") || members.contains_key("udap_versions_supported") {
        let discovery = Discovery::parse("", None, text.as_bytes())?;
        return Ok(vec![Item::Metadata(Box::new(MetadataReport::new(
            &discovery, now,
        )))]);
    }
    let statement = members.remove("software_statement");
    let Some(Value::String(statement)) = statement else {
        bail!("JSON, but neither a registration request or answer nor UDAP metadata");
    };
    let mut items = vec![Item::Token(Box::new(TokenReport::new(&statement, now)?))];
    items.extend(certifications(&mut members, now));
    items.insert(
        0,
        Item::Document {
            members: Value::Object(members),
        },
    );
    Ok(items)
}

/// The certifications beside a statement, as far as they are JWTs.
fn certifications(members: &mut Map<String, Value>, now: OffsetDateTime) -> Vec<Item> {
    let Some(Value::Array(entries)) = members.remove("certifications") else {
        return Vec::new();
    };
    let tokens = entries.iter().filter_map(Value::as_str);
    tokens
        .filter_map(|token| TokenReport::new(token, now).ok())
        .map(|token| Item::Token(Box::new(token)))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;
    use time::macros::datetime;
    use udap_testkit::TestCommunity;

    use super::super::Found;
    use super::*;
    use crate::output::Report;

    const NOW: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);

    /// By openssl, for a P-256 key and a URI.
    const REQUEST: &str = "MIH9MIGlAgEAMA4xDDAKBgNVBAMMA0FwcDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABBcWTS8MRWkFBmwsBgg6L+DiJKJeQcxAarN476yjXsYUeIuffh/fWnENTewj+y6u+wrcuFIqIq2Ac5JTwWSB3D2gNTAzBgkqhkiG9w0BCQ4xJjAkMCIGA1UdEQQbMBmGF2h0dHBzOi8vYXBwLmV4YW1wbGUub3JnMAoGCCqGSM49BAMCA0cAMEQCIEcM+EAZvapHze8rFUOpSuKFBEtreS27IuuLaXn542/mAiBW+gEHTSwqDWto3ajs7ONsL9qLE2Qvl5P4+wtDjf3ifg==";

    /// A file of each kind that is recognised, but PKCS#12, which OpenSSL reads.
    fn files() -> Vec<Vec<u8>> {
        let community = TestCommunity::new("example", NOW);
        let app = community.client("https://app.example.org");
        let list = community.crl(community.intermediate()).build();
        let statement = app.statement("https://emr.example.org/register", NOW);
        vec![
            app.der().to_vec(),
            app.chain_pem().into_bytes(),
            list,
            STANDARD.decode(REQUEST).unwrap(),
            statement.request().to_string().into_bytes(),
        ]
    }

    fn look(content: &[u8]) -> bool {
        let Ok(items) = items(content, Password::None, NOW) else {
            return false;
        };
        let found = Found {
            source: String::new(),
            items,
            now: NOW,
        };
        found.page().styled();
        serde_json::to_string(&found).is_ok()
    }

    #[test]
    fn every_kind_of_file_is_shown() {
        for file in files() {
            assert!(look(&file), "{}", String::from_utf8_lossy(&file));
        }
    }

    #[test]
    fn no_change_of_a_file_brings_looking_at_it_down() {
        let files = files();
        let changes = prop::collection::vec((any::<Index>(), any::<u8>()), 1..6);
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(600));
        runner
            .run(&(any::<Index>(), changes), |(file, changes)| {
                let mut content = files[file.index(files.len())].clone();
                for (at, octet) in changes {
                    let at = at.index(content.len());
                    content[at] = octet;
                }
                look(&content);
                Ok(())
            })
            .unwrap();
    }
}

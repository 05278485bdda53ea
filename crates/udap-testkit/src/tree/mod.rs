//! A tree of good and bad certificates, lists and statements, for testing any UDAP server.
//!
//! ```text
//! manifest.json                     every case, and what is to be expected of it
//! anchors/root.pem                  the one trust anchor
//! intermediates/intermediate.pem    the issuing CA, for servers that are sent leaves only
//! crls/*.crl                        revocation lists (DER), valid for seven days
//! published/*                       lists and CA certificates as named in the certificates,
//!                                   if a base URL is given
//! certificates/CASE/chain.pem       leaf and intermediates
//!                  /key.pem         the leaf's key, mode 0600
//!                  /x5c.json        the same chain for a JOSE header
//!                  /statement.jwt   a statement, if an audience is given
//!                  /request.json    the registration request that carries it
//! statements/CASE/statement.jwt     flawed statements of a good client, if an audience is given
//!                /request.json
//! ```

mod cases;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Serialize;
use serde_json::Value;
use time::{Duration, OffsetDateTime};
use udap_ca::{write_new_private_file, write_public_file};

use crate::{
    CommunityOptions, Error, KeyKind, LeafFlaw, StatementBuilder, TestCommunity, TestKey, TestLeaf,
    request_body,
};
use cases::STATEMENT_CASES;

/// The client URI of every case.
const CLIENT_URI: &str = "https://app.example.org/udap";
/// The second URI, where a certificate has two.
const SECOND_URI: &str = "https://app.example.org/udap/second";
/// The FHIR base URL of the server certificate.
const SERVER_URI: &str = "https://emr.example.org/apis/default/fhir";

/// How a tree is made.
#[derive(Debug, Clone)]
pub struct TreeOptions {
    /// The time for which certificates and statements are made.
    pub now: OffsetDateTime,
    /// The registration endpoint; without it no statements are made.
    pub audience: Option<String>,
    /// Where the folder `published` will be served; without it certificates name no address.
    pub base_url: Option<String>,
}

impl TreeOptions {
    /// Certificates only, without addresses.
    #[must_use]
    pub fn new(now: OffsetDateTime) -> Self {
        Self {
            now,
            audience: None,
            base_url: None,
        }
    }
}

/// What `manifest.json` holds.
#[derive(Debug, Clone, Serialize)]
pub struct Manifest {
    /// The trust anchor's file.
    pub anchor: PathBuf,
    /// The issuing CA's file.
    pub intermediate: PathBuf,
    /// The folder of revocation lists.
    pub crls: PathBuf,
    /// What the expectations take for granted.
    pub assumptions: &'static [&'static str],
    /// When tree and statements were made.
    #[serde(with = "time::serde::rfc3339")]
    pub made_at: OffsetDateTime,
    /// When the statements lapse (300 s, B14).
    #[serde(with = "time::serde::rfc3339::option")]
    pub statements_lapse_at: Option<OffsetDateTime>,
    /// When the revocation lists lapse.
    #[serde(with = "time::serde::rfc3339")]
    pub crls_lapse_at: OffsetDateTime,
    /// The registration endpoint of the statements.
    pub audience: Option<String>,
    /// All cases.
    pub cases: Vec<Case>,
}

/// One case.
#[derive(Debug, Clone, Serialize)]
pub struct Case {
    /// Its name, unique in the tree.
    pub name: String,
    /// What is special about it.
    pub description: String,
    /// The requirement ids that it is about.
    pub requirements: Vec<&'static str>,
    /// The client URI (or FHIR base URL) that the certificate shall name.
    pub uri: String,
    /// Its files, relative to the tree.
    pub files: CaseFiles,
    /// What a server shall make of it.
    pub expected: Expected,
}

/// The files of a case, relative to the tree.
#[derive(Debug, Clone, Serialize)]
pub struct CaseFiles {
    /// Leaf and intermediates in PEM.
    pub chain: PathBuf,
    /// The leaf's private key, PKCS#8 in PEM.
    pub key: PathBuf,
    /// The value of `x5c`.
    pub x5c: PathBuf,
    /// The statement, a compact JWS.
    pub statement: Option<PathBuf>,
    /// The registration request.
    pub request: Option<PathBuf>,
}

/// What is to be expected of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// Whether the certificate's path is trusted, revocation being required.
    pub path_trusted: bool,
    /// Whether the certificate names the case's URI.
    pub names_uri: bool,
    /// The registration's HTTP status; none for a case that no client would send.
    pub status: Option<u16>,
    /// The error codes of a refusal, any of which is right.
    pub errors: &'static [&'static str],
}

const ASSUMPTIONS: &[&str] = &[
    "anchors/root.pem is the only trust anchor",
    "intermediates/intermediate.pem is known to the server, or its address is served",
    "the lists in crls are known to the server, or their addresses are served",
    "revocation is required, and a certificate without any known list is accepted",
    "the plain HL7 profile applies, with RS256, ES256 and ES384",
    "each statement is sent once, within 300 s",
    "201 is 200 where the URI is registered already",
];

/// Writes a tree into `out`, a folder that is new or empty, and returns the manifest that it also
/// writes (J13).
///
/// # Errors
/// [`Error::NotEmpty`] if there is anything in `out`; [`Error::Io`] and [`Error::File`] if it
/// cannot be written; others if the cryptographic library fails.
pub fn write_tree(out: &Path, options: &TreeOptions) -> Result<Manifest, Error> {
    fs::create_dir_all(out).map_err(io(out))?;
    if fs::read_dir(out).map_err(io(out))?.next().is_some() {
        return Err(Error::NotEmpty {
            path: out.to_owned(),
        });
    }
    let mut community = CommunityOptions::new("UDAP Test");
    if let Some(base_url) = &options.base_url {
        community = community.published_at(base_url);
    }
    let community = TestCommunity::try_with(community, options.now)?;
    let mut tree = Tree {
        out,
        options,
        cases: Vec::new(),
    };

    for (certificate, leaf) in good_certificates(&community)? {
        tree.certificate_case(certificate, &leaf)?;
        if certificate.name == STATEMENT_SIGNER {
            tree.statement_cases(&community, &leaf)?;
        }
    }
    for flaw in LeafFlaw::ALL {
        let leaf = community.leaf(CLIENT_URI).flaw(flaw).try_build()?;
        tree.certificate_case(&CertificateCase::of(flaw), &leaf)?;
    }
    tree.finish(&community)
}

/// The good certificate with which the flawed statements are signed.
const STATEMENT_SIGNER: &str = "client-rsa";

/// A case that is about a certificate.
struct CertificateCase {
    name: &'static str,
    description: &'static str,
    requirements: &'static [&'static str],
    expected: Expected,
}

impl CertificateCase {
    fn of(flaw: LeafFlaw) -> Self {
        let errors = flaw.registration_errors();
        Self {
            name: flaw.name(),
            description: flaw.description(),
            requirements: flaw.requirements(),
            expected: Expected {
                path_trusted: flaw.path_is_trusted(),
                names_uri: !matches!(flaw, LeafFlaw::NoSan | LeafFlaw::DnsSanOnly),
                status: Some(if errors.is_empty() { 201 } else { 400 }),
                errors,
            },
        }
    }
}

const ACCEPTED: Expected = Expected {
    path_trusted: true,
    names_uri: true,
    status: Some(201),
    errors: &[],
};

const GOOD_CERTIFICATES: [CertificateCase; 5] = [
    CertificateCase {
        name: STATEMENT_SIGNER,
        description: "A good client with an RSA-2048 key.",
        requirements: &["J01", "A50"],
        expected: ACCEPTED,
    },
    CertificateCase {
        name: "client-p256",
        description: "A good client with a P-256 key (ES256).",
        requirements: &["J04", "A51"],
        expected: ACCEPTED,
    },
    CertificateCase {
        name: "client-p384",
        description: "A good client with a P-384 key (ES384).",
        requirements: &["J04", "A52"],
        expected: ACCEPTED,
    },
    CertificateCase {
        name: "client-two-uris",
        description: "A good client whose URI is the second in the subject alternative name.",
        requirements: &["B11", "C17"],
        expected: ACCEPTED,
    },
    CertificateCase {
        name: "server",
        description: "A good server certificate, for signing metadata.",
        requirements: &["J01", "J04"],
        expected: Expected {
            path_trusted: true,
            names_uri: true,
            status: None,
            errors: &[],
        },
    },
];

fn good_certificates(
    community: &TestCommunity,
) -> Result<Vec<(&'static CertificateCase, TestLeaf)>, Error> {
    let leaf = |case: &CertificateCase| {
        // Keys of their own: a server may tie registrations to keys (D18).
        let (uri, kind) = match case.name {
            "client-p256" => (CLIENT_URI, KeyKind::P256),
            "client-p384" => (CLIENT_URI, KeyKind::P384),
            "client-two-uris" => (SECOND_URI, KeyKind::Rsa2048),
            "server" => (SERVER_URI, KeyKind::Rsa2048),
            _ => (CLIENT_URI, KeyKind::Rsa2048),
        };
        let builder = community.leaf(uri).key(&TestKey::try_generate(kind)?);
        match case.name {
            "client-two-uris" => builder.before_uri(CLIENT_URI).try_build(),
            "server" => builder.server().try_build(),
            _ => builder.try_build(),
        }
    };
    GOOD_CERTIFICATES
        .iter()
        .map(|case| Ok((case, leaf(case)?)))
        .collect()
}

struct Tree<'a> {
    out: &'a Path,
    options: &'a TreeOptions,
    cases: Vec<Case>,
}

impl Tree<'_> {
    fn certificate_case(&mut self, case: &CertificateCase, leaf: &TestLeaf) -> Result<(), Error> {
        let folder = self.folder("certificates", case.name)?;
        let mut files = CaseFiles {
            chain: folder.join("chain.pem"),
            key: folder.join("key.pem"),
            x5c: folder.join("x5c.json"),
            statement: None,
            request: None,
        };
        write_public_file(&self.out.join(&files.chain), leaf.chain_pem().as_bytes())?;
        write_new_private_file(&self.out.join(&files.key), leaf.key().pem().as_bytes())?;
        self.write_json(&files.x5c, &leaf.x5c())?;
        if let (Some(audience), Some(_)) = (&self.options.audience, case.expected.status) {
            let statement = StatementBuilder::try_new(leaf, audience, self.options.now)?;
            let request = request_body(&statement.try_build()?);
            self.write_request(&folder, &request, &mut files)?;
        }
        self.cases.push(Case {
            name: case.name.to_owned(),
            description: case.description.to_owned(),
            requirements: case.requirements.to_vec(),
            uri: leaf.uri().to_owned(),
            files,
            expected: case.expected.clone(),
        });
        Ok(())
    }

    fn statement_cases(&mut self, community: &TestCommunity, leaf: &TestLeaf) -> Result<(), Error> {
        let Some(audience) = &self.options.audience else {
            return Ok(());
        };
        let Some(signer) = self.cases.last().map(|case| case.files.clone()) else {
            return Ok(());
        };
        for case in STATEMENT_CASES {
            let folder = self.folder("statements", case.name)?;
            let good = StatementBuilder::try_new(leaf, audience, self.options.now)?;
            let request = case.request(&cases::Context {
                community,
                leaf,
                audience,
                now: self.options.now,
                good,
            })?;
            let mut files = CaseFiles {
                statement: None,
                request: None,
                ..signer.clone()
            };
            self.write_request(&folder, &request, &mut files)?;
            self.cases.push(Case {
                name: format!("statement-{}", case.name),
                description: case.description.to_owned(),
                requirements: case.requirements.to_vec(),
                uri: leaf.uri().to_owned(),
                files,
                expected: Expected {
                    status: Some(if case.errors.is_empty() { 201 } else { 400 }),
                    errors: case.errors,
                    ..ACCEPTED
                },
            });
        }
        Ok(())
    }

    fn finish(self, community: &TestCommunity) -> Result<Manifest, Error> {
        let manifest = Manifest {
            anchor: PathBuf::from("anchors/root.pem"),
            intermediate: PathBuf::from("intermediates/intermediate.pem"),
            crls: PathBuf::from("crls"),
            assumptions: ASSUMPTIONS,
            made_at: self.options.now,
            statements_lapse_at: self
                .options
                .audience
                .as_ref()
                .map(|_| self.options.now + Duration::seconds(300)),
            crls_lapse_at: self.options.now + crate::crl::LIFETIME - crate::crl::AGE,
            audience: self.options.audience.clone(),
            cases: self.cases,
        };
        for folder in ["anchors", "intermediates", "crls"] {
            fs::create_dir_all(self.out.join(folder)).map_err(io(self.out))?;
        }
        write_public_file(
            &self.out.join(&manifest.anchor),
            community.root().pem().as_bytes(),
        )?;
        let intermediate = community.intermediate().pem();
        write_public_file(
            &self.out.join(&manifest.intermediate),
            intermediate.as_bytes(),
        )?;
        for (name, list) in community.try_crls()? {
            write_public_file(&self.out.join("crls").join(name), &list)?;
        }
        if self.options.base_url.is_some() {
            let published = self.out.join("published");
            fs::create_dir_all(&published).map_err(io(&published))?;
            for (name, content) in community.try_published()? {
                write_public_file(&published.join(name), &content)?;
            }
        }
        let mut text = serde_json::to_vec_pretty(&manifest)?;
        text.push(b'\n');
        write_public_file(&self.out.join("manifest.json"), &text)?;
        Ok(manifest)
    }

    fn write_request(
        &self,
        folder: &Path,
        request: &Value,
        files: &mut CaseFiles,
    ) -> Result<(), Error> {
        let (statement, body) = (folder.join("statement.jwt"), folder.join("request.json"));
        if let Some(text) = request.get("software_statement").and_then(Value::as_str) {
            write_public_file(&self.out.join(&statement), text.as_bytes())?;
            files.statement = Some(statement);
        }
        self.write_json(&body, request)?;
        files.request = Some(body);
        Ok(())
    }

    fn write_json(&self, file: &Path, value: &impl Serialize) -> Result<(), Error> {
        let mut text = serde_json::to_vec_pretty(value)?;
        text.push(b'\n');
        Ok(write_public_file(&self.out.join(file), &text)?)
    }

    /// Makes a case's folder and names it relative to the tree.
    fn folder(&self, group: &str, name: &str) -> Result<PathBuf, Error> {
        let folder = Path::new(group).join(name);
        let path = self.out.join(&folder);
        fs::create_dir_all(&path).map_err(io(&path))?;
        Ok(folder)
    }
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, source }
}

//! What we say to a scene, and what OpenSSL says.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509, X509StoreContext};
use udap::certificate::Certificate;
use udap::trust::{
    CertvalJudge, CrlStore, Distrust, Evidence, NoCrlAddress, Outcome, Place, RevocationMode,
    TrustAnchor, TrustPolicy, TrustStore, TrustedPath, evaluate,
};

use crate::plan::{AT, Plan};
use crate::scene::Scene;

/// A scene's certificates, signed.
pub(crate) struct Signed<'a> {
    pub(crate) scene: &'a Scene,
    pub(crate) leaf: Vec<u8>,
    pub(crate) anchors: Vec<Vec<u8>>,
    pub(crate) candidates: Vec<Vec<u8>>,
}

/// What OpenSSL is asked about.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) leaf: &'a [u8],
    pub(crate) anchors: &'a [Vec<u8>],
    pub(crate) others: &'a [Vec<u8>],
    pub(crate) explicit_policy: bool,
}

/// A path that we trust, in DER.
pub(crate) struct Path {
    leaf: Vec<u8>,
    anchors: Vec<Vec<u8>>,
    intermediates: Vec<Vec<u8>>,
    explicit_policy: bool,
    uris: Vec<String>,
    spki: Vec<u8>,
    serial: Vec<u8>,
}

impl Path {
    fn of(path: &TrustedPath, explicit_policy: bool) -> Self {
        let leaf = path.leaf();
        let intermediates = path.intermediates().iter();
        Self {
            leaf: leaf.der().to_vec(),
            anchors: vec![path.anchor().certificate().der().to_vec()],
            intermediates: intermediates.map(|one| one.der().to_vec()).collect(),
            explicit_policy,
            uris: leaf.uri_names().to_vec(),
            spki: leaf
                .key()
                .expect("a trusted leaf has a key")
                .spki()
                .to_vec(),
            serial: leaf.serial().to_vec(),
        }
    }

    pub(crate) fn question(&self) -> Question<'_> {
        Question {
            leaf: &self.leaf,
            anchors: &self.anchors,
            others: &self.intermediates,
            explicit_policy: self.explicit_policy,
        }
    }

    fn ders(&self) -> impl Iterator<Item = &Vec<u8>> {
        [&self.leaf]
            .into_iter()
            .chain(&self.intermediates)
            .chain(&self.anchors)
    }

    /// What is odd about the certificates of the path.
    pub(crate) fn oddities(&self, signed: &Signed<'_>) -> Vec<&'static str> {
        let on_path = |der: &Vec<u8>| self.ders().any(|one| one == der);
        let scene = signed.scene;
        let all = [(&signed.leaf, &scene.leaf)].into_iter();
        all.chain(signed.candidates.iter().zip(&scene.candidates))
            .chain(signed.anchors.iter().zip(&scene.anchors))
            .filter(|(der, _)| on_path(der))
            .flat_map(|(_, plan)| plan.oddities.clone())
            .collect()
    }

    /// Whether by OpenSSL's reckoning, too, each certificate names the next one as its issuer and
    /// is signed with its key.
    pub(crate) fn is_linked(&self) -> bool {
        let certificates: Result<Vec<_>, _> = self.ders().map(|der| X509::from_der(der)).collect();
        certificates.is_ok_and(|certificates| {
            certificates.windows(2).all(|pair| {
                let key = pair[1].public_key();
                let is_signed = key.and_then(|key| pair[0].verify(&key)).unwrap_or(false);
                // Key identifiers that do not match are no matter.
                let is_named = matches!(pair[1].issued(&pair[0]).as_raw(), 0 | 30 | 31);
                is_signed && is_named
            })
        })
    }

    /// Whether OpenSSL reads of the leaf what everything else depends on just as we do.
    pub(crate) fn reads_as_openssl(&self) -> Result<(), String> {
        let leaf = X509::from_der(&self.leaf).map_err(|error| format!("OpenSSL: {error}"))?;
        let names = leaf.subject_alt_names();
        let uris: Vec<_> = names
            .iter()
            .flatten()
            .filter_map(|name| name.uri())
            .collect();
        let key = leaf.public_key().and_then(|key| key.public_key_to_der());
        let serial = leaf.serial_number().to_bn().map(|serial| serial.to_vec());
        let minimal = |serial: &[u8]| {
            let zeros = serial.iter().take_while(|octet| **octet == 0).count();
            serial[zeros..].to_vec()
        };
        if uris != self.uris {
            Err(format!("URIs differ: {uris:?}, {:?}", self.uris))
        } else if key.as_ref().ok() != Some(&self.spki) {
            Err("keys differ".to_owned())
        } else if self.serial.first().is_some_and(|octet| *octet < 0x80)
            && serial.map(|serial| minimal(&serial)).ok() != Some(minimal(&self.serial))
        {
            Err("serial numbers differ".to_owned())
        } else {
            Ok(())
        }
    }
}

impl<'a> Signed<'a> {
    pub(crate) fn new(scene: &'a Scene) -> Self {
        let ders = |plans: &[Plan]| plans.iter().map(Plan::der).collect::<Vec<_>>();
        Self {
            scene,
            leaf: scene.leaf.der(),
            anchors: ders(&scene.anchors),
            candidates: ders(&scene.candidates),
        }
    }

    pub(crate) fn question(&self) -> Question<'_> {
        Question {
            leaf: &self.leaf,
            anchors: &self.anchors,
            others: &self.candidates,
            explicit_policy: self.scene.explicit_policy,
        }
    }

    /// Our verdict, which must not depend on the order of what is given: a path, or a reason.
    pub(crate) fn judged(&self) -> Result<Path, String> {
        let forwards = self.evaluated(self.anchors.iter(), self.candidates.iter());
        let backwards = self.evaluated(self.anchors.iter().rev(), self.candidates.iter().rev());
        let outcome = |verdict: &Result<Path, String>| match verdict {
            Ok(path) => Ok(path.ders().cloned().collect::<Vec<_>>()),
            Err(reason) => Err(reason.clone()),
        };
        let scene = self.scene;
        assert_eq!(
            outcome(&forwards),
            outcome(&backwards),
            "the order decides: {scene:#?}"
        );
        forwards
    }

    fn evaluated<'b>(
        &self,
        anchors: impl Iterator<Item = &'b Vec<u8>>,
        candidates: impl Iterator<Item = &'b Vec<u8>>,
    ) -> Result<Path, String> {
        let leaf = Certificate::from_der(&self.leaf).map_err(|error| format!("leaf: {error}"))?;
        let anchors = anchors
            .filter_map(|der| Certificate::from_der(der).ok())
            .filter(|anchor| TrustAnchor::new(anchor.clone()).is_ok())
            .collect();
        let candidates: Vec<_> = candidates
            .filter_map(|der| Certificate::from_der(der).ok())
            .collect();
        let policies = match self.scene.explicit_policy {
            true => vec!["2.5.29.32.0".to_owned()],
            false => Vec::new(),
        };
        let policy = TrustPolicy {
            store: TrustStore::new(anchors, Vec::new(), policies)
                .map_err(|_| "no usable anchor".to_owned())?,
            revocation: RevocationMode::Off,
            no_crl_address: NoCrlAddress::Accept,
            aia: false,
            ocsp: false,
        };
        let evidence = Evidence {
            candidates: &candidates,
            crls: &CrlStore::default(),
            ocsp: &[],
            tried: &BTreeSet::new(),
        };
        static JUDGE: LazyLock<CertvalJudge> = LazyLock::new(CertvalJudge::new);
        match evaluate(&*JUDGE, &policy, &leaf, &evidence, AT) {
            Outcome::Trusted(path) => Ok(Path::of(&path, self.scene.explicit_policy)),
            Outcome::Untrusted(distrust) => Err(class(distrust)),
            Outcome::Need(needs) => Err(format!("{needs:?}")),
        }
    }
}

/// The reason, and whether it is the leaf's, an issuer's or the anchor's.
fn class(distrust: Distrust) -> String {
    let kind = |place| match place {
        Place::Leaf => "leaf",
        Place::Issuer(_) => "issuer",
        Place::Anchor => "anchor",
    };
    match distrust {
        Distrust::Rule { place, rule } => format!("{rule:?} of {}", kind(place)),
        Distrust::Flaw { place, flaw } => format!("{flaw:?} of {}", kind(place)),
        other => other.code().to_owned(),
    }
}

impl Question<'_> {
    /// OpenSSL's verdict, with its reason.
    pub(crate) fn openssl(&self, strict: bool) -> Result<(), String> {
        let leaf = X509::from_der(self.leaf).map_err(|_| "does not decode".to_owned())?;
        let decoded = |ders: &[Vec<u8>]| {
            ders.iter()
                .filter_map(|der| X509::from_der(der).ok())
                .collect::<Vec<_>>()
        };
        let mut flags = X509VerifyFlags::PARTIAL_CHAIN
            | X509VerifyFlags::POLICY_CHECK
            | X509VerifyFlags::CHECK_SS_SIGNATURE;
        flags.set(X509VerifyFlags::X509_STRICT, strict);
        let verified = || -> Result<Result<(), String>, openssl::error::ErrorStack> {
            let mut builder = X509StoreBuilder::new()?;
            for anchor in decoded(self.anchors) {
                builder.add_cert(anchor)?;
            }
            let mut parameters = X509VerifyParam::new()?;
            parameters.set_time(AT.unix_timestamp());
            parameters.set_flags(flags)?;
            builder.set_param(&parameters)?;
            let mut others = Stack::new()?;
            for other in decoded(self.others) {
                others.push(other)?;
            }
            X509StoreContext::new()?.init(&builder.build(), &leaf, &others, |context| {
                let holds = context.verify_cert()?;
                let reason = context.error().error_string();
                Ok(if holds {
                    Ok(())
                } else {
                    Err(reason.to_owned())
                })
            })
        };
        match verified() {
            Ok(verdict) => verdict,
            Err(error) => Err(format!("error: {error}")),
        }
    }

    /// The same question to the program `openssl`: its library's Rust binding cannot set an
    /// initial policy set, without which no path has an explicit policy.
    pub(crate) fn program(&self) -> Result<(), String> {
        X509::from_der(self.leaf).map_err(|_| "does not decode".to_owned())?;
        let thread = std::thread::current().id();
        let folder = format!("oracle-{}-{thread:?}", std::process::id());
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        let write = |name: &str, ders: &[Vec<u8>]| {
            let file = folder.join(name);
            let pems = ders
                .iter()
                .filter_map(|der| X509::from_der(der).ok()?.to_pem().ok());
            std::fs::write(&file, pems.collect::<Vec<_>>().concat())
                .expect("a file can be written");
            file
        };
        let mut command = std::process::Command::new("openssl");
        command
            .args(["verify", "-partial_chain", "-check_ss_sig", "-policy_check"])
            .args([
                "-policy",
                "anyPolicy",
                "-no-CApath",
                "-no-CAstore",
                "-attime",
            ])
            .arg(AT.unix_timestamp().to_string())
            .arg("-CAfile")
            .arg(write("anchors.pem", self.anchors));
        if self.explicit_policy {
            command.arg("-explicit_policy");
        }
        if !self.others.is_empty() {
            command
                .arg("-untrusted")
                .arg(write("others.pem", self.others));
        }
        command.arg(write("leaf.pem", &[self.leaf.to_vec()]));
        let output = command.output().expect("openssl runs");
        if output.status.success() {
            return Ok(());
        }
        let output = String::from_utf8_lossy(&output.stderr).into_owned();
        let reason = output
            .lines()
            .find_map(|line| line.split_once("depth lookup: "));
        Err(reason.map_or(output.clone(), |(_, reason)| reason.to_owned()))
    }
}

//! Runs NIST's PKITS through [`udap::trust::evaluate`].
//!
//! `cargo run -p udap --example pkits -- FOLDER`, where FOLDER holds `certs/` and `crls/` of PKITS
//! (in the PyPI wheel `cryptography-vectors` at `cryptography_vectors/x509/PKITS_data`).
//! Prints each case whose verdict is not PKITS's own and fails on a false accept.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use time::macros::datetime;
use udap::certificate::Certificate;
use udap::trust::{
    CertvalJudge, Crl, CrlStore, Evidence, NoCrlAddress, Outcome, RevocationMode, TrustPolicy,
    TrustStore, evaluate,
};

/// Cases whose name does not tell the result; all are valid with the default inputs of a path
/// validation (any policy will do, none is required).
const VALID: [&str; 14] = [
    "AllCertificatesNoPoliciesTest2EE",
    "AllCertificatesSamePoliciesTest10EE",
    "AllCertificatesSamePoliciesTest13EE",
    "AllCertificatesanyPolicyTest11EE",
    "AnyPolicyTest14EE",
    "CPSPointerQualifierTest20EE",
    "DifferentPoliciesTest3EE",
    "OverlappingPoliciesTest6EE",
    "UserNoticeQualifierTest15EE",
    "UserNoticeQualifierTest16EE",
    "UserNoticeQualifierTest17EE",
    "UserNoticeQualifierTest18EE",
    "UserNoticeQualifierTest19EE",
    "inhibitAnyPolicyTest3EE",
];

fn main() -> ExitCode {
    let Some(folder) = std::env::args().nth(1) else {
        eprintln!("usage: pkits FOLDER");
        return ExitCode::from(2);
    };
    match run(Path::new(&folder)) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(folder: &Path) -> Result<usize, Box<dyn std::error::Error>> {
    let mut anchors = Vec::new();
    let mut candidates = Vec::new();
    let mut leaves = Vec::new();
    for (name, bytes) in files(&folder.join("certs"))? {
        let certificate = Certificate::from_der(&bytes);
        if name.ends_with("EE") {
            leaves.push((name, certificate));
        } else if let Ok(certificate) = certificate {
            if name == "TrustAnchorRootCertificate" {
                anchors.push(certificate.clone());
            }
            candidates.push(certificate);
        } else {
            println!("{name}: not read");
        }
    }
    let mut crls = Vec::new();
    for (name, bytes) in files(&folder.join("crls"))? {
        match Crl::from_der(&bytes) {
            Ok(crl) => crls.push(Arc::new(crl)),
            Err(error) => println!("{name}: {error}"),
        }
    }
    let policy = TrustPolicy {
        store: TrustStore::new(anchors, Vec::new(), Vec::new())?,
        revocation: RevocationMode::Required,
        no_crl_address: NoCrlAddress::Refuse,
        aia: false,
        ocsp: false,
    };
    let judge = CertvalJudge::new();
    let crls = CrlStore::new(crls);
    let at = datetime!(2026-11-22 12:00 UTC);
    let (mut right, mut false_accepts, mut false_rejects) = (0, 0, 0);
    for (name, leaf) in leaves {
        let expected = name.starts_with("Valid") || VALID.contains(&name.as_str());
        let tried = leaf
            .iter()
            .flat_map(Certificate::crl_distribution_points)
            .cloned();
        let tried: BTreeSet<String> = tried
            .chain(
                candidates
                    .iter()
                    .flat_map(Certificate::crl_distribution_points)
                    .cloned(),
            )
            .collect();
        let evidence = Evidence {
            candidates: &candidates,
            crls: &crls,
            ocsp: &[],
            tried: &tried,
        };
        let verdict = match leaf {
            Err(error) => Err(error.to_string()),
            Ok(leaf) => match evaluate(&judge, &policy, &leaf, &evidence, at) {
                Outcome::Trusted(_) => Ok(()),
                Outcome::Untrusted(distrust) => Err(distrust.to_string()),
                Outcome::Need(needs) => Err(format!("{needs:?}")),
            },
        };
        match (expected, verdict) {
            (true, Ok(())) | (false, Err(_)) => right += 1,
            (false, Ok(())) => {
                false_accepts += 1;
                println!("FALSE ACCEPT  {name}");
            }
            (true, Err(reason)) => {
                false_rejects += 1;
                println!("false reject  {name}: {reason}");
            }
        }
    }
    println!("{right} right, {false_accepts} false accepts, {false_rejects} false rejects");
    Ok(false_accepts)
}

/// Files by name without extension, sorted.
fn files(folder: &Path) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if let Some(name) = path.file_stem() {
            files.push((name.to_string_lossy().into_owned(), std::fs::read(&path)?));
        }
    }
    files.sort();
    Ok(files)
}

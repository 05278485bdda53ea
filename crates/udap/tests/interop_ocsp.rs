//! OCSP against OpenSSL's responder. Run by `cargo xtask interop`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use time::{Duration, OffsetDateTime};
use udap::certificate::Certificate;
use udap::trust::{
    CertvalJudge, CrlStore, DelegateFlaw, Distrust, Evidence, NoCrlAddress, OcspAnswer, OcspError,
    OcspNeed, OcspStatus, Outcome, Place, RevocationMode, TrustNeed, TrustPolicy, TrustStore,
    evaluate,
};

const EXTENSIONS: &str = "\
[leaf]
keyUsage = digitalSignature
subjectAltName = URI:https://app.example.org/
authorityInfoAccess = OCSP;URI:http://ocsp.example.org/
authorityKeyIdentifier = keyid
[responder]
keyUsage = digitalSignature
extendedKeyUsage = OCSPSigning
noCheck = ignored
[revocable]
extendedKeyUsage = OCSPSigning
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
";

/// A CA in a folder, made by OpenSSL, with a leaf and two responders.
struct Pki(PathBuf);

impl Pki {
    fn new(name: &str, key: &[&str]) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let pki = Self(folder);
        fs::write(pki.0.join("openssl.cnf"), EXTENSIONS).unwrap();
        let request = |name: &str| {
            let (key_file, request) = (format!("{name}.key"), format!("{name}.csr"));
            let subject = format!("/O=Interop/CN={name}");
            let new = ["req", "-new", "-nodes", "-subj", &subject, "-newkey"];
            pki.run(&[&new, key, &["-keyout", &key_file, "-out", &request]].concat());
        };
        request("ca");
        pki.run(&[
            "x509",
            "-req",
            "-in",
            "ca.csr",
            "-signkey",
            "ca.key",
            "-out",
            "ca.pem",
            "-days",
            "2",
            "-extfile",
            "openssl.cnf",
            "-extensions",
            "ca",
        ]);
        for (name, extensions, serial) in [
            ("leaf", "leaf", "0xF00D"),
            ("responder", "responder", "2"),
            ("revocable", "revocable", "3"),
        ] {
            request(name);
            let (input, output) = (format!("{name}.csr"), format!("{name}.pem"));
            pki.run(&[
                "x509",
                "-req",
                "-in",
                &input,
                "-CA",
                "ca.pem",
                "-CAkey",
                "ca.key",
                "-set_serial",
                serial,
                "-out",
                &output,
                "-days",
                "2",
                "-extfile",
                "openssl.cnf",
                "-extensions",
                extensions,
            ]);
        }
        pki
    }

    fn run(&self, arguments: &[&str]) {
        let done = Command::new("openssl")
            .current_dir(&self.0)
            .args(arguments)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{arguments:?}: {error}");
    }

    fn certificate(&self, name: &str) -> Certificate {
        let pem = fs::read(self.0.join(name)).unwrap();
        Certificate::from_pem_bundle(&pem).unwrap().remove(0)
    }

    fn judge(&self, answers: &[OcspAnswer]) -> Outcome {
        let policy = TrustPolicy {
            store: TrustStore::new(vec![self.certificate("ca.pem")], Vec::new(), Vec::new())
                .unwrap(),
            revocation: RevocationMode::Required,
            no_crl_address: NoCrlAddress::Refuse,
            aia: false,
            ocsp: true,
        };
        let evidence = Evidence {
            candidates: &[],
            crls: &CrlStore::default(),
            ocsp: answers,
            tried: &BTreeSet::new(),
        };
        let leaf = self.certificate("leaf.pem");
        evaluate(&CertvalJudge::new(), &policy, &leaf, &evidence, now())
    }

    fn need(&self) -> OcspNeed {
        match self.judge(&[]) {
            Outcome::Need(needs) => match needs.as_slice() {
                [TrustNeed::Ocsp(need)] => need.clone(),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    /// What OpenSSL's responder, with this line in its index, answers to our request.
    fn ask(&self, need: &OcspNeed, index: &str, options: &[&str]) -> Vec<u8> {
        fs::write(self.0.join("index.txt"), index).unwrap();
        fs::write(self.0.join("request.der"), need.request()).unwrap();
        let fixed = [
            "ocsp",
            "-index",
            "index.txt",
            "-CA",
            "ca.pem",
            "-reqin",
            "request.der",
            "-respout",
            "response.der",
        ];
        self.run(&[&fixed, options].concat());
        fs::read(self.0.join("response.der")).unwrap()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "OpenSSL answers by the real time"
)]
fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

const VALID: &str = "V\t491231235959Z\t\tF00D\tunknown\t/CN=leaf\n";
const REVOKED: &str = "R\t491231235959Z\t260101000000Z,keyCompromise\tF00D\tunknown\t/CN=leaf\n";
const OTHER: &str = "V\t491231235959Z\t\tF00E\tunknown\t/CN=other\n";

fn judged_with(key: &[&str], folder: &str) {
    let pki = Pki::new(folder, key);
    let need = pki.need();
    let own = ["-rsigner", "ca.pem", "-rkey", "ca.key"];
    let delegated = ["-rsigner", "responder.pem", "-rkey", "responder.key"];
    for signer in [own, delegated] {
        for extra in [&["-ndays", "1"][..], &["-ndays", "1", "-resp_key_id"], &[]] {
            let options = [&signer, extra].concat();
            let answer = |index| need.read(&pki.ask(&need, index, &options), now());
            let good = answer(VALID).unwrap();
            assert_eq!(good.status(), OcspStatus::Good);
            // OpenSSL states no end unless it is told one.
            let life = good.usable_until() - now();
            let expected = if extra.is_empty() { 10 } else { 24 * 60 };
            let about = Duration::minutes(expected - 2)..=Duration::minutes(expected);
            assert!(about.contains(&life), "{life}");
            assert!(need.is_answered_by(&good, now()));
            assert!(matches!(pki.judge(&[good]), Outcome::Trusted(_)));

            let revoked = answer(REVOKED).unwrap();
            assert!(revoked.revokes());
            assert!(matches!(
                pki.judge(&[revoked]),
                Outcome::Untrusted(Distrust::Revoked(Place::Leaf))
            ));
            assert_eq!(answer(OTHER).unwrap().status(), OcspStatus::Unknown);
        }
    }
    let revocable = ["-rsigner", "revocable.pem", "-rkey", "revocable.key"];
    assert_eq!(
        need.read(&pki.ask(&need, VALID, &revocable), now()),
        Err(OcspError::Delegate(DelegateFlaw::Revocable))
    );
    let weak = [&own[..], &["-rmd", "sha1"]].concat();
    assert_eq!(
        need.read(&pki.ask(&need, VALID, &weak), now()),
        Err(OcspError::Signature)
    );
}

/// Proves: C31
#[test]
#[ignore = "needs openssl: cargo xtask interop"]
fn an_openssl_responder_with_rsa_keys_is_understood() {
    judged_with(&["rsa:2048"], "ocsp-rsa");
}

/// Proves: C31
#[test]
#[ignore = "needs openssl: cargo xtask interop"]
fn an_openssl_responder_with_p384_keys_is_understood() {
    judged_with(&["ec", "-pkeyopt", "ec_paramgen_curve:P-384"], "ocsp-p384");
}

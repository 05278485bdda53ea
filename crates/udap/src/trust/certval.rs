//! certval as the judge. The only module that knows its types.

mod constraints;
mod policies;

use certval::{
    CertificationPath, CertificationPathResults, CertificationPathSettings, EXTS_OF_INTEREST,
    Error, ExtensionProcessing, PDVCertificate, PDVTrustAnchorChoice, PathValidationStatus,
    PkiEnvironment, TimeOfInterest, check_basic_constraints, check_critical_extensions,
    check_extended_key_usage, check_key_sizes, check_key_usage, check_names, check_validity,
    enforce_trust_anchor_constraints, policy_graph::check_certificate_policies_graph,
    verify_signatures,
};
use der::asn1::{BitString, ObjectIdentifier};
use der::{Encode, Sequence};
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use time::OffsetDateTime;
use x509_cert::certificate::{CertificateInner, Raw, Version};
use x509_cert::ext::Extensions;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::Validity;

use self::constraints::Constraints;
use super::distrust::{Distrust, PathRule, Place};
use super::judge::{Judge, LinearPath};
use crate::certificate::Certificate;
use crate::key::PublicKey;
use crate::limits;

/// Paths that are remembered as sound, 32 octets each.
const REMEMBERED_PATHS: usize = 16 * 1024;

const FRESHEST_CRL: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.46");
const CRL_REASON: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.21");
const ISSUING_DISTRIBUTION_POINT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");

/// Extensions that mean nothing on an anchor, critical or not: its other names, and extended key
/// usage, which is not judged anywhere (C14).
const IDLE_ON_ANCHORS: [ObjectIdentifier; 2] = [
    ObjectIdentifier::new_unwrap("2.5.29.17"),
    ObjectIdentifier::new_unwrap("2.5.29.37"),
];

/// [`Judge`] by the crate `certval`, with what it lets pass closed.
///
/// That a path is sound apart from dates is remembered: it depends on nothing but certificates and
/// policies. Dates are judged at every use.
pub struct CertvalJudge {
    sound: Cache<[u8; 32], ()>,
}

impl CertvalJudge {
    /// A judge with an empty memory.
    #[must_use]
    pub fn new() -> Self {
        Self {
            sound: Cache::new(REMEMBERED_PATHS),
        }
    }
}

impl Default for CertvalJudge {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for CertvalJudge {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("CertvalJudge")
            .finish_non_exhaustive()
    }
}

impl Judge for CertvalJudge {
    fn judge(
        &self,
        path: &LinearPath,
        policies: &[String],
        at: OffsetDateTime,
    ) -> Result<(), Distrust> {
        path.check_dates(at)?;
        let memo = memo_key(path, policies);
        if self.sound.get(&memo).is_some() {
            return Ok(());
        }
        judge(path, policies, at)?;
        self.sound.insert(memo, ());
        Ok(())
    }
}

/// Whether the judge can read a policy. `const-oid`, which certval is built on, knows no arc above
/// 39 below any root, so not 2.999, and none of 2^32 or more.
pub(super) fn can_read_policy(policy: &str) -> bool {
    ObjectIdentifier::new(policy).is_ok()
}

/// Whether the judge can read a certificate at all. One that it cannot is refused in every path.
pub(super) fn can_read(certificate: &Certificate) -> bool {
    decode(certificate).is_some()
}

fn memo_key(path: &LinearPath, policies: &[String]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update((path.issuers().len() as u64).to_be_bytes());
    for (_, certificate, _) in path.links() {
        hash.update(certificate.fingerprint());
    }
    hash.update(path.anchor().certificate().fingerprint());
    for policy in policies {
        hash.update((policy.len() as u64).to_be_bytes());
        hash.update(policy);
    }
    hash.finalize().into()
}

fn judge(path: &LinearPath, policies: &[String], at: OffsetDateTime) -> Result<(), Distrust> {
    let count = path.issuers().len();
    // certval counts from the anchor, which is 0.
    let place = |index: usize| match index {
        0 => Place::Anchor,
        _ if index > count => Place::Leaf,
        _ => Place::Issuer(count + 1 - index),
    };
    let broken = |place, rule| Distrust::Rule { place, rule };

    let anchor = anchor(path.anchor().certificate()).map_err(|rule| broken(Place::Anchor, rule))?;
    let decode = |place, certificate: &Certificate| {
        decode(certificate).ok_or(broken(place, PathRule::Encoding))
    };
    let target = decode(Place::Leaf, path.target())?;
    let mut issuers = Vec::with_capacity(count);
    for (position, issuer) in path.issuers().iter().enumerate().rev() {
        let place = Place::Issuer(position + 1);
        if issuer
            .key_usage()
            .is_some_and(|usage| !usage.key_cert_sign())
        {
            return Err(broken(place, PathRule::KeyUsage));
        }
        issuers.push(decode(place, issuer)?);
    }

    check_constraints(path, &target, &issuers)
        .map_err(|(index, rule)| broken(place(index), rule))?;

    let mut settings = CertificationPathSettings::new();
    let seconds = u64::try_from(at.unix_timestamp()).ok();
    let time = seconds
        .and_then(|seconds| TimeOfInterest::from_unix_secs(seconds).ok())
        .ok_or(broken(Place::Leaf, PathRule::Other))?;
    settings.set_time_of_interest(time);
    settings.set_require_ta_store(false);
    settings.set_enforce_trust_anchor_constraints(true);
    settings.set_initial_path_length_constraint(
        u8::try_from(limits::PATH_CERTIFICATES).unwrap_or(u8::MAX),
    );
    if !policies.is_empty() {
        settings.set_initial_policy_set(policies.to_vec());
        settings.set_initial_explicit_policy_indicator(true);
    }
    // The flag alone does nothing.
    let settings = enforce_trust_anchor_constraints(&settings, &anchor)
        .map_err(|error| broken(Place::Anchor, rule(&error)))?;

    let mut environment = PkiEnvironment::default();
    environment.add_verify_signature_message_callback(verified_edges(path));
    let path = CertificationPath::new(anchor, issuers, target);
    let mut results = CertificationPathResults::new();
    validate(&environment, &settings, &path, &mut results).map_err(|error| {
        let index = results
            .get_failure_index()
            .and_then(|index| usize::try_from(index).ok());
        match (error, index.map_or(Place::Leaf, place)) {
            (Error::PathValidation(PathValidationStatus::InvalidNotBeforeDate), place) => {
                Distrust::NotYetValid(place)
            }
            (Error::PathValidation(PathValidationStatus::InvalidNotAfterDate), place) => {
                Distrust::Expired(place)
            }
            (error, place) => broken(place, rule(&error)),
        }
    })
}

/// Name constraints that certval takes too lightly, from the anchor (0) down to the leaf.
fn check_constraints(
    path: &LinearPath,
    target: &PDVCertificate,
    issuers: &[PDVCertificate],
) -> Result<(), (usize, PathRule)> {
    let anchor = decode(path.anchor().certificate()).ok_or((0, PathRule::Encoding))?;
    let all = [&anchor].into_iter().chain(issuers).chain([target]);
    for (index, certificate) in all.enumerate() {
        policies::check(certificate).map_err(|rule| (index, rule))?;
    }
    let mut constraints = Constraints::default();
    let mut above = &anchor;
    for (index, certificate) in issuers.iter().chain([target]).enumerate() {
        constraints = constraints
            .and_those_of(above)
            .map_err(|rule| (index, rule))?;
        constraints
            .check(certificate)
            .map_err(|rule| (index + 1, rule))?;
        above = certificate;
    }
    // The path may also be that of a CA which signs CRLs.
    if path.target().is_ca() {
        return Ok(());
    }
    Constraints::none_in(target)
        .and_then(|()| policies::none_mapped_in(target))
        .map_err(|rule| (issuers.len() + 1, rule))
}

/// `validate_path_rfc5280`, but for key usage: certval refuses an intermediate that has none, which
/// RFC 5280 §6.1.4 (n) does not. That rule (C12) is checked by our own hand, above.
fn validate(
    environment: &PkiEnvironment,
    settings: &CertificationPathSettings,
    path: &CertificationPath,
    results: &mut CertificationPathResults,
) -> certval::Result<()> {
    check_validity(environment, settings, path, results)?;
    check_key_sizes(environment, settings, path, results)?;
    check_basic_constraints(environment, settings, path, results)?;
    check_names(environment, settings, path, results)?;
    check_certificate_policies_graph(environment, settings, path, results)?;
    // Called to have keyUsage counted as processed. It also asks for one on every intermediate.
    let _ = check_key_usage(environment, settings, path, results);
    check_extended_key_usage(environment, settings, path, results)?;
    check_critical_extensions(environment, settings, path, results)?;
    verify_signatures(environment, settings, path, results)
}

/// Signatures were verified by the walk, so each is only recognised: the same bytes, the same
/// signature, the same key as both parsers read them. Anything else is refused.
fn verified_edges(
    path: &LinearPath,
) -> impl Fn(
    &PkiEnvironment,
    &[u8],
    &BitString,
    &AlgorithmIdentifierOwned,
    &SubjectPublicKeyInfoOwned,
) -> certval::Result<()>
+ Send
+ Sync
+ 'static {
    let edges: Vec<(Certificate, Option<PublicKey>)> = path
        .links()
        .map(|(_, certificate, issuer)| (certificate.clone(), issuer.key().ok().cloned()))
        .collect();
    move |_, message, signature, _, spki| {
        let spki = spki.to_der()?;
        let known = edges.iter().any(|(certificate, key)| {
            certificate.tbs() == message
                && Some(certificate.signature()) == signature.as_bytes()
                && key.as_ref().is_some_and(|key| key.spki() == spki)
        });
        if known {
            Ok(())
        } else {
            Err(Error::PathValidation(
                PathValidationStatus::SignatureVerificationFailure,
            ))
        }
    }
}

/// `None` if it, or an extension that certval would quietly take as absent, does not decode.
fn decode(certificate: &Certificate) -> Option<PDVCertificate> {
    let decoded = PDVCertificate::try_from(certificate.der()).ok()?;
    let undecoded = [FRESHEST_CRL, CRL_REASON, ISSUING_DISTRIBUTION_POINT];
    let extensions = decoded.decoded().tbs_certificate().extensions();
    let complete = extensions.into_iter().flatten().all(|extension| {
        let id = &extension.extn_id;
        !EXTS_OF_INTEREST.contains(id)
            || undecoded.contains(id)
            || matches!(decoded.get_extension(id), Ok(Some(_)))
    });
    complete.then_some(decoded)
}

/// The anchor as certval takes it.
fn anchor(certificate: &Certificate) -> Result<PDVTrustAnchorChoice, PathRule> {
    let decoded = decode(certificate).ok_or(PathRule::Encoding)?;
    let inner = decoded.decoded();
    let idle = |id: &ObjectIdentifier| IDLE_ON_ANCHORS.contains(id);
    let extensions = inner.tbs_certificate().extensions();
    let has_idle = extensions
        .into_iter()
        .flatten()
        .any(|extension| extension.critical && idle(&extension.extn_id));
    let der = if has_idle {
        without(inner, idle).map_err(|_| PathRule::Encoding)?
    } else {
        certificate.der().to_vec()
    };
    PDVTrustAnchorChoice::try_from(der.as_slice()).map_err(|_| PathRule::Encoding)
}

/// TBSCertificate (RFC 5280 §4.1), to be written with fewer extensions.
#[derive(Sequence)]
struct Tbs {
    #[asn1(context_specific = "0", default = "Default::default")]
    version: Version,
    serial_number: SerialNumber<Raw>,
    signature: AlgorithmIdentifierOwned,
    issuer: Name,
    validity: Validity<Raw>,
    subject: Name,
    subject_public_key_info: SubjectPublicKeyInfoOwned,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Extensions>,
}

#[derive(Sequence)]
struct Signed {
    tbs: Tbs,
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

/// An anchor's signature is never looked at, so its certificate may be written anew.
fn without(
    certificate: &CertificateInner<Raw>,
    left_out: impl Fn(&ObjectIdentifier) -> bool,
) -> der::Result<Vec<u8>> {
    let tbs = certificate.tbs_certificate();
    let extensions = tbs.extensions().into_iter().flatten();
    Signed {
        tbs: Tbs {
            version: tbs.version(),
            serial_number: tbs.serial_number().clone(),
            signature: tbs.signature().clone(),
            issuer: tbs.issuer().clone(),
            validity: *tbs.validity(),
            subject: tbs.subject().clone(),
            subject_public_key_info: tbs.subject_public_key_info().clone(),
            extensions: Some(
                extensions
                    .filter(|extension| !left_out(&extension.extn_id))
                    .cloned()
                    .collect(),
            ),
        },
        signature_algorithm: certificate.signature_algorithm().clone(),
        signature: certificate.signature().clone(),
    }
    .to_der()
}

fn rule(error: &Error) -> PathRule {
    use PathValidationStatus as Status;
    let Error::PathValidation(status) = error else {
        return match error {
            Error::Asn1Error(_) => PathRule::Encoding,
            // What enforce_trust_anchor_constraints says of an unknown critical extension.
            Error::Unrecognized => PathRule::CriticalExtension,
            _ => PathRule::Other,
        };
    };
    match status {
        Status::NameChainingFailure => PathRule::NameChaining,
        Status::SignatureVerificationFailure => PathRule::Signature,
        Status::MissingBasicConstraints | Status::InvalidBasicConstraints => PathRule::NotCa,
        Status::InvalidPathLength => PathRule::PathLength,
        Status::InvalidKeyUsage => PathRule::KeyUsage,
        Status::NullPolicySet | Status::InvalidPolicyMapping => PathRule::Policy,
        Status::NameConstraintsViolation => PathRule::NameConstraints,
        Status::UnprocessedCriticalExtension => PathRule::CriticalExtension,
        Status::EncodingError => PathRule::Encoding,
        Status::ProcessingLimitExceeded => PathRule::Limit,
        _ => PathRule::Other,
    }
}

//! Where the two may differ, and why.

/// Whether OpenSSL's reason to refuse a path that we trust is none of RFC 5280 §6. That each
/// certificate names the next and is signed with its key was asked of OpenSSL before.
pub(crate) fn is_excused(reason: &str, oddities: &[&str]) -> bool {
    let have = |oddity| oddities.contains(&oddity);
    match reason {
        // OpenSSL takes a certificate whose key identifiers do not match for no issuer at all. For
        // RFC 5280 they are a help in finding paths (§4.2.1.1), and no part of §6.
        "unable to get local issuer certificate" | "unable to get issuer certificate" => {
            have("authority key id") || have("mutated") || have("signed by another")
        }
        // Of several CAs of one name OpenSSL tries one, by identifiers if there are any, and never
        // turns back.
        "certificate signature failure" => {
            have("no key ids") || have("signed by another") || have("mutated")
        }
        // A self-issued certificate without identifiers is taken for self-signed.
        "self-signed certificate in certificate chain" => have("no key ids"),
        _ => false,
    }
}

/// Whether a reason of X509_STRICT is about how CAs should write certificates (RFC 5280 §4), not
/// about whether a path is valid (§6).
pub(crate) fn is_profile(reason: &str) -> bool {
    [
        // §4.2.1.9: "conforming CAs MUST mark the extension as critical".
        "Basic Constraints of CA cert not marked critical",
        "Path length given without key usage keyCertSign",
        "Path length invalid for non-CA cert",
        // §4.2.1.3: "conforming CAs MUST include this extension"; but §6.1.4 (n) "if present".
        "CA cert does not include key usage extension",
        // §4.2.1.1, §4.2.1.2.
        "Missing Authority Key Identifier",
        "Missing Subject Key Identifier",
        // A leaf whose keyUsage has keyCertSign: it can issue nothing for want of basicConstraints.
        "invalid CA certificate",
    ]
    .contains(&reason)
}

/// Whether we are meant to refuse for this reason what OpenSSL lets pass.
pub(crate) fn may_be_stricter(reason: &str, shape: &str) -> bool {
    let (rule, place) = reason.split_once(" of ").unwrap_or((reason, ""));
    match rule {
        // Critical extensions of an anchor that bind us to what is not known or has no meaning
        // there, such as policyMappings. OpenSSL looks at none of an anchor's.
        "CriticalExtension" | "Other" => place == "anchor",
        // What OpenSSL reads though it is malformed: an extension twice, names that are none, a
        // policy twice, an empty extension, pathLenConstraint over 255. And dates before 1970.
        "DuplicateExtension" | "UndecodableExtension" | "MalformedName" | "Encoding" => true,
        // Constraints that are malformed are refused whether or not a name of their kind follows;
        // a leaf must not have any; a URI without a host by name breaks any constraint on URIs.
        "NameConstraints" => true,
        // An anchor's policies and policyConstraints count from the first certificate (RFC 5937).
        // OpenSSL looks at none of an anchor's.
        "Policy" => true,
        // Decisions 25 and 5.
        "leaf_is_ca" | "leaf_key_usage" | "leaf_has_anchor_key" | "leaf_self_signed" => true,
        "certificate_key_not_accepted" | "path_search_limit" => true,
        // The anchor is malformed, no CA's, or without keyCertSign.
        "no usable anchor" => true,
        // Of several paths one fails for this, which is told because it is more specific, and the
        // other for one of the above.
        "certificate_expired"
        | "certificate_not_yet_valid"
        | "NotCa"
        | "KeyUsage"
        | "PathLength" => !matches!(shape, "chain" | "intermediate as anchor"),
        _ => false,
    }
}

//! Every cap on hostile input, in one place, each with its source.

use time::Duration;

/// Octets of a registration request's body (B02). A statement with ten certificates of 16 KB does
/// not fit `x5c`'s own cap of 64 KB in all, so this leaves room for certifications.
pub const REQUEST_BODY_BYTES: usize = 256 * 1024;

/// Levels of JSON nesting accepted anywhere (B02). Real statements use four.
pub const JSON_DEPTH: usize = 16;

/// Members of one JSON object, elements of one array. Real statements hold about twenty.
pub const JSON_MEMBERS: usize = 256;

/// Certificates in `x5c` (C04, decisions 5).
pub const X5C_CERTIFICATES: usize = 10;

/// Octets of one certificate in DER, wherever it comes from (C04): intersecting name constraints
/// is quadratic in a certificate's size.
pub const CERTIFICATE_BYTES: usize = 16 * 1024;

/// Octets of all certificates of one `x5c` together (C04).
pub const X5C_BYTES: usize = 64 * 1024;

/// Certificates in a path, leaf and anchor included.
pub const PATH_CERTIFICATES: usize = 12;

/// Signature verifications that path building may spend on one statement.
pub const PATH_SIGNATURE_CHECKS: usize = 200;

/// Possible issuers that one search looks at. Ten certificates as tangled as can be need a few
/// hundred.
pub const PATH_STEPS: usize = 5_000;

/// Paths that are judged in one search. Tangled real communities need three or four.
pub const PATH_JUDGEMENTS: usize = 32;

/// Octets of certificates in all paths that are judged in one search: each path's are decoded
/// anew. An ordinary path has 3 to 6 KB, so that all of [`PATH_JUDGEMENTS`] may be.
pub const PATH_JUDGED_BYTES: usize = 256 * 1024;

/// Comparisons of names with name constraints, of constraints with each other and of policies in
/// all paths that are judged in one search, up to 50 ns each. A path below a CA with a hundred
/// permitted names costs 10,000, as would one below a bridge with fifty policies and as many
/// mappings; ordinary ones, a dozen. Without it ten certificates could take seconds.
pub const PATH_COMPARISONS: usize = 128 * 1024;

/// How deep the certificate of a CRL's signer may in turn depend on CRLs of yet another signer.
pub const CRL_SIGNER_DEPTH: usize = 2;

/// Distribution points that are asked about one certificate.
pub const CRL_ADDRESSES: usize = 8;

/// For all that is fetched for one statement, or to look at one registration again (decisions 22).
pub const FETCH_TIME: std::time::Duration = std::time::Duration::from_secs(15);

/// Times that something is fetched for one statement: issuers one after another, lists, the lists of
/// their signers, responders, and as much for a second path.
pub const FETCH_ROUNDS: usize = 12;

/// Intermediates fetched by AIA for one statement (C08, decisions 2).
pub const AIA_FETCHES: usize = 3;

/// Addresses of issuers that a search keeps of all certificates that it comes by: [`AIA_FETCHES`], and
/// three dozen more, since some may have been asked already. Real certificates name one or two; one of
/// 16 KB has room for five hundred, and a tangled search comes by it thousands of times.
pub const ISSUER_ADDRESSES: usize = AIA_FETCHES + 36;

/// Octets of a client URI, that is of `iss` (decisions 5).
pub const CLIENT_URI_BYTES: usize = 2_048;

/// Octets of a community URI (decisions 5).
pub const COMMUNITY_URI_BYTES: usize = 512;

/// Characters of `jti` (decisions 3).
pub const JTI_CHARS: usize = 256;

/// Octets of a token request's form: an assertion with all that `x5c` may hold, in base64 twice, and a
/// scope list of a whole catalogue.
pub const TOKEN_BODY_BYTES: usize = 192 * 1024;

/// Octets of a `client_id`: OpenEMR's column holds 80.
pub const CLIENT_ID_BYTES: usize = 80;

/// The longest life of a software statement, `exp - iat` (B14, IG §3.1). No skew applies to it.
pub const STATEMENT_LIFETIME: Duration = Duration::seconds(300);

/// The default tolerance between the app's clock and ours (B15, decisions 4).
pub const CLOCK_SKEW: Duration = Duration::seconds(60);

/// The widest tolerance that can be configured (B15).
pub const MAX_CLOCK_SKEW: Duration = Duration::seconds(300);

/// Characters of `client_name`: OpenEMR's column holds 80 (decisions 16).
pub const CLIENT_NAME_CHARS: usize = 80;

/// Entries of `redirect_uris` (B27).
pub const REDIRECT_URIS: usize = 20;

/// Entries of `redirect_uris` under the `emr-direct` profile, which visits each (decisions 19).
pub const REDIRECT_URIS_CHECKED: usize = 10;

/// Seconds after which an app may try again whose links did not answer, or were not visited: longer
/// than any fault of a link is remembered.
pub const LINK_RETRY_SECONDS: u32 = 300;

/// Entries of `contacts`.
pub const CONTACTS: usize = 20;

/// Octets of any URI in client metadata.
pub const URI_BYTES: usize = 2_048;

/// Octets of the `scope` claim. OpenEMR's whole catalogue is 8.4 KB.
pub const SCOPE_BYTES: usize = 32 * 1024;

/// Scopes in one `scope` claim. OpenEMR's whole catalogue is 293.
pub const SCOPES: usize = 1_024;

/// Certifications of one request that are looked at (decisions 20).
pub const CERTIFICATIONS: usize = 5;

/// The longest life of a certification, in years (F06, IG §7.4.1).
pub const CERTIFICATION_YEARS: i32 = 3;

/// Octets of a certifier's answer about a certification's status: one member.
pub const CERTIFICATION_STATUS_BYTES: usize = 4 * 1024;

/// Octets of a CRL (decisions 22).
pub const CRL_BYTES: usize = 64 * 1024 * 1024;

/// Octets of an OCSP response. Real ones have two thousand, with a responder's certificate.
pub const OCSP_BYTES: usize = 64 * 1024;

/// Statuses in one OCSP response. We ask about one certificate; RFC 5019 §2.2.1 wants one in answer.
pub const OCSP_STATUSES: usize = 32;

/// Certificates in one OCSP response: a responder's, and those above it that some send along.
pub const OCSP_CERTIFICATES: usize = 10;

/// Responders that are asked about one certificate.
pub const OCSP_ADDRESSES: usize = 3;

/// How long after thisUpdate an OCSP answer can be used at most, whatever its nextUpdate says: ten
/// days, the longest that the CA/Browser Forum's Baseline Requirements (§4.9.10) allow.
pub const OCSP_LIFETIME: Duration = Duration::days(10);

/// How long after thisUpdate an OCSP answer without nextUpdate can be used. Such a responder says
/// that it always knows better (RFC 6960 §4.2.2.1); as we send no nonce, this is how long an old
/// answer could be played back.
pub const OCSP_LIFETIME_UNSTATED: Duration = Duration::minutes(10);

/// The smallest RSA modulus, in bits (A53, C15).
pub const RSA_MIN_BITS: usize = 2_048;

/// The largest RSA modulus, in bits: what OpenEMR's and our own verifiers take.
pub const RSA_MAX_BITS: usize = 8_192;

//! The list.

use super::{Flow, Rule, Scope, Stage};
use crate::rules::Profile;

/// For everybody.
const ALL: Scope = Scope {
    profile: None,
    flow: None,
};
/// For `authorization_code`.
const CODE: Scope = Scope {
    profile: None,
    flow: Some(Flow::Code),
};
/// For communities of EMR Direct's rules.
const EMR: Scope = Scope {
    profile: Some(Profile::EmrDirect),
    flow: None,
};
/// For `authorization_code` in those.
const EMR_CODE: Scope = Scope {
    profile: Some(Profile::EmrDirect),
    flow: Some(Flow::Code),
};

/// `Stage: ID claim SCOPE (further ids) "What it asks.";`
macro_rules! rules {
    ($($stage:ident: $id:ident $claim:ident $scope:ident ($($also:ident)*) $asks:literal;)*) => {
        &[$(Rule {
            id: stringify!($id),
            also: &[$(stringify!($also)),*],
            stage: Stage::$stage,
            claim: stringify!($claim),
            asks: $asks,
            scope: $scope,
        }),*]
    };
}

/// All rules, in the order in which they are asked.
pub const RULES: &[Rule] = rules! {
    Envelope: B02 request ALL ()
        "The body is one JSON object without duplicate keys.";
    Envelope: B04 udap ALL ()
        "The version is the string 1.";
    Envelope: B05 certifications ALL ()
        "Certifications, if any, are an array of strings.";
    Envelope: B03 software_statement ALL ()
        "There is a statement, as a string.";

    Signature: A54 software_statement ALL ()
        "The statement is a compact JWS with a header and claims in JSON.";
    Signature: A53 alg ALL ()
        "The algorithm is one that this site publishes, and fits the key.";
    Signature: A54 crit ALL ()
        "The header asks for no extension.";
    Signature: C03 x5c ALL ()
        "The header has certificates in standard base64, the signer's first.";
    Signature: C04 x5c ALL ()
        "There are at most ten certificates, of limited size.";
    Signature: C15 x5c ALL ()
        "The signer's key is RSA of 2048 bits or more, P-256 or P-384.";
    Signature: C02 software_statement ALL ()
        "The key of the first certificate made the signature.";

    Claims: C17 iss ALL (B11 C18)
        "The issuer is, letter by letter, a URI name of the certificate.";
    Claims: B12 sub ALL ()
        "The subject equals the issuer.";
    Claims: B13 aud ALL ()
        "The audience is this registration endpoint.";
    Claims: B17 iat ALL ()
        "The time of issue is an integer.";
    Claims: B17 exp ALL ()
        "The time of expiry is an integer.";
    Claims: B15 exp ALL ()
        "The statement expires after it was issued.";
    Claims: B14 exp ALL ()
        "The statement lives at most 300 seconds and has not expired.";
    Claims: B15 iat ALL ()
        "The statement was not issued in the future.";
    Claims: B17 nbf ALL ()
        "The time from which it is valid, if any, is an integer.";
    Claims: B15 nbf ALL ()
        "The time from which it is valid, if any, has come.";
    Claims: B16 jti ALL ()
        "The statement's id is a string of 1 to 256 characters.";
    Claims: C01 software_statement ALL ()
        "The statement's own claims hold.";

    Trust: C19 x5c ALL (C20 C23)
        "No certificate of the path is revoked.";
    Trust: C13 x5c ALL ()
        "The leaf is no CA's, did not sign itself, and has no anchor's key.";
    Trust: C14 x5c ALL ()
        "The leaf may make signatures.";
    Trust: C11 x5c ALL ()
        "Every certificate below the anchor is within its validity.";
    Trust: C15 x5c ALL ()
        "Keys and signatures of the path are strong enough.";
    Trust: C21 x5c ALL ()
        "It can be learned whether each certificate is revoked.";
    Trust: C22 x5c ALL ()
        "Certificates name where their status is told, if the community asks for that.";
    Trust: C12 x5c ALL (C16)
        "The path keeps the rules of RFC 5280.";
    Trust: C05 x5c ALL ()
        "A path leads to a trust anchor of a community that serves this site.";
    Trust: C10 x5c ALL ()
        "One community alone trusts the certificate.";

    Standing: D22 iss ALL ()
        "No operator has blocked the client or its key, and its certificates were never seen revoked.";
    Standing: C24 jti ALL (C25 C26)
        "The statement was not used before.";
    Standing: C27 iss ALL ()
        "The community may bring apps of this URI here.";

    Metadata: B07 software_statement ALL (B33 B35)
        "Claims that no rule knows are ignored.";
    Metadata: B20 client_name ALL (I01)
        "The name has 1 to 80 characters, a letter or digit among them, and none that deceive.";
    Metadata: B21 grant_types ALL (D11)
        "The grant types are an array of those that UDAP knows.";
    Metadata: B22 grant_types ALL ()
        "There is one of the two flows, and no grant type twice.";
    Metadata: B23 grant_types ALL ()
        "refresh_token comes with authorization_code.";
    Metadata: B24 grant_types ALL (I02)
        "This site offers the flow to the community's apps.";
    Metadata: B25 redirect_uris ALL (I01 I02 I03)
        "Redirect URIs are there with authorization_code, and only then.";
    Metadata: B27 redirect_uris CODE ()
        "Redirect URIs are absolute and complete, none twice, and not too many.";
    Metadata: B26 redirect_uris CODE (I04)
        "Redirect URIs use https.";
    Metadata: I05 redirect_uris EMR_CODE ()
        "No redirect URI has a scheme of the app's own.";
    Metadata: I06 redirect_uris EMR_CODE ()
        "No redirect URI leads to the person's own machine.";
    Metadata: I08 redirect_uris EMR_CODE ()
        "The hosts of redirect URIs are public DNS names.";
    Metadata: B30 response_types ALL ()
        "The response type is code with authorization_code, and absent otherwise.";
    Metadata: B31 token_endpoint_auth_method ALL ()
        "The authentication method is private_key_jwt.";
    Metadata: B28 contacts ALL (I01 I19 I20)
        "Contacts are URIs, one at least an e-mail address as a mailto: URI.";
    Metadata: I16 contacts EMR (I17 I18 I19 I21 I22)
        "An e-mail contact belongs to the domain of a redirect URI or of client_uri.";
    Metadata: I01 logo_uri EMR ()
        "There is a logo.";
    Metadata: B29 logo_uri ALL (I04)
        "The logo, required with authorization_code, is a PNG, JPEG or GIF at an https URI.";
    Metadata: I08 logo_uri EMR ()
        "The logo's host is a public DNS name.";
    Metadata: I01 client_uri EMR ()
        "There is a page about the app.";
    Metadata: B34 client_uri ALL ()
        "The page about the app, if given, is a web page.";
    Metadata: I15 client_uri EMR ()
        "The page about the app uses https, unless the community allows http.";
    Metadata: I08 client_uri EMR ()
        "The host of the page about the app is a public DNS name.";
    Metadata: I01 tos_uri EMR ()
        "There are terms of service.";
    Metadata: B34 tos_uri ALL ()
        "The terms of service, if given, are a web page.";
    Metadata: I14 tos_uri EMR ()
        "The terms of service are at an https URI of a public host.";
    Metadata: I01 policy_uri EMR ()
        "There is a privacy policy.";
    Metadata: B34 policy_uri ALL ()
        "The privacy policy, if given, is a web page.";
    Metadata: I14 policy_uri EMR ()
        "The privacy policy is at an https URI of a public host.";
    Metadata: B33 initiate_login_uri ALL ()
        "A launch URI, if given, uses https and has no query and no fragment.";
    Metadata: B33 post_logout_redirect_uris ALL ()
        "There is one logout URI at most, with https and no fragment.";
    Metadata: B32 scope ALL ()
        "The scopes are one string, separated by spaces.";
    Metadata: B44 scope ALL ()
        "Scopes of a level that does not fit the flow are dropped.";
    Metadata: B46 scope CODE ()
        "offline_access without refresh_token is dropped.";
    Metadata: B43 scope ALL (B40 B42)
        "Scopes that the site does not list, or the community does not allow, are dropped.";
    Metadata: B41 scope ALL ()
        "At least one scope can be granted.";

    Links: I07 logo_uri ALL ()
        "The logo can be reached.";
    Links: I08 logo_uri ALL (I09)
        "The logo is served by https on the public internet.";
    Links: I10 logo_uri ALL ()
        "The logo is a PNG, JPEG or GIF, by its media type and by its octets.";
    Links: I13 logo_uri ALL ()
        "The logo does not redirect.";
    Links: I07 client_uri ALL (I11)
        "The page about the app can be reached.";
    Links: I08 client_uri ALL (I09)
        "The page about the app is served by https on the public internet.";
    Links: I13 client_uri ALL ()
        "The page about the app does not redirect.";
    Links: I07 redirect_uris CODE (I12)
        "The redirect URIs can be reached.";
    Links: I08 redirect_uris CODE (I09)
        "The redirect URIs are served by https on the public internet.";
    Links: I13 redirect_uris CODE ()
        "The redirect URIs do not redirect.";
    Links: I14 tos_uri ALL ()
        "The terms of service can be reached.";
    Links: I14 policy_uri ALL ()
        "The privacy policy can be reached.";

    Certifications: F02 certifications ALL ()
        "Certifications that the community does not recognise are ignored.";
    Certifications: F14 certifications ALL ()
        "A recognised one is signed by an algorithm that UDAP knows.";
    Certifications: F04 certifications ALL (F16)
        "The key of its own certificate made its signature.";
    Certifications: F13 certifications ALL ()
        "It has its members, well formed.";
    Certifications: F05 certifications ALL ()
        "It names its certifier and this app, is for this server, and is current.";
    Certifications: F06 certifications ALL ()
        "It lives at most three years, and not beyond its certificate.";
    Certifications: F08 certifications ALL ()
        "What is to be registered lies within what it certifies.";
    Certifications: F11 certifications ALL (F03)
        "Those that the community requires are there.";
    Certifications: F07 certifications ALL ()
        "The certifier's certificate leads to an anchor for this certification.";
    Certifications: F15 certifications ALL ()
        "Its certifier, where it can be asked, still stands to it.";

    Registry: D14 grant_types ALL ()
        "There is a registration to cancel.";
};

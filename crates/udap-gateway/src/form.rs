//! The form that OpenEMR gets (decisions 27).

use udap::token::TokenGrant;
use url::form_urlencoded::Serializer;

/// The type of client assertion (RFC 7523 §2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What is asked for, each parameter at most once, with the gateway's own assertion. Secret.
pub(crate) fn body(grant: &TokenGrant, scopes: Option<&[String]>, assertion: &str) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", grant.name());
    match grant {
        TokenGrant::ClientCredentials => {}
        TokenGrant::AuthorizationCode {
            code,
            redirect_uri,
            code_verifier,
        } => {
            form.append_pair("code", code);
            if let Some(redirect_uri) = redirect_uri {
                form.append_pair("redirect_uri", redirect_uri);
            }
            if let Some(code_verifier) = code_verifier {
                form.append_pair("code_verifier", code_verifier);
            }
        }
        TokenGrant::RefreshToken { refresh_token } => {
            form.append_pair("refresh_token", refresh_token);
        }
    }
    if let Some(scopes) = scopes {
        form.append_pair("scope", &scopes.join(" "));
    }
    form.append_pair("client_assertion_type", ASSERTION_TYPE)
        .append_pair("client_assertion", assertion);
    form.finish()
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn of(grant: &TokenGrant, scopes: Option<&[String]>) -> String {
        let body = body(grant, scopes, "a.b.c");
        let end = "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3A\
                   jwt-bearer&client_assertion=a.b.c";
        body.strip_suffix(end).unwrap().to_owned()
    }

    /// Proves: G02, G22
    #[test]
    fn what_was_asked_for_is_asked_for() {
        let secret = |text: &str| Zeroizing::new(text.to_owned());
        let scopes = ["openid".to_owned(), "system/*.$export".to_owned()];
        assert_eq!(
            of(&TokenGrant::ClientCredentials, Some(&scopes)),
            "grant_type=client_credentials&scope=openid+system%2F*.%24export"
        );
        let code = |redirect_uri: Option<&str>, code_verifier: Option<&str>| {
            TokenGrant::AuthorizationCode {
                code: secret("c&d=e"),
                redirect_uri: redirect_uri.map(str::to_owned),
                code_verifier: code_verifier.map(secret),
            }
        };
        assert_eq!(
            of(&code(Some("https://a/?b"), Some("v")), None),
            "grant_type=authorization_code&code=c%26d%3De&redirect_uri=https%3A%2F%2Fa%2F%3Fb\
             &code_verifier=v"
        );
        assert_eq!(
            of(&code(None, None), None),
            "grant_type=authorization_code&code=c%26d%3De"
        );
        let refresh = TokenGrant::RefreshToken {
            refresh_token: secret("r"),
        };
        assert_eq!(
            of(&refresh, Some(&scopes[..1])),
            "grant_type=refresh_token&refresh_token=r&scope=openid"
        );
    }
}

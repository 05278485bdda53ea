//! Requests of others, passed on unchanged (decisions 28).

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, FORWARDED,
    HOST, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE, VIA,
};
use http::{HeaderMap, Request};
use udap_axum::ForwardError;
use udap_fetch::Upstream;

use crate::answer::failure;
use crate::limits;

/// Headers that are about a connection, not about what is said over it (RFC 9110 §7.6.1).
const OF_THE_CONNECTION: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// What a request carries that has passed: one that comes by again goes round in a circle.
const PASSED: &str = "1.1 udap-gateway";

pub(crate) async fn pass(
    upstream: &Upstream,
    request: Request<Bytes>,
) -> Result<Response, ForwardError> {
    let (parts, body) = request.into_parts();
    let mut headers = parts.headers;
    if headers.get_all(VIA).iter().any(|via| via == PASSED) {
        let why = "upstream_token_url leads back to this server";
        return Err(ForwardError::Unreachable(why.into()));
    }
    take_off(&mut headers);
    headers.append(VIA, HeaderValue::from_static(PASSED));
    // It has been read whole: both are said anew.
    headers.remove(CONTENT_LENGTH);
    headers.remove(EXPECT);
    let answer = upstream.pass(
        parts.method,
        parts.uri.query(),
        headers,
        body,
        limits::PASS_TIME,
    );
    let mut answer = answer.await.map_err(failure)?.map(Body::new);
    take_off(answer.headers_mut());
    Ok(answer)
}

/// Takes off what is about the connection, and what it names, but for what a proxy says of the caller and
/// what the guard has judged by: a caller can name those, too.
fn take_off(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let named = named.iter().filter(|name| !is_kept(name));
    for name in named.chain(&OF_THE_CONNECTION) {
        headers.remove(name);
    }
}

fn is_kept(name: &HeaderName) -> bool {
    [
        AUTHORIZATION,
        CONTENT_ENCODING,
        CONTENT_TYPE,
        FORWARDED,
        HOST,
    ]
    .contains(name)
        || name.as_str().starts_with("x-forwarded-")
        || name == "x-real-ip"
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_is_about_the_connection_is_taken_off_and_the_rest_is_kept() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Hop"),
            ("connection", "x-other,,é"),
            ("connection", "Host, authorization, X-Forwarded-For"),
            ("x-forwarded-for", "192.0.2.1"),
            ("keep-alive", "5"),
            ("x-hop", "1"),
            ("x-other", "1"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("proxy-authorization", "x"),
            ("authorization", "Basic x"),
            ("cookie", "a"),
            ("cookie", "b"),
            ("host", "emr.example.org"),
        ] {
            let name = HeaderName::from_static(name);
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        take_off(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        let kept = [
            "authorization",
            "cookie",
            "host",
            "x-forwarded-for",
            "x-other",
        ];
        assert_eq!(left, kept);
        assert_eq!(headers.get_all("cookie").iter().count(), 2);
    }
}

//! What of OpenEMR's answer may be passed on (decisions 27).

use serde_json::{Map, Value};
use udap_axum::{ForwardError, Forwarded};
use udap_fetch::{Answer, FetchError};

/// OpenEMR's answer, if it is one of OAuth's: a token, or an error that is about the request.
pub(crate) fn judge(answer: Answer) -> Result<Forwarded, ForwardError> {
    let status = answer.status;
    let wrong = |why| ForwardError::Answer { status, why };
    let is_refusal = (400..500).contains(&status);
    if !(is_refusal || (200..300).contains(&status)) {
        return Err(wrong("it failed"));
    }
    let body: Map<String, Value> =
        serde_json::from_slice(&answer.body).map_err(|_| wrong("it is no JSON object"))?;
    let text = |member: &str| body.get(member).and_then(Value::as_str);
    if is_refusal {
        match text("error") {
            None => return Err(wrong("it says no error")),
            // The app has been authenticated; whom OpenEMR does not know is the gateway.
            Some("invalid_client") => return Err(ForwardError::NotAccepted),
            Some(_) => {}
        }
    } else if text("access_token").is_none_or(str::is_empty) || text("token_type").is_none() {
        return Err(wrong("there is no token in it"));
    }
    Ok(Forwarded { status, body })
}

/// Why there is no answer.
pub(crate) fn failure(error: FetchError) -> ForwardError {
    match error {
        FetchError::Timeout => ForwardError::Timeout,
        FetchError::Redirect { status, .. } => ForwardError::Answer {
            status,
            why: "it redirects",
        },
        FetchError::Status { status } => ForwardError::Answer {
            status,
            why: "it has that status",
        },
        // The status came before it, and does not matter.
        FetchError::TooLarge { .. } => ForwardError::Answer {
            status: 200,
            why: "it is larger than an answer may be",
        },
        other => ForwardError::Unreachable(other.into()),
    }
}

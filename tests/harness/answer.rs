//! What a server answers.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body as JSON; null if it has none.
    pub body: Value,
}

impl Answer {
    /// Error code and rules of a refusal.
    ///
    /// # Panics
    /// If this is none.
    #[must_use]
    pub fn refusal(&self) -> (u16, &str, Vec<&str>) {
        let error = self.body["error"]
            .as_str()
            .unwrap_or_else(|| panic!("no refusal: {self:?}"));
        let rules = self.body["errors"]
            .as_array()
            .map(|errors| {
                errors
                    .iter()
                    .filter_map(|one| one["rule"].as_str())
                    .collect()
            })
            .unwrap_or_default();
        (self.status, error, rules)
    }

    /// The `client_id` of a success.
    ///
    /// # Panics
    /// If this is none.
    #[must_use]
    pub fn client_id(&self) -> String {
        self.body["client_id"]
            .as_str()
            .unwrap_or_else(|| panic!("not registered: {self:?}"))
            .to_owned()
    }

    /// A header as text, empty if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

/// Sends a request.
///
/// # Panics
/// If there is no answer, or its body is neither empty nor JSON.
pub async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.expect("there is an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.expect("the answer is text");
    let body = if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} is not JSON: {text}"))
    };
    Answer {
        status,
        headers,
        body,
    }
}

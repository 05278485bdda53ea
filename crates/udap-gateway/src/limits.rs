//! How much time and room OpenEMR has, each with its reason.

use std::time::Duration;

/// For one token, the connection and the whole answer included. OpenEMR answers in less than a second; an
/// app's own patience ends at 30 s or so, and with what fetching revocation takes at most (15 s) this
/// must come before.
pub const FORWARD_TIME: Duration = Duration::from_secs(15);

/// Until a connection to OpenEMR stands, TLS included. It is a neighbour.
pub const CONNECT_TIME: Duration = Duration::from_secs(5);

/// Octets of an answer: an access token, an ID token and a refresh token of some KiB each (decisions 27).
pub const ANSWER_BYTES: usize = 64 * 1024;

/// For a request of others that passes the guard: OpenEMR's own clients have what patience they have.
pub const PASS_TIME: Duration = Duration::from_secs(60);

/// How long an assertion of ours lasts: it is used at once, and clocks of neighbours agree.
pub const ASSERTION_SECONDS: i64 = 60;

/// Characters of `jti` that OpenEMR's `jwt_grant_history` holds.
pub const JTI_CHARS: usize = 100;

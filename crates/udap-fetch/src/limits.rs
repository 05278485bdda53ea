//! Every cap on what goes out and what comes back, each with its reason.

use std::time::Duration;

/// Octets of a URL. Servers refuse longer request lines; honest URLs have at most
/// [`udap::limits::URI_BYTES`], and parameters may be added.
pub const URL_BYTES: usize = 8 * 1024;

/// Octets of a header of the answer that is kept (entity tag, content type, …).
pub const HEADER_BYTES: usize = 1_024;

/// Requests under way whose address a stranger chose. Each holds a socket and may last as long as
/// its bounds allow; a server fetches a handful at a time.
pub const GUARDED_IN_FLIGHT: usize = 32;

/// Requests under way to addresses that an operator chose. Counted apart, so that strangers cannot
/// hold up what goes to OpenEMR.
pub const CONFIGURED_IN_FLIGHT: usize = 64;

/// Names being looked up, for each of the two kinds of address. The system's resolver blocks a
/// thread for as long as a name server pleases, even when nobody waits any more; the runtime has
/// 512 such threads, and signatures are checked on them too.
pub const LOOKUPS_IN_FLIGHT: usize = 32;

/// The longest time for one request, whatever its bounds say.
pub const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Until a connection stands, TLS included (I09).
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Octets of an answer to an AIA request (C08).
pub const AIA_BYTES: usize = 64 * 1024;

/// For one AIA request (C08).
pub const AIA_TIME: Duration = Duration::from_secs(5);

/// Certificates taken out of one answer: as many as a statement may bring (C04).
pub const AIA_CERTIFICATES: usize = udap::limits::X5C_CERTIFICATES;

/// How long an AIA address is not asked again, whether it answered or not (decisions 2).
pub const AIA_MEMORY: Duration = Duration::from_secs(10 * 60);

/// Octets of URLs and certificates that are remembered. Ten minutes at the full rate bring at most
/// 600 answers of 64 KB from strangers; honest ones have one certificate of 1–2 KB.
pub const AIA_MEMORY_BYTES: u64 = 8 * 1024 * 1024;

/// AIA requests a minute to one host that nobody vouches for (decisions 2).
pub const AIA_PER_HOST: u32 = 10;

/// AIA requests a minute to all hosts that nobody vouches for (decisions 2).
pub const AIA_IN_ALL: u32 = 60;

/// Hosts whose rate is kept. Within a minute, the rate in all lets through far fewer.
pub const AIA_HOSTS: usize = 1_024;

/// Hosts that are vouched for: those in certificates that an operator configured or that were on a
/// trusted path. A community has a few.
pub const AIA_KNOWN_HOSTS: usize = 4_096;

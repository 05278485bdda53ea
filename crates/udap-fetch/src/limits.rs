//! Every cap on what goes out and what comes back, each with its reason.

use std::time::Duration;

/// Octets of a URL. Servers refuse longer request lines; honest URLs have at most
/// [`udap::limits::URI_BYTES`], and parameters may be added.
pub const URL_BYTES: usize = 8 * 1024;

/// Octets of a header of the answer that is kept (entity tag, content type, …).
pub const HEADER_BYTES: usize = 1_024;

/// Requests under way whose address a stranger chose. Each holds a socket and may last as long as
/// its bounds allow; a server fetches a handful at a time.
pub const GUARDED_IN_FLIGHT: usize = 64;

/// Requests under way for issuers to hosts that nobody vouches for. Counted apart: whoever sends a
/// statement chooses them.
pub const STRANGERS_IN_FLIGHT: usize = 8;

/// Requests under way to addresses that an operator chose. Counted apart, so that strangers cannot
/// hold up what goes to OpenEMR.
pub const CONFIGURED_IN_FLIGHT: usize = 64;

/// Requests under way to one [`Upstream`](crate::Upstream), and connections to it that are kept. Apache's
/// usual 150 to 256 workers have users to serve as well.
pub const UPSTREAM_IN_FLIGHT: usize = 64;

/// How long a connection to an [`Upstream`](crate::Upstream) is kept that nobody uses. Apache closes it
/// after 5 s (`KeepAliveTimeout`): it must not be used just then.
pub const UPSTREAM_IDLE: Duration = Duration::from_secs(4);

/// Names being looked up for requests to hosts that nobody vouches for.
pub const STRANGERS_LOOKUPS: usize = 8;

/// Names being looked up for requests that one CA below an anchor brings about.
pub const LOOKUPS_OF_AUTHORITY: usize = 8;

/// Names being looked up, for each of the other kinds of address. The system's resolver blocks a
/// thread for as long as a name server pleases, even when nobody waits any more; the runtime has
/// 512 such threads, and signatures are checked on them too.
pub const LOOKUPS_IN_FLIGHT: usize = 64;

/// The longest time for one request, whatever its bounds say.
pub const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Until a connection stands, TLS included (I09).
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Octets of an answer to an AIA request (C08).
pub const AIA_BYTES: usize = 64 * 1024;

/// For one AIA request (C08).
pub const AIA_TIME: Duration = Duration::from_secs(5);

/// AIA requests under way to hosts that an operator vouches for, and as many to those that a trusted
/// path does: with CRLs and OCSP together no more than [`GUARDED_IN_FLIGHT`].
pub const AIA_IN_FLIGHT: usize = 12;

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

/// Distribution points that are known. A community has a handful.
pub const CRL_ADDRESSES: usize = 10_000;

/// Of everything that all CAs use together, a CA directly below an anchor uses at most one part in so
/// many. One that turned malicious leaves the others room, and a quarter holds a few lists of a
/// million entries.
pub const SHARE_OF_CA: usize = 4;

/// Likewise all CAs below one anchor, of what is held for a moment only. Where one has more of what
/// is kept, it has to give way.
pub const SHARE_OF_ANCHOR: usize = 2;

/// CAs below anchors that are remembered to answer for one issuer. More than one is a
/// cross-certificate.
pub const OWNERS: usize = 8;

/// How long a list must not have been wanted before it makes room for another of the same CA.
pub const CRL_UNWANTED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Octets of a list beyond those that its entries account for, …
pub const CRL_OCTETS: usize = 64 * 1024;

/// … and of one entry. Most have some 40.
pub const CRL_OCTETS_OF_ENTRY: usize = 256;

/// A list counts as having an entry for each so many octets, if it has not more. So
/// [`CRL_ENTRIES_HELD`] bounds what is stored too: to a gibibyte.
pub const CRL_OCTETS_COUNTED: usize = 64;

/// How long a stored list that was refused is not looked at again.
pub const CRL_REFUSAL_MEMORY: Duration = Duration::from_secs(60 * 60);

/// CRLs being downloaded. Fewer than [`GUARDED_IN_FLIGHT`], so that servers that hang leave room
/// for other requests; and up to 64 MiB of memory each.
pub const CRL_DOWNLOADS: usize = 16;

/// CRLs being downloaded that nobody waits for.
pub const CRL_BACKGROUND_DOWNLOADS: usize = 8;

/// Entries of all lists together: 17 to 21 octets of memory each.
pub const CRL_ENTRIES_HELD: usize = 16_000_000;

/// Entries of a list that the issuer's key on the path did not sign. Another key of the same CA may
/// have; whoever sits between us and the server may too, and several such lists are kept.
pub const CRL_UNPROVEN_ENTRIES: usize = 100_000;

/// CRLs being downloaded from one host for one CA below an anchor.
pub const CRL_DOWNLOADS_PER_HOST: usize = 2;

/// CRLs being decoded. A million entries take a tenth of a second of the processor.
pub const CRL_DECODINGS: usize = 1;

/// For one CRL that a statement waits for. Shorter than [`udap::limits::FETCH_TIME`], so that the second address
/// gets its turn if the first one hangs.
pub const CRL_TIME: Duration = Duration::from_secs(7);

/// For one CRL that nobody waits for: 64 MiB at four megabits a second.
pub const CRL_BACKGROUND_TIME: Duration = Duration::from_secs(120);

/// How long an address is not asked again, whatever it answered (decisions 22).
pub const CRL_FAILURE_MEMORY: Duration = Duration::from_secs(10);

/// How long an address is not asked again in the background.
pub const CRL_RETRY: Duration = Duration::from_secs(60);

/// How long an address that gave no list is asked in the background once somebody needed it.
pub const CRL_WANTED: Duration = Duration::from_secs(60 * 60);

/// How long a list is kept once it has lapsed: what it revokes stays revoked.
pub const CRL_KEPT_AFTER_LAPSE: time::Duration = time::Duration::days(90);

/// For one request to an OCSP responder.
pub const OCSP_TIME: Duration = Duration::from_secs(5);

/// OCSP requests under way.
pub const OCSP_IN_FLIGHT: usize = 16;

/// OCSP requests under way to one host for one CA below an anchor.
pub const OCSP_PER_HOST: usize = 4;

/// OCSP answers that are kept: some two kilobytes each.
pub const OCSP_ANSWERS: usize = 10_000;

/// Links of one app that are visited at a time (decisions 19).
pub const LINKS_AT_A_TIME: usize = 8;

/// For all links of one app (decisions 19).
pub const LINKS_TIME: Duration = Duration::from_secs(10);

/// For one link: if the first [`LINKS_AT_A_TIME`] hang, as many others still have their turn within
/// [`LINKS_TIME`]. An app has at most fourteen under `emr-direct`.
pub const LINK_TIME: Duration = Duration::from_secs(5);

/// Octets of a logo (I09).
pub const LOGO_BYTES: usize = 2 * 1024 * 1024;

/// Links being visited. Counted apart, so that hosts that hang hold up neither revocation lists nor
/// issuers. The apps of one anchor together get one part in [`SHARE_OF_ANCHOR`], and one app one in
/// [`SHARE_OF_CA`].
pub const LINKS_IN_FLIGHT: usize = 64;

/// Links of one app being visited at one host: all that it has may be there.
pub const LINKS_PER_HOST: usize = LINKS_AT_A_TIME;

/// Names of links being looked up. Counted apart as well, for lookups last longer than requests.
pub const LINK_LOOKUPS: usize = 32;

/// Names of one app's links being looked up: even with keys enough, one that names hosts which never
/// answer has to change it often to take what all apps of its anchor share.
pub const LINK_LOOKUPS_OF_APP: usize = 3;

/// How long the lookup of a link's name waits for its turn. Longer, and [`LINK_TIME`] would be up: what
/// was not looked up must not look like a host that does not answer.
pub const LINK_LOOKUP_PATIENCE: Duration = Duration::from_secs(3);

/// How long it is remembered that a link is live (I24).
pub const LINK_MEMORY: Duration = Duration::from_secs(10 * 60);

/// How long it is remembered that it is not: a host is not asked by every retry of an app in haste, and
/// whoever comes back after [`udap::limits::LINK_RETRY_SECONDS`] finds it forgotten.
pub const LINK_FAULT_MEMORY: Duration = Duration::from_secs(60);

/// Links that are remembered: some 100 octets each, 2 KiB at most.
pub const LINKS_REMEMBERED: usize = 10_000;

/// Hosts whose rate is kept. Within a minute, the rate in all lets through far fewer.
pub const AIA_HOSTS: usize = 1_024;

/// Hosts that one certificate of a trusted path vouches for.
pub const AIA_HOSTS_OF_CERTIFICATE: usize = 8;

/// Hosts that are vouched for: those in certificates that an operator configured, and as many in
/// certificates that were on a trusted path. A community has a few.
pub const AIA_KNOWN_HOSTS: usize = 4_096;

/// For asking certifiers about the certifications of one request, all at once.
pub const STATUS_TIME: Duration = Duration::from_secs(5);

/// Certifiers being asked. The apps of one anchor together get one part in [`SHARE_OF_ANCHOR`], and one
/// app one in [`SHARE_OF_CA`].
pub const STATUSES_IN_FLIGHT: usize = 32;

/// Questions of one app to one host: all of one request may be for one certifier.
pub const STATUSES_PER_HOST: usize = udap::limits::CERTIFICATIONS;

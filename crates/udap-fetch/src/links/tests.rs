//! Which links are live, and how they are visited.

mod site;

use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{advance, pause, resume, sleep};
use udap::rules::LinkKind;

use self::site::{HOST, Names, OTHER_HOST, Site, authority, callbacks, check};
use super::*;
use crate::allow_host::AllowHost;
use crate::fetcher::FetchOptions;
use crate::resolver::Resolver;
use crate::support::Server;
use crate::target::Ports;

/// Public by its number, but given to nobody: nothing answers there.
const NOWHERE: &str = "2d00::1";

/// Proves: I07, I09, I10, I11, I12, I13, I14
#[tokio::test]
async fn links_are_visited_and_judged_by_their_kind() {
    use LinkFault::{Redirects, Unreachable, WrongKind};
    use LinkKind::{Client, Logo, Policy, Redirect, Terms};
    let site = Site::start().await;
    let links = site.links();
    for (kind, path, fault) in [
        (Logo, "/png", None),
        (Logo, "/png?version=2", None),
        (Logo, "/largest.png", None),
        (Logo, "/too-large.png", Some(WrongKind)),
        (Logo, "/png-as-html", Some(WrongKind)),
        (Logo, "/html-as-png", Some(WrongKind)),
        (Logo, "/twice", Some(WrongKind)),
        (Logo, "/302?to=/png", Some(Redirects)),
        (Logo, "/404", Some(Unreachable)),
        (Client, "/about", None),
        (Client, "/too-large.png", None),
        (Client, "/204", None),
        (Client, "/302?to=/about", Some(Redirects)),
        (Client, "/307", Some(Redirects)),
        (Client, "/401", Some(Unreachable)),
        (Client, "/500", Some(Unreachable)),
        (Redirect(0), "/cb?tenant=1&x", None),
        (Redirect(0), "/400", None),
        (Redirect(0), "/401", None),
        (Redirect(0), "/301", Some(Redirects)),
        (Redirect(0), "/404", Some(Unreachable)),
        (Redirect(0), "/410", Some(Unreachable)),
        (Redirect(0), "/500", Some(Unreachable)),
        (Terms, "/302", None),
        (Policy, "/200", None),
        (Policy, "/404", Some(Unreachable)),
    ] {
        let found = check(&links, kind, &site.url(path)).await;
        assert_eq!(found, fault, "{kind:?} {path}");
    }
    let seen = site.seen.lock().unwrap();
    assert!(seen.contains(&"/cb?tenant=1&x".to_owned()), "as it stands");
    assert_eq!(seen.len(), 26, "nothing is followed: {seen:?}");
}

/// Proves: I07, I09
#[tokio::test]
async fn what_cannot_be_trusted_or_found_is_unreachable() {
    let site = Site::start().await;
    let page = site.url("/");
    // Its certificate is nobody's.
    let allowed = format!("{HOST}:{}", site.address.port());
    let options = FetchOptions {
        allow_hosts: vec![AllowHost::parse(&allowed).unwrap()],
        ..FetchOptions::default()
    };
    let stranger = Fetcher::with_resolver(&options, Names::always(&["127.0.0.1"])).unwrap();
    let unreachable = Some(LinkFault::Unreachable);
    let found = check(&Links::new(stranger), LinkKind::Client, &page).await;
    assert_eq!(found, unreachable);
    let nameless = site.links_by(Names::always(&[]));
    let found = check(&nameless, LinkKind::Client, &page).await;
    assert_eq!(found, unreachable, "no such name");
    assert_eq!(site.requests(), 0);
    // An allowed host is asked by https all the same, and at its port only.
    let plain = page.replace("https:", "http:");
    let other_port = "https://app.example.org:444/";
    for url in [plain.as_str(), other_port, "https://app.example.org:80/"] {
        let found = check(&site.links(), LinkKind::Client, url).await;
        assert_eq!(found, Some(LinkFault::NotPublic), "{url}");
    }
    assert_eq!(check(&site.links(), LinkKind::Client, &page).await, None);
}

/// Proves: N14, I08, I09
#[tokio::test]
async fn no_link_leads_inside() {
    let canary = Server::canary().await;
    let port = canary.port();
    // To whom the canary's port is the usual one, so that nothing but the address guards it.
    let ports = Ports {
        http: port,
        https: port,
    };
    let links = |names: Arc<dyn Resolver>| {
        Links::new(Fetcher::build(&FetchOptions::default(), names, ports).unwrap())
    };
    let kinds = [
        LinkKind::Logo,
        LinkKind::Client,
        LinkKind::Redirect(0),
        LinkKind::Terms,
        LinkKind::Policy,
    ];
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "%31%32%37.0.0.1",
        "①②⑦.⓪.⓪.①",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[::]",
        "10.1.2.3",
        "192.168.0.1",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "[fd00::1]",
        "[fe80::1]",
    ] {
        let links = links(Arc::new(crate::resolver::SystemResolver));
        for kind in kinds {
            let found = check(&links, kind, &format!("https://{host}:{port}/")).await;
            assert_eq!(found, Some(LinkFault::NotPublic), "{host}");
        }
    }
    let page = format!("https://{HOST}:{port}/");
    for addresses in [
        ["127.0.0.1"].as_slice(),
        &[NOWHERE, "127.0.0.1"],
        &["127.0.0.1", NOWHERE],
        &["10.0.0.1"],
        &["169.254.169.254"],
        &["::1"],
        &["fd00::1"],
        &["fd00:ec2::254"],
        &["::ffff:127.0.0.1"],
    ] {
        let links = links(Names::always(addresses));
        for kind in kinds {
            let found = check(&links, kind, &page).await;
            assert_eq!(found, Some(LinkFault::NotPublic), "{addresses:?}");
        }
    }
    // What a name is when it is checked is what is connected to.
    let names = Names::new(&[NOWHERE], &["127.0.0.1"]);
    let links = links(names.clone());
    let found = check(&links, LinkKind::Client, &page).await;
    assert_eq!(found, Some(LinkFault::Unreachable));
    assert_eq!(names.lookups.load(Ordering::SeqCst), 1);
    let found = check(&links, LinkKind::Logo, &page).await;
    assert_eq!(found, Some(LinkFault::NotPublic));
    assert_eq!(canary.connections().await, 0);
    let url = canary.url();
    let configured = Request::configured(
        url,
        Bounds {
            bytes: 100,
            time: Duration::from_secs(5),
        },
    );
    let fetcher = Fetcher::new(&FetchOptions::default()).unwrap();
    assert!(fetcher.get(&configured).await.is_ok(), "it is alive");
}

/// Proves: N14, I13
#[tokio::test]
async fn where_a_redirect_leads_nobody_goes() {
    let canary = Server::canary().await;
    let site = Site::start().await;
    let links = site.links();
    for to in [
        canary.url(),
        format!("https://127.0.0.1:{}/", canary.port()),
        format!("//localhost:{}/", canary.port()),
        "http://169.254.169.254/latest/".to_owned(),
    ] {
        let page = site.url(&format!("/302?to={to}"));
        for kind in [LinkKind::Logo, LinkKind::Client, LinkKind::Redirect(3)] {
            let found = check(&links, kind, &page).await;
            assert_eq!(found, Some(LinkFault::Redirects));
        }
        assert_eq!(check(&links, LinkKind::Terms, &page).await, None);
    }
    assert_eq!(canary.connections().await, 0);
}

/// Proves: I24
#[tokio::test]
async fn a_link_is_visited_once_in_ten_minutes_and_a_bad_one_sooner_again() {
    let site = Site::start().await;
    let links = site.links();
    let good = site.url("/about");
    let bad = site.url("/404");
    for _ in 0..3 {
        assert_eq!(check(&links, LinkKind::Client, &good).await, None);
        let spelt_otherwise = good.replace("https://app.example", "HTTPS://APP.Example");
        assert_eq!(
            check(&links, LinkKind::Client, &spelt_otherwise).await,
            None
        );
        assert!(check(&links, LinkKind::Client, &bad).await.is_some());
    }
    assert_eq!(site.requests(), 2);
    assert!(check(&links, LinkKind::Logo, &good).await.is_some());
    assert_eq!(site.requests(), 3, "a logo is something else");
    let return_after = Duration::from_secs(udap::limits::LINK_RETRY_SECONDS.into());
    for (passes, requests) in [(return_after, 4), (Duration::from_secs(300), 6)] {
        pause();
        advance(passes).await;
        resume();
        assert_eq!(check(&links, LinkKind::Client, &good).await, None);
        assert!(check(&links, LinkKind::Client, &bad).await.is_some());
        assert_eq!(site.requests(), requests);
    }
}

#[tokio::test]
async fn who_asks_for_one_link_at_once_waits_for_one_visit() {
    let site = Site::start().await;
    let links = site.links();
    let url = site.url("/slow");
    let mut asked = JoinSet::new();
    for app in 0..6 {
        let (links, all) = (links.clone(), callbacks([url.clone()]));
        asked.spawn(async move { links.check(authority(app), &all).await });
    }
    for reports in asked.join_all().await {
        assert_eq!(reports[0].fault, None);
    }
    assert_eq!(site.requests(), 1);
}

/// Proves: I09
#[tokio::test]
async fn all_links_of_an_app_share_one_time_and_what_was_not_reached_is_no_pass() {
    let site = Site::start().await;
    let links = site.links();
    // Eight hang for as long as a link may, eight take two seconds; for eight more too little time is
    // left, and for the last one none.
    let paths = (0..8).map(|number| format!("/hang?{number}"));
    let paths = paths.chain((0..8).map(|number| format!("/two-seconds?{number}")));
    let paths = paths.chain((8..16).map(|number| format!("/hang?{number}")));
    let paths = paths.chain(["/cb".to_owned()]);
    let all = callbacks(paths.map(|path| site.url(&path)));
    let started = Instant::now();
    let reports = links.check(authority(1), &all).await;
    let taken = started.elapsed();
    assert!(
        taken < limits::LINKS_TIME + Duration::from_secs(1),
        "{taken:?}"
    );
    assert_eq!(reports.len(), all.len());
    for report in &reports {
        let fault = match report.link.kind {
            LinkKind::Redirect(0..8) => Some(LinkFault::Unreachable),
            LinkKind::Redirect(8..16) => None,
            _ => Some(LinkFault::NotChecked),
        };
        assert_eq!(report.fault, fault, "{:?}", report.link);
    }
    // What there was no time for is not remembered to be bad.
    let again = [all[16].clone(), all[24].clone()];
    for report in links.check(authority(1), &again).await {
        let fault = match report.link.kind {
            LinkKind::Redirect(16) => Some(LinkFault::Unreachable),
            _ => None,
        };
        assert_eq!(report.fault, fault, "{:?}", report.link);
    }
}

/// Proves: I09
#[tokio::test]
async fn eight_links_of_a_registration_are_visited_at_a_time() {
    let site = Site::start().await;
    let links = site.links();
    let urls = (0..10).map(|number| site.url(&format!("/hang?{number}")));
    let others = urls.clone().map(|url| url.replace(HOST, OTHER_HOST));
    let all = callbacks(urls.chain(others));
    let visits = tokio::spawn(async move { links.check(authority(1), &all).await });
    let at_a_time = limits::LINKS_AT_A_TIME;
    assert_eq!(site.settled(at_a_time).await, at_a_time);
    visits.abort();
}

/// Neither an app with hosts that hang nor all apps of an anchor take every place, nor any of those
/// that revocation lists need.
#[tokio::test]
async fn apps_whose_hosts_hang_do_not_hold_up_others() {
    let site = Site::start().await;
    let fetcher = site.fetcher(Names::always(&["127.0.0.1"]));
    let links = Links::new(fetcher.clone());
    let mut hanging = JoinSet::new();
    for app in 1..=20 {
        for statement in 0..4 {
            let urls = (0..8).map(|number| site.url(&format!("/hang?{app}-{statement}-{number}")));
            let (links, all) = (links.clone(), callbacks(urls));
            hanging.spawn(async move { links.check(authority(app), &all).await });
        }
        if app == 1 {
            let share = limits::LINKS_PER_HOST;
            assert_eq!(site.settled(share).await, share, "one app at one host");
            // Nor does it keep others waiting for a link that it wants as well.
            let good = callbacks([site.url("/cb")]);
            let (same, of_all) = (links.clone(), good.clone());
            hanging.spawn(async move { same.check(authority(1), &of_all).await });
            sleep(Duration::from_millis(50)).await;
            assert_eq!(links.check(authority(99), &good).await[0].fault, None);
        }
    }
    let share = limits::LINKS_IN_FLIGHT / limits::SHARE_OF_ANCHOR + 1;
    assert_eq!(site.settled(share).await, share, "all apps of one anchor");
    let of_another = Authority {
        anchor: [7; 32],
        ca: [7; 32],
    };
    let good = callbacks([site.url("/about")]);
    assert_eq!(links.check(of_another, &good).await[0].fault, None);
    for app in 0..10 {
        let urls = (0..8).map(|number| site.url(&format!("/hang?other-{app}-{number}")));
        let (links, all) = (links.clone(), callbacks(urls));
        let authority = Authority {
            anchor: [7; 32],
            ca: [app; 32],
        };
        hanging.spawn(async move { links.check(authority, &all).await });
    }
    let all = limits::LINKS_IN_FLIGHT + 2;
    assert!(site.settled(all).await >= all, "every place is taken");
    let bounds = Bounds {
        bytes: 100,
        time: Duration::from_secs(2),
    };
    let list = Request::guarded(site.url("/list.crl"), bounds);
    assert!(fetcher.get(&list).await.is_ok());
    hanging.abort_all();
}

#[test]
fn the_bounds_fit_each_other() {
    assert!(limits::LINK_FAULT_MEMORY.as_secs() < udap::limits::LINK_RETRY_SECONDS.into());
    assert!(limits::LINK_TIME * 2 <= limits::LINKS_TIME);
    let most = udap::limits::REDIRECT_URIS_CHECKED + 4;
    assert!(most <= limits::LINKS_AT_A_TIME * 2);
}

/// A resolver that never answers for some names.
struct Hanging;

#[async_trait]
impl Resolver for Hanging {
    async fn lookup(&self, name: &str) -> std::io::Result<Vec<std::net::IpAddr>> {
        if name.starts_with("hangs") {
            std::future::pending::<()>().await;
        }
        Ok(vec![std::net::Ipv4Addr::LOCALHOST.into()])
    }
}

/// Names that nobody answers for take one app's turns, then those of its anchor; whoever has to wait
/// for them is told that it was not checked, and nobody remembers otherwise.
#[tokio::test]
async fn a_name_that_had_no_turn_is_not_checked_and_not_remembered() {
    let fetcher = Fetcher::with_resolver(&FetchOptions::default(), Arc::new(Hanging)).unwrap();
    let links = Links::new(fetcher);
    let one = |host: &str| callbacks([format!("https://{host}.example.com/cb")]);
    let hang = async |app| {
        let urls = (0..8).map(|number| format!("https://hangs-{app}-{number}.example.com/"));
        links.check(authority(app), &callbacks(urls)).await
    };
    let faults: Vec<_> = hang(1).await.iter().map(|report| report.fault).collect();
    let asked = faults
        .iter()
        .filter(|fault| **fault == Some(LinkFault::Unreachable));
    assert_eq!(asked.count(), limits::LINK_LOOKUPS_OF_APP, "{faults:?}");
    // Loopback is found: there was a turn for others.
    let found = Some(LinkFault::NotPublic);
    assert_eq!(
        links.check(authority(99), &one("one")).await[0].fault,
        found
    );
    let apps = limits::LINK_LOOKUPS / limits::SHARE_OF_ANCHOR / limits::LINK_LOOKUPS_OF_APP;
    for app in 2..=u8::try_from(apps).unwrap() + 1 {
        hang(app).await;
    }
    let reports = links.check(authority(99), &one("two")).await;
    assert_eq!(reports[0].fault, Some(LinkFault::NotChecked));
    let of_another = Authority {
        anchor: [7; 32],
        ca: [7; 32],
    };
    assert_eq!(links.check(of_another, &one("two")).await[0].fault, found);
}

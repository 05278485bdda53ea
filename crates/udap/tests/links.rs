//! What an app is told of its links.

mod support;

use support::{APP, ENDPOINT, NOW, Verdict, World, community, crl_store};
use udap::error::Refusal;
use udap::limits;
use udap::registrar::{LinkFault, LinkReport};
use udap::rules::{Link, LinkChecks, LinkKind, Profile};
use udap::site::TokenMode;
use udap_testkit::{StatementBuilder, TestCommunity};

fn world(of: &TestCommunity, checks: LinkChecks) -> World {
    let mut community = community(of);
    community.profile = Profile::EmrDirect;
    community.link_checks = checks;
    World::with(TokenMode::Gateway, vec![community], crl_store(&[of]))
}

fn app(of: &TestCommunity) -> StatementBuilder {
    let statement = of.client(APP).statement(ENDPOINT, NOW);
    statement.authorization_code().emr_direct()
}

/// All live but those of one kind.
fn all_but(kind: LinkKind, fault: LinkFault) -> impl Fn(&[Link]) -> Vec<LinkReport> {
    move |links| {
        let report = |link: &Link| LinkReport {
            link: link.clone(),
            fault: (link.kind == kind).then_some(fault),
        };
        links.iter().map(report).collect()
    }
}

fn refusal(verdict: Verdict) -> Refusal {
    match verdict {
        Verdict::RefusedAfterTrust(refusal) => refusal,
        other => panic!("not refused after trust: {other:?}"),
    }
}

/// Proves: I07, I08, I10, I11, I12, I13, I14
#[test]
fn each_fault_names_the_claim_and_its_rule() {
    use LinkFault::{NotChecked, NotPublic, Redirects, Unreachable, WrongKind};
    use LinkKind::{Client, Logo, Policy, Redirect, Terms};
    const ICM: &str = "invalid_client_metadata";
    const IRU: &str = "invalid_redirect_uri";
    let of = TestCommunity::new("one", NOW);
    let world = world(&of, LinkChecks::All);
    for (kind, fault, error, pointer, rule) in [
        (Logo, Unreachable, ICM, "/logo_uri", "I07"),
        (Logo, Redirects, ICM, "/logo_uri", "I13"),
        (Logo, WrongKind, ICM, "/logo_uri", "I10"),
        (Logo, NotPublic, ICM, "/logo_uri", "I08"),
        (Logo, NotChecked, ICM, "/logo_uri", "I07"),
        (Client, Unreachable, ICM, "/client_uri", "I07"),
        (Client, Redirects, ICM, "/client_uri", "I13"),
        (Client, WrongKind, ICM, "/client_uri", "I11"),
        (Client, NotPublic, ICM, "/client_uri", "I08"),
        (Terms, Unreachable, ICM, "/tos_uri", "I14"),
        (Policy, NotPublic, ICM, "/policy_uri", "I14"),
        (Redirect(0), Unreachable, IRU, "/redirect_uris/0", "I07"),
        (Redirect(0), Redirects, IRU, "/redirect_uris/0", "I13"),
        (Redirect(0), WrongKind, IRU, "/redirect_uris/0", "I12"),
        (Redirect(0), NotPublic, IRU, "/redirect_uris/0", "I08"),
        (Redirect(0), NotChecked, IRU, "/redirect_uris/0", "I07"),
    ] {
        let refusal = refusal(world.post_with_links(&app(&of), all_but(kind, fault)));
        let [violation] = refusal.violations() else {
            panic!("{kind:?} {fault:?}: {refusal:?}");
        };
        assert_eq!(
            (
                refusal.code().as_str(),
                violation.pointer.as_str(),
                violation.rule
            ),
            (error, pointer, rule),
            "{kind:?} {fault:?}"
        );
        let comes_back = matches!(fault, Unreachable | NotChecked);
        assert_eq!(
            refusal.retry_after_seconds(),
            comes_back.then_some(limits::LINK_RETRY_SECONDS)
        );
    }
}

/// Proves: I07
#[test]
fn a_link_that_nobody_reports_on_is_no_pass() {
    let of = TestCommunity::new("one", NOW);
    let world = world(&of, LinkChecks::On);
    let live = |links: &[Link]| all_but(LinkKind::Redirect(9), LinkFault::NotChecked)(links);
    world.post_with_links(&app(&of), live).approved();
    for missing in 0..3 {
        let verdict = world.post_with_links(&app(&of), |links| {
            assert_eq!(links.len(), 3);
            let mut reports = live(links);
            reports.remove(missing);
            reports
        });
        assert_eq!(refusal(verdict).violations().len(), 1);
    }
    // A report on another URL says nothing of ours.
    let verdict = world.post_with_links(&app(&of), |links| {
        let mut reports = live(links);
        reports[0].link.url.push('x');
        reports
    });
    assert_eq!(refusal(verdict).violations()[0].rule, "I07");
}

/// Proves: I14, I24
#[test]
fn only_the_links_that_are_asked_for_are_visited() {
    let of = TestCommunity::new("one", NOW);
    for (checks, count) in [(LinkChecks::On, 3), (LinkChecks::All, 5)] {
        let verdict = world(&of, checks).post_with_links(&app(&of), |links| {
            assert_eq!(links.len(), count, "{checks:?}");
            Vec::new()
        });
        assert_eq!(refusal(verdict).violations().len(), count);
    }
    let unvisited = world(&of, LinkChecks::Off)
        .post_with_links(&app(&of), |_| unreachable!("nothing is to be visited"));
    unvisited.approved();
    // What breaks a rule is refused before anything is visited.
    let faulty = app(&of).without("client_name");
    let verdict = world(&of, LinkChecks::All)
        .post_with_links(&faulty, |_| unreachable!("its metadata is not clean"));
    assert_eq!(refusal(verdict).violations()[0].rule, "B20");
}

//! The scope claim under any ceiling: the claim on the first line, then a pattern a line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use udap::rules::{Grant, GrantsOffered};
use udap::scope::{Level, Scope, ScopePattern, ScopePolicy};
use udap_fuzz::invariants;
use udap_fuzz::world::SCOPES;

const GRANTS: [Grant; 3] = [
    Grant::ClientCredentials,
    Grant::AuthorizationCode { refresh: true },
    Grant::AuthorizationCode { refresh: false },
];

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut lines = text.split('\n');
    let claim = lines.next().unwrap_or_default();
    let patterns: Vec<ScopePattern> = lines.filter_map(|line| line.parse().ok()).collect();
    for pattern in &patterns {
        assert_eq!(
            pattern.as_str().parse::<ScopePattern>().as_ref(),
            Ok(pattern)
        );
        assert_eq!(pattern.to_string(), pattern.as_str());
    }
    for token in claim.split(' ') {
        if let Ok(scope) = token.parse::<Scope>() {
            assert_eq!(scope.as_str(), token);
            assert!(scope.is_equivalent(&scope));
            // A scope is a pattern of itself.
            let itself: ScopePattern = token.parse().expect("it is a pattern too");
            assert!(itself.covers(&scope) && itself.names(&scope));
        }
    }
    // A site that lists all that is asked for, hostile names too.
    let wide: Vec<&str> = SCOPES
        .into_iter()
        .chain(claim.split(' ').take(64))
        .collect();
    for site in [&SCOPES[..], &wide] {
        for ceiling in [None, Some(patterns.as_slice())] {
            check(&ScopePolicy::new(site, ceiling), site, ceiling, claim);
        }
    }
});

fn check(policy: &ScopePolicy, site: &[&str], ceiling: Option<&[ScopePattern]>, claim: &str) {
    for grant in GRANTS {
        let Ok(granted) = policy.grant(claim, &grant) else {
            continue;
        };
        invariants::scopes(&granted, site, grant);
        for scope in granted.granted() {
            let patterns = ceiling.unwrap_or_default();
            if ceiling.is_some() {
                assert!(patterns.iter().any(|pattern| pattern.covers(scope)));
            }
            if scope.writes() || scope.is_operation() {
                assert!(patterns.iter().any(|pattern| pattern.names(scope)));
            }
        }
        // Asking for what was granted grants no more.
        let again = policy
            .grant(&granted.text(), &grant)
            .expect("it is granted again");
        assert_eq!(again.granted(), granted.granted());
        assert!(again.dropped().is_empty());
    }
    // What discovery lists is granted to whom it fits.
    let supported = policy.supported_for(GrantsOffered {
        authorization_code: true,
        client_credentials: true,
    });
    for text in supported {
        let system = match text.parse::<Scope>() {
            Ok(scope) => scope.level() == Some(Level::System),
            Err(_) => text.starts_with("system/"),
        };
        let grant = if system { GRANTS[0] } else { GRANTS[1] };
        assert!(
            policy
                .grant(text, &grant)
                .is_ok_and(|granted| granted.dropped().is_empty())
        );
    }
}

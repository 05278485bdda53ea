//! What works but ought to be known.

use super::{
    network,
    settings::{Community, Config, Enable, LinkChecks, Profile, Revocation, Scopes, Site, Warning},
};

impl Config {
    /// Everything that `udap config check` and the start of the server should point out, in the file's order.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        let mut warnings = self.notes.clone();
        let mut warn = |text: String| warnings.push(Warning(text));
        self.warn_of_listeners(&mut warn);
        if self.audit_key_file.is_none() {
            warn("audit_key_file is not set: the audit log is a plain hash chain, which whoever may write the \
                  database can rewrite".to_owned());
        }
        for site in &self.sites {
            self.warn_of_site(site, &mut warn);
        }
        for community in &self.communities {
            self.warn_of_community(community, &mut warn);
        }
        for entry in self
            .fetch
            .allow_hosts
            .iter()
            .filter(|entry| entry.opens_the_inside())
        {
            warn(format!(
                "[fetch]: allow_hosts names {entry}, inside the local network, without a port: any of its ports can be \
                 asked by what a certificate says; write {entry}:PORT"
            ));
        }
        self.warn_of_limits(&mut warn);
        warnings
    }

    fn warn_of_listeners(&self, warn: &mut impl FnMut(String)) {
        if self.public_url.starts_with("http:") {
            warn("public_url is plain http: apps on other machines cannot reach it".to_owned());
        }
        if !network::is_loopback_address(self.admin_listen) {
            warn(format!(
                "admin_listen, {}, can be reached from other machines: health and metrics are not for the public",
                self.admin_listen
            ));
        }
        if self.tls.is_none() && !network::is_loopback_address(self.listen) {
            warn(format!(
                "listen, {}, offers plain HTTP to other machines: only the proxy that adds TLS may reach it",
                self.listen
            ));
        }
    }

    fn warn_of_site(&self, site: &Site, warn: &mut impl FnMut(String)) {
        let name = format!("[[site]] {:?}", site.id);
        if site.fhir_base_url.starts_with("http:") || site.token_endpoint.starts_with("http:") {
            warn(format!(
                "{name}: its addresses are plain http: good for trials on this machine only"
            ));
        }
        if self.communities_of(site).next().is_none() {
            warn(format!(
                "{name}: no community serves it, so discovery answers 404 and nobody can register"
            ));
        }
        if site.is_gateway() {
            if site.guarded_path.is_none() && site.authorization_endpoint.is_some() {
                warn(format!(
                    "{name}: without token_guard, authorization_code apps are refused below OpenEMR 8.5, whose own token \
                     endpoint could be reached around the gateway"
                ));
            }
        } else {
            warn(format!(
                "{name}: token_mode \"direct\" does not conform to UDAP (RS384 only, certificates unchecked at each \
                 token); \"gateway\" is recommended"
            ));
            if site.guarded_path.is_some() {
                warn(format!(
                    "{name}: token_guard with token_mode \"direct\" refuses every token request of our own apps"
                ));
            }
        }
        if site.guarded_path.is_some() && site.upstream_token_url.as_str() == site.token_endpoint {
            warn(format!(
                "{name}: token_guard is on and upstream_token_url is token_endpoint: unless this machine reaches OpenEMR \
                 itself under that address, requests go round in a circle"
            ));
        }
        if site.upstream_token_file.is_some() && site.upstream_registration_endpoint.is_none() {
            warn(format!(
                "{name}: upstream_token_file has no effect without upstream_registration_endpoint"
            ));
        }
    }

    fn warn_of_community(&self, community: &Community, warn: &mut impl FnMut(String)) {
        let name = format!("[[community]] {:?}", community.id);
        match community.revocation {
            Revocation::Required => {}
            Revocation::WhenAvailable => warn(format!(
                "{name}: revocation \"when-available\" accepts a certificate whose status cannot be learnt"
            )),
            Revocation::Off => warn(format!(
                "{name}: revocation is off: revoked apps register and stay registered"
            )),
        }
        if community.profile == Profile::EmrDirect && community.link_checks == LinkChecks::Off {
            warn(format!(
                "{name}: link_checks is off, which the profile \"emr-direct\" asks for"
            ));
        }
        if community.allow_http_pages && community.link_checks != LinkChecks::Off {
            warn(format!(
                "{name}: allow_http_pages admits client_uri over http, which link_checks refuses"
            ));
        }
        let discovers =
            |site: &Site| community.sites.contains(&site.id) && site.scopes == Scopes::Discover;
        if community.enable == Enable::All
            && community.scopes.is_none()
            && self.sites.iter().any(discovers)
        {
            warn(format!(
                "{name}: enable \"all\" without scopes switches on every app for whatever OpenEMR offers; set a ceiling"
            ));
        }
        for prefix in &community.client_uris {
            let after_host = prefix.split_once("://").map_or("/", |(_, rest)| rest);
            if !after_host.contains('/') {
                warn(format!(
                    "{name}: client_uris has {prefix:?}, which also admits hosts that merely begin so; end it in a slash"
                ));
            }
        }
    }

    fn warn_of_limits(&self, warn: &mut impl FnMut(String)) {
        let limits = &self.limits;
        for (key, rate) in [
            ("registrations_per_minute", limits.registrations_per_minute),
            (
                "statements_per_client_per_minute",
                limits.statements_per_client_per_minute,
            ),
            ("tokens_per_minute", limits.tokens_per_minute),
        ] {
            if rate.is_none() {
                warn(format!("[limits]: {key} is 0: not limited"));
            }
        }
        if limits
            .trusted_proxies
            .iter()
            .any(|net| net.prefix_len() == 0)
        {
            warn("[limits]: trusted_proxies trusts every address: anyone can pretend to be another in \
                  X-Forwarded-For".to_owned());
        }
        if self.tls.is_none()
            && !network::is_loopback_address(self.listen)
            && limits.trusted_proxies.is_empty()
        {
            warn("[limits]: trusted_proxies is empty: all apps behind the proxy share one rate limit".to_owned());
        }
    }
}

//! The statements.

use serde_json::{Map, Value, json};

use crate::rules::MetadataPolicy;
use crate::rules::Profile::{EmrDirect, Hl7};
use crate::rules::fixtures::{app, policy, service, with};

/// One flaw, and who is told of it.
pub(super) struct Case {
    /// The requirements that the flaw is about.
    pub(super) about: &'static [&'static str],
    /// The rule and claim that the answer names.
    pub(super) told: (&'static str, &'static str),
    pub(super) policy: MetadataPolicy,
    pub(super) keeps: Map<String, Value>,
    pub(super) breaks: Map<String, Value>,
}

fn case(
    about: &'static [&'static str],
    told: (&'static str, &'static str),
    policy: MetadataPolicy,
    base: &Map<String, Value>,
    (kept, broken): (Value, Value),
) -> Case {
    let claim = told.1;
    Case {
        about,
        told,
        policy,
        keeps: with(base.clone(), claim, kept),
        breaks: with(base.clone(), claim, broken),
    }
}

/// A service that says all that EMR Direct asks for.
fn strict_service() -> Map<String, Value> {
    let mut claims = app();
    claims.remove("redirect_uris");
    claims.remove("response_types");
    let claims = with(claims, "grant_types", json!(["client_credentials"]));
    with(claims, "scope", json!("system/Patient.read"))
}

pub(super) fn cases() -> Vec<Case> {
    let (hl7, strict) = (policy(Hl7), policy(EmrDirect));
    let without_services = MetadataPolicy {
        allow_client_credentials: false,
        ..strict
    };
    let (person, robot, strict_robot) = (app(), service(), strict_service());
    // `www` belongs to the app's domain and is none of its hosts.
    let contact = |address: &str| json!([format!("mailto:{address}")]);
    let cb = "https://app.example.org/cb";
    let code = json!(["authorization_code"]);
    let good_mail = contact("ops@example.org");
    let foreign = contact("ops@gmail.com");
    let cases = vec![
        case(
            &["B20", "I01"],
            ("B20", "client_name"),
            hl7,
            &robot,
            (json!("Kraken"), Value::Null),
        ),
        case(
            &["B21"],
            ("B21", "grant_types"),
            hl7,
            &person,
            (code.clone(), json!(["authorization_code", "password"])),
        ),
        case(
            &["B22"],
            ("B22", "grant_types"),
            hl7,
            &person,
            (
                code.clone(),
                json!(["authorization_code", "authorization_code"]),
            ),
        ),
        case(
            &["B23"],
            ("B23", "grant_types"),
            hl7,
            &robot,
            (
                json!(["client_credentials"]),
                json!(["client_credentials", "refresh_token"]),
            ),
        ),
        case(
            &["B25", "I01", "I03"],
            ("B25", "redirect_uris"),
            strict,
            &person,
            (json!([cb]), json!([])),
        ),
        case(
            &["B25", "I03"],
            ("B25", "redirect_uris"),
            strict,
            &person,
            (json!([cb]), Value::Null),
        ),
        case(
            &["B25", "I02"],
            ("B25", "redirect_uris"),
            strict,
            &strict_robot,
            (Value::Null, json!([cb])),
        ),
        case(
            &["B26", "I04"],
            ("B26", "redirect_uris"),
            strict,
            &person,
            (json!([cb]), json!(["http://app.example.org/cb"])),
        ),
        case(
            &["B27"],
            ("B27", "redirect_uris"),
            hl7,
            &person,
            (json!([cb]), json!(["https://app.example.org/cb#x"])),
        ),
        case(
            &["I05"],
            ("I05", "redirect_uris"),
            strict,
            &person,
            (json!([cb]), json!([cb, "org.example.app:/cb"])),
        ),
        case(
            &["I06"],
            ("I06", "redirect_uris"),
            strict,
            &person,
            (json!([cb]), json!([cb, "https://localhost/cb"])),
        ),
        case(
            &["I06"],
            ("I06", "redirect_uris"),
            strict,
            &person,
            (json!([cb]), json!([cb, "https://[::ffff:127.0.0.1]/cb"])),
        ),
        case(
            &["I08"],
            ("I08", "redirect_uris"),
            strict,
            &person,
            (json!([cb]), json!([cb, "https://192.0.2.7/cb"])),
        ),
        case(
            &["I08"],
            ("I08", "redirect_uris"),
            strict,
            &person,
            (json!([cb]), json!([cb, "https://app.internal/cb"])),
        ),
        case(
            &["B30"],
            ("B30", "response_types"),
            hl7,
            &person,
            (json!(["code"]), json!(["code", "token"])),
        ),
        case(
            &["B31"],
            ("B31", "token_endpoint_auth_method"),
            hl7,
            &robot,
            (json!("private_key_jwt"), json!("none")),
        ),
        case(
            &["B28", "I01"],
            ("B28", "contacts"),
            hl7,
            &robot,
            (good_mail.clone(), json!(["https://example.org/help"])),
        ),
        case(
            &["B28", "I19"],
            ("B28", "contacts"),
            hl7,
            &robot,
            (
                contact("a@example.org,b@example.org?subject=x"),
                contact("a@example.org,b@example"),
            ),
        ),
        case(
            &["B28", "I20"],
            ("B28", "contacts"),
            strict,
            &person,
            (
                good_mail.clone(),
                json!(["mailto:ops@example.org", "ops@example.org"]),
            ),
        ),
        case(
            &["I16", "I19"],
            ("I16", "contacts"),
            strict,
            &person,
            (contact("me@gmail.com,ops@example.org"), foreign.clone()),
        ),
        case(
            &["I17"],
            ("I16", "contacts"),
            strict,
            &person,
            (
                contact("ops@mail.example.org"),
                contact("ops@badexample.org"),
            ),
        ),
        case(
            &["I18"],
            ("I16", "contacts"),
            strict,
            &with(
                person.clone(),
                "client_uri",
                json!("https://xn--bcher-kva.de/"),
            ),
            (contact("ops@B%C3%BCcher.de"), contact("ops@bucher.de")),
        ),
        case(
            &["I18"],
            ("I16", "contacts"),
            strict,
            &hosted("https://me.github.io/"),
            (contact("ops@me.github.io"), contact("ops@you.github.io")),
        ),
        case(
            &["I21"],
            ("I16", "contacts"),
            strict,
            &with(person.clone(), "client_uri", json!("https://vendor.com/")),
            (contact("ops@vendor.com"), contact("ops@vendor.net")),
        ),
        case(
            &["I21"],
            ("I16", "contacts"),
            strict,
            &strict_robot,
            (good_mail, foreign),
        ),
        case(
            &["B29"],
            ("B29", "logo_uri"),
            hl7,
            &person,
            (
                json!("https://app.example.org/a.gif"),
                json!("https://app.example.org/a.svg"),
            ),
        ),
        case(
            &["I04"],
            ("B29", "logo_uri"),
            strict,
            &person,
            (
                json!("https://app.example.org/a.png"),
                json!("http://app.example.org/a.png"),
            ),
        ),
        case(
            &["I01", "I02"],
            ("I01", "logo_uri"),
            strict,
            &strict_robot,
            (json!("https://app.example.org/a.png"), Value::Null),
        ),
        case(
            &["I08"],
            ("I08", "logo_uri"),
            strict,
            &person,
            (
                json!("https://app.example.org/a.png"),
                json!("https://10.0.0.1/a.png"),
            ),
        ),
        case(
            &["I15"],
            ("I15", "client_uri"),
            strict,
            &person,
            (
                json!("https://app.example.org/"),
                json!("http://app.example.org/"),
            ),
        ),
        case(
            &["I08"],
            ("I08", "client_uri"),
            strict,
            &person,
            (
                json!("https://app.example.org/"),
                json!("https://app.local/"),
            ),
        ),
        case(
            &["B33"],
            ("B33", "initiate_login_uri"),
            hl7,
            &person,
            (
                json!("https://app.example.org/go"),
                json!("https://app.example.org/go?x"),
            ),
        ),
        case(
            &["B33"],
            ("B33", "post_logout_redirect_uris"),
            hl7,
            &person,
            (json!([cb]), json!([cb, "https://app.example.org/bye"])),
        ),
        case(
            &["B32"],
            ("B32", "scope"),
            hl7,
            &robot,
            (json!("system/Patient.read"), json!("")),
        ),
        case(
            &["B41"],
            ("B41", "scope"),
            hl7,
            &robot,
            (json!("system/Patient.read"), json!("system/Unheard.read")),
        ),
    ];
    let pages = ["client_uri", "tos_uri", "policy_uri"]
        .into_iter()
        .flat_map(|claim| {
            let good = json!("https://app.example.org/page");
            [
                case(
                    &["I01"],
                    ("I01", claim),
                    strict,
                    &app(),
                    (good.clone(), Value::Null),
                ),
                case(
                    &["I02"],
                    ("I01", claim),
                    strict,
                    &strict_service(),
                    (good.clone(), Value::Null),
                ),
                case(
                    &["B34"],
                    ("B34", claim),
                    hl7,
                    &app(),
                    (good, json!("ftp://app.example.org/page")),
                ),
            ]
        });
    let texts = ["tos_uri", "policy_uri"].into_iter().flat_map(|claim| {
        let good = json!("https://app.example.org/page");
        ["http://app.example.org/page", "https://10.0.0.1/page"].map(|bad| {
            case(
                &["I14"],
                ("I14", claim),
                strict,
                &app(),
                (good.clone(), json!(bad)),
            )
        })
    });
    // What is wrong here is the flow as a whole: the two statements differ in more than a claim.
    let offered = Case {
        about: &["B24", "I02"],
        told: ("B24", "grant_types"),
        policy: without_services,
        keeps: person,
        breaks: strict_robot,
    };
    cases
        .into_iter()
        .chain(pages)
        .chain(texts)
        .chain([offered])
        .collect()
}

/// An app on one host, with a page and a redirect URI there.
fn hosted(page: &str) -> Map<String, Value> {
    let claims = with(app(), "client_uri", json!(page));
    with(claims, "redirect_uris", json!([format!("{page}cb")]))
}

use std::collections::BTreeSet;

use super::*;

fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect()
}

#[test]
fn a_key_that_was_replaced_elsewhere_is_read_anew_and_the_old_one_is_still_found() {
    let folder = tempfile::tempdir().unwrap();
    let here = GatewayKeys::new([("default", folder.path()), ("other", folder.path())]);
    let site = here.site("default").unwrap();
    assert!(site.current().unwrap().is_none());
    let first = site.current_or_new().unwrap();
    assert_eq!(site.current().unwrap().unwrap().kid(), first.kid());
    assert!(site.older().unwrap().is_empty());

    let elsewhere = SiteKeys::new(folder.path(), "default");
    let second = elsewhere.replace().unwrap();
    assert_ne!(first.kid(), second.kid());
    assert_eq!(site.current().unwrap().unwrap().kid(), second.kid());
    for key in [&first, &second] {
        assert_eq!(here.key("default", key.kid()).unwrap().jwk(), key.jwk());
        assert!(here.key("other", key.kid()).is_none());
        assert!(here.key("nowhere", key.kid()).is_none());
    }
    assert_eq!(site.older().unwrap(), [first.kid()]);
    assert_eq!(
        names(folder.path()),
        BTreeSet::from([
            format!("default.{}.pem", first.kid()),
            "default.pem".to_owned()
        ])
    );
    site.remove(first.kid()).unwrap();
    assert!(here.key("default", first.kid()).is_none());
    assert_eq!(
        names(folder.path()),
        BTreeSet::from(["default.pem".to_owned()])
    );
}

#[test]
fn an_unknown_kid_is_looked_for_and_never_leaves_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("keys");
    let keys = SiteKeys::new(&directory, "default");
    let known = keys.current_or_new().unwrap();
    assert!(keys.key(known.kid()).unwrap().is_some());
    // A key of another process, under a name that nobody looked at.
    let other = GatewayKey::load_or_create(folder.path(), "default").unwrap();
    let name = format!("default.{}.pem", other.kid());
    assert!(keys.key(other.kid()).unwrap().is_none());
    fs::copy(folder.path().join("default.pem"), directory.join(&name)).unwrap();
    assert_eq!(keys.key(other.kid()).unwrap().unwrap().jwk(), other.jwk());
    for kid in [
        "",
        "..",
        "../default",
        "default",
        &format!("../{}", &other.kid()[3..]),
    ] {
        assert!(keys.key(kid).unwrap().is_none(), "{kid}");
    }
    // What is in a file is what counts, not what it is called.
    let wrong = "A".repeat(KID_CHARS);
    fs::copy(
        folder.path().join("default.pem"),
        directory.join(format!("default.{wrong}.pem")),
    )
    .unwrap();
    assert!(matches!(
        keys.key(&wrong),
        Err(GatewayKeyError::Misnamed(_))
    ));
}

#[cfg(unix)]
#[test]
fn an_older_key_is_private_or_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let keys = GatewayKeys::new([("default", folder.path())]);
    let site = keys.site("default").unwrap();
    let first = site.current_or_new().unwrap();
    site.replace().unwrap();
    let path = folder.path().join(format!("default.{}.pem", first.kid()));
    let set = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    set(0o644);
    let fresh = SiteKeys::new(folder.path(), "default");
    assert!(matches!(
        fresh.key(first.kid()),
        Err(GatewayKeyError::Readable(_))
    ));
    assert!(keys.key("default", first.kid()).is_none());
    set(0o600);
    assert!(keys.key("default", first.kid()).is_some());
}

#[test]
fn a_rotation_that_ended_between_its_two_steps_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let keys = SiteKeys::new(folder.path(), "default");
    let first = keys.current_or_new().unwrap();
    // The first step: the current key has two names.
    fs::hard_link(
        folder.path().join("default.pem"),
        folder.path().join(format!("default.{}.pem", first.kid())),
    )
    .unwrap();
    assert!(keys.older().unwrap().is_empty());
    let second = keys.replace().unwrap();
    assert_eq!(keys.older().unwrap(), [first.kid()]);
    assert_ne!(second.kid(), first.kid());
}

#[test]
fn one_at_a_time_holds_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (
        SiteKeys::new(folder.path(), "default"),
        SiteKeys::new(folder.path(), "default"),
    );
    let held = one.lock().unwrap();
    assert!(held.is_some());
    assert!(two.lock().unwrap().is_none());
    assert!(
        SiteKeys::new(folder.path(), "other")
            .lock()
            .unwrap()
            .is_some()
    );
    drop(held);
    assert!(two.lock().unwrap().is_some());
}

#[test]
fn rows_get_the_key_that_is_current_when_they_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let keys = Arc::new(SiteKeys::new(folder.path(), "default"));
    let rows = RowKeys::from(Arc::clone(&keys));
    assert!(matches!(rows.now(), Err(GatewayKeyError::Missing(_))));
    let first = keys.current_or_new().unwrap();
    assert_eq!(rows.now().unwrap(), RowKey::Gateway(first.jwk().clone()));
    let second = SiteKeys::new(folder.path(), "default").replace().unwrap();
    assert_eq!(rows.now().unwrap(), RowKey::Gateway(second.jwk().clone()));
}

//! URLs of objects, and what of them may be shown.

/// Schemes of object stores, which can list what they hold.
const STORES: [&str; 3] = ["s3://", "gs://", "az://"];
/// Schemes of web servers, which can't.
const SERVERS: [&str; 2] = ["http://", "https://"];

/// Whether a pattern is the URL of something that this program can read.
pub(crate) fn is_url(pattern: &str) -> bool {
    STORES.iter().chain(&SERVERS).any(|scheme| pattern.starts_with(scheme))
}

/// A URL less its user, password, query and fragment; anything else as it is.
pub fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    // In a store's keys `?` and `#` are characters like any other.
    let rest = match SERVERS.iter().any(|server| url.starts_with(server)) {
        true => rest.split(['?', '#']).next().unwrap_or(rest),
        false => rest,
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// Whether `place` is a folder of an object store.
pub(crate) fn is_store(place: &str) -> bool {
    STORES.iter().any(|scheme| place.starts_with(scheme))
}

/// `s3://bucket/a/b` as (`s3://bucket`, `a/b`).
#[cfg(feature = "remote")]
pub(crate) fn split(url: &str) -> Option<(&str, &str)> {
    let start = url.find("://")? + 3;
    let end = url.get(start..)?.find('/').map_or(url.len(), |slash| start + slash);
    let (bucket, key) = url.split_at(end);
    (end > start).then_some((bucket, key.trim_start_matches('/')))
}

//! URLs of objects, and what of them may be shown.
//!
//! Ours, and no URL parser's: what a user writes may be a pattern with braces, or stand in the middle of a text, and what is
//! shown or kept of it must stay as it was written, which a parser would normalize.

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

/// A web server's URL without user and password; anything else as it is.
pub(crate) fn without_login(url: &str) -> String {
    let rest = SERVERS.iter().find_map(|scheme| Some((scheme, url.strip_prefix(scheme)?)));
    let Some((scheme, rest)) = rest else { return url.to_owned() };
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}{host}{path}")
}

/// What of a URL says which object it is: a web server's less its login and its fragment, any other as it is.
pub(crate) fn asked(url: &str) -> String {
    match SERVERS.iter().any(|scheme| url.starts_with(scheme)) {
        true => without_login(url.split('#').next().unwrap_or(url)),
        false => url.to_owned(),
    }
}

/// `text` without user and password of every web address in it: what a run directory may keep of its settings.
pub fn without_logins_in(text: &str) -> String {
    changed_in(text, without_login)
}

/// `text` with every URL in it as [`without_secrets`] has it. A URL ends at white space, a quote, and at `,` `)` `]` `}`
/// that it did not open (braces stand for ranges of shards, brackets for an address).
pub fn without_secrets_in(text: &str) -> String {
    changed_in(text, without_secrets)
}

/// `text` with every URL in it changed.
fn changed_in(text: &str, change: fn(&str) -> String) -> String {
    let (mut clean, mut rest) = (String::new(), text);
    while let Some(start) = first_url(rest) {
        let (before, found) = rest.split_at(start);
        let (url, after) = found.split_at(url_end(found));
        clean.push_str(before);
        clean.push_str(&change(url));
        rest = after;
    }
    clean + rest
}

fn first_url(text: &str) -> Option<usize> {
    STORES.iter().chain(&SERVERS).filter_map(|scheme| text.find(scheme)).min()
}

fn url_end(text: &str) -> usize {
    let mut open = Vec::new();
    for (at, c) in text.char_indices() {
        let ends = match c {
            '{' | '[' | '(' => {
                open.push(c);
                false
            }
            '}' | ']' | ')' => open.pop().is_none(),
            ',' | ';' | '|' => open.is_empty(),
            _ => c.is_whitespace() || matches!(c, '\'' | '"' | '`' | '<' | '>'),
        };
        if ends {
            return at;
        }
    }
    text.len()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_taken_out_of_a_web_servers_url_and_of_no_other() {
        for (url, clean) in [
            ("http://user:p%40ss@host:81/a@b.tar?c=d@e#f", "http://host:81/a@b.tar?c=d@e#f"),
            ("https://u@[::1]:9000/x.tar", "https://[::1]:9000/x.tar"),
            ("https://host/a.tar", "https://host/a.tar"),
            ("s3://key@bucket/a", "s3://key@bucket/a"),
        ] {
            assert_eq!(without_login(url), clean);
        }
        assert_eq!(asked("http://u:p@h/a.tar?x=1#part"), "http://h/a.tar?x=1");
        assert_eq!(asked("s3://bucket/a#b"), "s3://bucket/a#b");
    }

    #[test]
    fn logins_go_and_the_rest_of_a_setting_stays() {
        assert_eq!(
            without_logins_in(
                r#"shards = ["http://u:p@h/a-{0..1}.tar?x=1", "s3://k@b/c"] # http://v:w@h"#
            ),
            r#"shards = ["http://h/a-{0..1}.tar?x=1", "s3://k@b/c"] # http://h"#
        );
    }

    #[test]
    fn no_url_of_a_text_keeps_its_secrets() {
        for (text, clean) in [
            (
                "pipe:curl -s 'https://me:pw@h/a.tar?sig=abc' | cat",
                "pipe:curl -s 'https://h/a.tar' | cat",
            ),
            (
                r#"data.shards=["https://a:b@h/x.tar?sig=1","https://c:d@h/y.tar"]"#,
                r#"data.shards=["https://h/x.tar","https://h/y.tar"]"#,
            ),
            (
                "https://u:p@h/x-{a,b}-{000..146}.tar?sig=1, next",
                "https://h/x-{a,b}-{000..146}.tar, next",
            ),
            ("https://u@[::1]:9000/x.tar#f", "https://[::1]:9000/x.tar"),
            ("(see s3://key:secret@bucket/a?b)", "(see s3://bucket/a?b)"),
            ("https://h/a?next=https://u:p@h/b", "https://h/a"),
            ("no URL: a://b, x@y?z", "no URL: a://b, x@y?z"),
            ("", ""),
        ] {
            assert_eq!(without_secrets_in(text), clean);
        }
    }
}

//! Patterns joined by `::`, as WebDataset has it.

/// The patterns in `text`. `::` joins only where a pattern can end and another begin: not within the host of a URL
/// (`http://[::1]/a.tar`) or behind its `?`, unless a URL follows.
pub(super) fn split_joined(text: &str) -> Vec<&str> {
    if text.starts_with("pipe:") {
        return vec![text];
    }
    let (mut patterns, mut start, mut from) = (Vec::new(), 0, 0);
    while let Some(at) = text.get(from..).and_then(|rest| rest.find("::")).map(|at| from + at) {
        from = at + 2;
        let (before, behind) = (&text[start..at], &text[from..]);
        if is_within_url(before) && !begins_url(behind) {
            // `:::` may be an end and a separator.
            from = at + 1;
            continue;
        }
        patterns.push(before);
        start = from;
    }
    patterns.push(&text[start..]);
    patterns
}

/// Whether what follows `before` is of the host of the last URL in it, or of its query.
fn is_within_url(before: &str) -> bool {
    let Some((scheme, rest)) = before.rsplit_once("://") else { return false };
    let web = scheme.ends_with("http") || scheme.ends_with("https");
    !rest.contains('/') || (web && rest.contains('?'))
}

fn begins_url(text: &str) -> bool {
    let known = ["http", "https", "s3", "gs", "az", "file"];
    text.split_once("://").is_some_and(|(scheme, _)| known.contains(&scheme))
}

#[cfg(test)]
mod tests {
    use super::split_joined;

    #[test]
    fn two_colons_join_only_where_a_pattern_can_begin() {
        for (text, patterns) in [
            ("a.tar::b.tar", vec!["a.tar", "b.tar"]),
            (
                "s3://b/a-{0..1}.tar::gs://b/c.tar::d.tar",
                vec!["s3://b/a-{0..1}.tar", "gs://b/c.tar", "d.tar"],
            ),
            ("http://[::1]:81/a.tar", vec!["http://[::1]:81/a.tar"]),
            (
                "http://u:p@[fe80::1%25eth0]/{a,b}.tar::x.tar",
                vec!["http://u:p@[fe80::1%25eth0]/{a,b}.tar", "x.tar"],
            ),
            ("{http://[::1]/a,http://[::1]/b}.tar", vec!["{http://[::1]/a,http://[::1]/b}.tar"]),
            (
                "http://[::1]/a.tar::http://[::2]/b.tar",
                vec!["http://[::1]/a.tar", "http://[::2]/b.tar"],
            ),
            ("http://h/a.tar?arn=arn:aws:s3:::b", vec!["http://h/a.tar?arn=arn:aws:s3:::b"]),
            (
                "https://h/a?x=1::2::https://h/b?y::z",
                vec!["https://h/a?x=1::2", "https://h/b?y::z"],
            ),
            ("s3://bucket/what?::b.tar", vec!["s3://bucket/what?", "b.tar"]),
            ("pipe:cat a::b", vec!["pipe:cat a::b"]),
            ("a.tar", vec!["a.tar"]),
        ] {
            assert_eq!(split_joined(text), patterns, "{text}");
        }
    }
}

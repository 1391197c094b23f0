//! Extended headers: `LENGTH KEY=VALUE` and a newline, one record after another (POSIX.1, pax interchange format). The
//! length counts the whole record, so a value may hold anything, newlines too.

/// What a malformed header is called.
pub(super) const MALFORMED: &str = "a malformed PAX header";

/// The records of a header, in order.
///
/// # Errors
/// [`MALFORMED`], as the last item.
pub(super) fn pax_records(
    header: &[u8],
) -> impl Iterator<Item = Result<(&[u8], &[u8]), &'static str>> {
    let mut rest = header;
    std::iter::from_fn(move || {
        // Some writers fill the block with zeros and count them in.
        if rest.iter().all(|&byte| byte == 0) {
            return None;
        }
        let record = first_record(rest);
        rest = record.map_or(&[], |(_, _, rest)| rest);
        Some(record.map(|(key, value, _)| (key, value)).ok_or(MALFORMED))
    })
}

/// Key, value, and what comes after the record.
fn first_record(header: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = header.iter().position(|&byte| byte == b' ')?;
    let length: usize = std::str::from_utf8(header.get(..space)?).ok()?.parse().ok()?;
    let (record, rest) = header.split_at_checked(length)?;
    let content = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = content.iter().position(|&byte| byte == b'=')?;
    Some((content.get(..equals)?, content.get(equals + 1..)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Records<'a> = Vec<(&'a [u8], &'a [u8])>;

    fn read(header: &[u8]) -> Result<Records<'_>, &'static str> {
        pax_records(header).collect()
    }

    #[test]
    fn values_may_hold_anything() {
        let header = b"11 path=a=\n12 size=123\n16 path=a\nb \xff\0c\n";
        let expected: [(&[u8], &[u8]); 3] =
            [(b"path", b"a="), (b"size", b"123"), (b"path", b"a\nb \xff\0c")];
        assert_eq!(read(header).unwrap(), expected);
        assert_eq!(read(b"").unwrap(), []);
        assert_eq!(read(b"8 path=\n\0\0\0").unwrap(), [(&b"path"[..], &b""[..])]);
    }

    #[test]
    fn what_does_not_add_up_is_refused() {
        for header in [
            &b"9 path=a"[..],
            b"99 path=a\n",
            b"0 path=a\n",
            b"path=a\n",
            b"7 path\n",
            b"99999999999999999999999 path=a\n",
            b"-9 path=a\n",
            b"9 path=ab\n",
        ] {
            assert_eq!(read(header), Err(MALFORMED), "{}", header.escape_ascii());
        }
    }
}

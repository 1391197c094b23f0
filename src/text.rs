//! Text that other programs wrote: its encoding, the byte order mark before it, and characters that nobody sees.

use std::borrow::Cow;

/// The byte order mark, which some editors put before a text.
const MARK: char = '\u{feff}';

/// `text` without a byte order mark before it.
pub(crate) fn without_mark(text: &str) -> &str {
    text.strip_prefix(MARK).unwrap_or(text)
}

/// `text` without white space and byte order marks around it.
pub(crate) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == MARK)
}

/// The text of `bytes` without a byte order mark: UTF-8, or what the mark says (UTF-16 or UTF-32). `None` where they are
/// no such text.
pub fn decoded(bytes: &[u8]) -> Option<Cow<'_, str>> {
    match bytes {
        [0xff, 0xfe, 0, 0, rest @ ..] => utf32(rest, u32::from_le_bytes),
        [0, 0, 0xfe, 0xff, rest @ ..] => utf32(rest, u32::from_be_bytes),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => std::str::from_utf8(bytes).ok().map(|text| without_mark(text).into()),
    }
}

/// As [`decoded`], of a text that begins with two characters of ASCII: UTF-16 and UTF-32 need no mark then.
pub(crate) fn decoded_json(bytes: &[u8]) -> Option<Cow<'_, str>> {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 0, 0xfe, 0xff, ..] => decoded(bytes),
        [0, 0, 0, ..] => utf32(bytes, u32::from_be_bytes),
        [_, 0, 0, 0, ..] => utf32(bytes, u32::from_le_bytes),
        [0, _, ..] => utf16(bytes, u16::from_be_bytes),
        [_, 0, ..] => utf16(bytes, u16::from_le_bytes),
        _ => decoded(bytes),
    }
}

/// The text of a file: without the mark that Windows programs put in front, with `\n` for every line's end.
///
/// # Errors
/// The line, from 1, and what is wrong, if it is no UTF-8.
pub fn plain_text(bytes: &[u8]) -> Result<String, (usize, String)> {
    let line = |at: usize| bytes[..at].iter().filter(|&&byte| byte == b'\n').count() + 1;
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err((1, "the file is UTF-16: save the file as UTF-8".to_owned()));
    }
    if let Some(at) = bytes.iter().position(|&byte| byte == 0) {
        return Err((
            line(at),
            "the file has a zero byte (UTF-16?): save the file as UTF-8".to_owned(),
        ));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let byte = bytes.get(at).copied().unwrap_or_default();
        (line(at), format!("the byte {byte:#04x} is not UTF-8 (Latin-1?): save the file as UTF-8"))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Ok(text.replace("\r\n", "\n").replace('\r', "\n"))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<Cow<'static, str>> {
    let (units, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = units.iter().map(|two| unit(*two)).collect();
    rest.is_empty().then(|| String::from_utf16(&units).ok().map(Cow::from)).flatten()
}

fn utf32(bytes: &[u8], unit: fn([u8; 4]) -> u32) -> Option<Cow<'static, str>> {
    let (units, rest) = bytes.as_chunks::<4>();
    let text: Option<String> = units.iter().map(|four| char::from_u32(unit(*four))).collect();
    text.filter(|_| rest.is_empty()).map(Cow::from)
}

/// Whether `c` shows nothing, or turns the text around it: byte order marks, joiners, spaces of no width, marks of
/// direction, soft hyphens, tags.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// `text` for a line of a terminal, in one sense only: control characters and those that nobody sees are written out
/// (`\n`, `\u{202e}`).
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() || is_invisible(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

/// What a person sees of `text`: no invisible characters, white space as one space.
pub(crate) fn visible(text: &str) -> String {
    let seen: String = text.chars().filter(|c| !is_invisible(*c) && !c.is_control()).collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_encodings_are_read() {
        let utf16 = |le: bool, mark: bool| -> Vec<u8> {
            let text = if mark { "\u{feff}7é" } else { "7é" };
            let bytes = |unit: u16| if le { unit.to_le_bytes() } else { unit.to_be_bytes() };
            text.encode_utf16().flat_map(bytes).collect()
        };
        assert_eq!(decoded("\u{feff}7é".as_bytes()).unwrap(), "7é");
        for le in [true, false] {
            assert_eq!(decoded(&utf16(le, true)).unwrap(), "7é");
            assert_eq!(decoded_json(&utf16(le, false)).unwrap(), "7é");
            let utf32: Vec<u8> = "{}"
                .chars()
                .flat_map(|c| if le { (c as u32).to_le_bytes() } else { (c as u32).to_be_bytes() })
                .collect();
            assert_eq!(decoded_json(&utf32).unwrap(), "{}");
        }
        assert_eq!(decoded_json(b"7").unwrap(), "7");
        assert!(decoded(b"caf\xe9").is_none() && decoded(b"\xff\xfe7").is_none());
        assert_eq!(trimmed("\u{feff} 7\u{feff}\r\n"), "7");
    }

    #[test]
    fn what_nobody_sees_is_written_out() {
        assert_eq!(printable("café \u{1b}[2J\n\0\u{9b}m"), "café \\u{1b}[2J\\n\\u{0}\\u{9b}m");
        assert_eq!(printable("a\u{202e}b\u{200b}"), "a\\u{202e}b\\u{200b}");
        assert_eq!(printable("猫 👩 é"), "猫 👩 é");
        assert_eq!(visible("\u{feff}7\u{200b} \u{a0} a"), "7 a");
    }
}

//! Bytes of text files that people write, as text.

/// The text of a file: without the mark that Windows programs put in front, with `\n` for every line's end.
///
/// # Errors
/// The line, from 1, and what is wrong, if it is no UTF-8.
pub fn plain_text(bytes: &[u8]) -> Result<String, (usize, String)> {
    let line = |at: usize| bytes[..at].iter().filter(|&&byte| byte == b'\n').count() + 1;
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err((1, "the text is UTF-16: save it as UTF-8".to_owned()));
    }
    if let Some(at) = bytes.iter().position(|&byte| byte == 0) {
        return Err((line(at), "there is a zero byte (UTF-16?): save it as UTF-8".to_owned()));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let byte = bytes.get(at).copied().unwrap_or_default();
        (line(at), format!("the byte {byte:#04x} is no UTF-8 (Latin-1?): save it as UTF-8"))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Ok(text.replace("\r\n", "\n").replace('\r', "\n"))
}

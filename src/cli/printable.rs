//! Text from a data set, for a terminal.

/// `text` with its control characters written out (`\n`, `\u{1b}`): a sample key must not move the cursor or set a title.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

/// As [`printable`], for a message of several lines.
pub(crate) fn printable_lines(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_controls_a_terminal_is_written_out() {
        assert_eq!(printable("café \u{1b}[2J\n\0\u{9b}m"), "café \\u{1b}[2J\\n\\u{0}\\u{9b}m");
        assert_eq!(printable_lines("a\n\u{7}b"), "a\n\\u{7}b");
    }
}

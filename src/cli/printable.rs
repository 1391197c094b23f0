//! Text from a data set, for a terminal.

pub(crate) use crate::text::printable;

/// As [`printable`], for a message of several lines.
pub(crate) fn printable_lines(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_message_stay_lines() {
        assert_eq!(printable_lines("a\n\u{7}b"), "a\n\\u{7}b");
    }
}

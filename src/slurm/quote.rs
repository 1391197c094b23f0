//! Quotes text as one word of a shell or of an `#SBATCH` line.

use std::borrow::Cow;

/// Text that can't be written into a batch script.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} can't be written into a batch script: line breaks are not allowed, nor backslashes in the scripts' folder (--out)"
)]
pub struct Unquotable(pub String);

/// Whether `text` is one line.
pub(super) fn one_line(text: &str) -> Result<(), Unquotable> {
    match text.contains(['\n', '\r', '\0']) {
        true => Err(Unquotable(text.to_owned())),
        false => Ok(()),
    }
}

/// Whether all characters are literal for a shell and sbatch.
fn is_plain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:,=+@%".contains(c);
    !text.is_empty() && text.chars().all(plain)
}

/// `text` as a word of a POSIX shell.
pub fn shell(text: &str) -> Cow<'_, str> {
    match is_plain(text) {
        true => text.into(),
        false => format!("'{}'", text.replace('\'', r"'\''")).into(),
    }
}

/// `text` as a word of a POSIX shell with variable expansion.
pub(super) fn expanding(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('"', "\\\"").replace('`', r"\`");
    format!("\"{escaped}\"")
}

/// An `#SBATCH` line; sbatch knows double quotes and backslash escapes.
pub(super) fn directive(option: &str, value: &str) -> String {
    match is_plain(value) {
        true => format!("#SBATCH --{option}={value}\n"),
        false => {
            let escaped = value.replace('\\', r"\\").replace('"', "\\\"");
            format!("#SBATCH --{option}=\"{escaped}\"\n")
        }
    }
}

/// `path` in the name of a log, where `%` starts a pattern.
pub(super) fn in_log_name(path: &str) -> String {
    path.replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_from_a_shell_as_they_were() {
        for text in ["", "plain", "two words", "it's", "$HOME `id` \"x\" \\n !*?[a]", "-n", "é 中"]
        {
            let command = format!("printf %s {}", shell(text));
            let output = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
        }
    }

    #[test]
    fn only_variables_mean_more_than_themselves_where_they_may() {
        let command = format!("x='a  b'; printf %s {}", expanding(r#"$x/${x}/"y" `id` \n *"#));
        let output = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), r#"a  b/a  b/"y" `id` \n *"#);
    }

    #[test]
    fn directives_are_quoted_where_they_have_to_be() {
        assert_eq!(directive("mem", "64G"), "#SBATCH --mem=64G\n");
        assert_eq!(directive("constraint", "a100|h100"), "#SBATCH --constraint=\"a100|h100\"\n");
        assert_eq!(directive("output", "/a \"b\""), "#SBATCH --output=\"/a \\\"b\\\"\"\n");
        assert_eq!(in_log_name("100%/x"), "100%%/x");
    }
}

//! Colours on stderr: a leaf that any room may use.

use std::io::IsTerminal;
use std::sync::OnceLock;

/// When text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colors {
    /// Where stderr is a terminal that can, unless `NO_COLOR` and its like say otherwise.
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// What text is coloured as.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Paint {
    /// An error.
    Error,
    /// Something that is done.
    Done,
    /// Something under way.
    Active,
}

static ON: OnceLock<bool> = OnceLock::new();

/// Sets whether text is coloured, once in a process.
pub(crate) fn choose(colors: Colors) {
    let _ = ON.set(match colors {
        Colors::Always => true,
        Colors::Never => false,
        Colors::Auto => by_surroundings(),
    });
}

/// `text` in the colour of `paint`, or as it is.
pub(crate) fn painted(paint: Paint, text: &str) -> String {
    match *ON.get_or_init(by_surroundings) {
        true => with_codes(paint, text),
        false => text.to_owned(),
    }
}

fn with_codes(paint: Paint, text: &str) -> String {
    let code = match paint {
        Paint::Error => "1;31",
        Paint::Done => "32",
        Paint::Active => "36",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

fn by_surroundings() -> bool {
    let variable = |name: &str| std::env::var(name).ok();
    by_variables(variable, std::io::stderr().is_terminal())
}

/// As `--help` is coloured: <https://no-color.org> and <https://bixense.com/clicolors>.
fn by_variables(variable: impl Fn(&str) -> Option<String>, is_terminal: bool) -> bool {
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
    let dumb = variable("TERM").is_none_or(|terminal| terminal == "dumb");
    let asked = |name| variable(name).is_some_and(|value| value != "0");
    if is_set("NO_COLOR") {
        return false;
    }
    if asked("CLICOLOR_FORCE") {
        return true;
    }
    match variable("CLICOLOR").as_deref() {
        Some("0") => false,
        Some(_) => is_terminal,
        None => is_terminal && !dumb,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colored(variables: &[(&str, &str)], is_terminal: bool) -> bool {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        by_variables(|name| find(name).map(|(_, value)| (*value).to_owned()), is_terminal)
    }

    #[test]
    fn variables_of_the_environment_decide_as_in_other_programs() {
        let xterm = ("TERM", "xterm-256color");
        assert!(colored(&[xterm], true) && !colored(&[xterm], false));
        assert!(!colored(&[("TERM", "dumb")], true) && !colored(&[], true));
        assert!(!colored(&[xterm, ("NO_COLOR", "1")], true));
        assert!(colored(&[xterm, ("NO_COLOR", "")], true));
        assert!(colored(&[("CLICOLOR_FORCE", "1")], false));
        assert!(!colored(&[("CLICOLOR_FORCE", "0")], false));
        assert!(!colored(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], true));
        assert!(!colored(&[xterm, ("CLICOLOR", "0")], true));
        assert_eq!(with_codes(Paint::Done, "a"), "\x1b[32ma\x1b[0m");
    }
}

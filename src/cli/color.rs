//! `--color`, which counts for help and errors of the command line too.

use crate::colors;
use crate::colors::Colors;
use clap::ColorChoice;
use std::ffi::OsString;

/// The choice in `arguments`, found before they are parsed, as a wrong one is an error to be coloured. The last one counts.
pub(super) fn choice(arguments: &[OsString]) -> ColorChoice {
    let mut found = ColorChoice::Auto;
    let mut arguments = arguments.iter().filter_map(|argument| argument.to_str());
    while let Some(argument) = arguments.next() {
        let value = match argument {
            "--" => break,
            "--color" => arguments.next(),
            other => other.strip_prefix("--color="),
        };
        found = match value {
            Some("always") => ColorChoice::Always,
            Some("never") => ColorChoice::Never,
            Some("auto") => ColorChoice::Auto,
            _ => found,
        };
    }
    found
}

/// Makes the program's own messages follow `choice`.
pub(super) fn apply(choice: ColorChoice) {
    colors::choose(match choice {
        ColorChoice::Auto => Colors::Auto,
        ColorChoice::Always => Colors::Always,
        ColorChoice::Never => Colors::Never,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_is_found_wherever_it_stands() {
        let of = |text: &str| choice(&text.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert_eq!(of("coda-pipe run p.toml"), ColorChoice::Auto);
        assert_eq!(of("coda-pipe --color never run p.toml"), ColorChoice::Never);
        assert_eq!(of("coda-pipe run --color=always p.toml"), ColorChoice::Always);
        assert_eq!(of("coda-pipe run --color=always --color never"), ColorChoice::Never);
        assert_eq!(of("coda-pipe run -- --color=always"), ColorChoice::Auto);
        assert_eq!(of("coda-pipe --color"), ColorChoice::Auto);
    }
}

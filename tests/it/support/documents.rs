//! Runs the commands of a page of docs/, as a reader would give them.

use crate::harness::{Bench, checkout};
use std::path::Path;
use std::process::Command;

/// The blocks of `page` in the languages `languages`, with these, in their order.
pub fn blocks<'a>(page: &'a str, languages: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    let mut found = Vec::new();
    // Every other piece is a block.
    for block in page.split("```").skip(1).step_by(2) {
        let (language, code) = block.split_once('\n').unwrap();
        if languages.contains(&language) {
            found.push((language, code));
        }
    }
    found
}

/// Runs a block in the bench's folder, the program and `python`'s folder on the path; what it printed.
pub fn run(bench: &Bench, python: Option<&Path>, (language, code): (&str, &str)) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_coda-pipe")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    // Its environment: the library that the tests use.
    let given = bench.command(&[]);
    let mut command = match language {
        "python" => Command::new(python.unwrap()),
        _ => Command::new("sh"),
    };
    let flags: &[&str] = if language == "python" { &["-c"] } else { &["-e", "-c"] };
    command.args(flags).arg(code).current_dir(bench.path(""));
    command.envs(given.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let output = command.env("PATH", path).env("CHECKOUT", checkout()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{code}\n{said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

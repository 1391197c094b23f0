//! The commands of docs/tutorial.md, as a reader would give them.

use crate::harness::{Bench, checkout, digits};
use std::process::Command;

#[test]
fn the_tutorials_commands_work_in_their_order() {
    let bench = Bench::new();
    for sample in digits(30) {
        let class = String::from_utf8(sample.get("cls").unwrap().to_vec()).unwrap();
        let folder = bench.path("photos").join(class.trim());
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{}.png", sample.key));
        std::fs::write(file, sample.get("png").unwrap()).unwrap();
    }
    let text = std::fs::read_to_string(checkout().join("docs/tutorial.md")).unwrap();
    let blocks: Vec<&str> =
        text.split("```sh\n").skip(1).map(|s| s.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 6, "{} blocks", blocks.len());
    for block in blocks {
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_coda-pipe")).parent().unwrap();
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
        // Its environment: the library that the tests use.
        let given = bench.command(&[]);
        let mut shell = Command::new("sh");
        shell.args(["-e", "-c", block]).current_dir(bench.path(""));
        shell.envs(given.get_envs().filter_map(|(key, value)| Some((key, value?))));
        let output = shell.env("PATH", path).env("CHECKOUT", checkout()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{block}\n{said}");
    }
    assert!(bench.path("runs/mine/distilled/mine-000000.tar").exists());
}

//! The commands of docs/tutorial.md.

use crate::documents::{blocks, run};
use crate::harness::{Bench, checkout, digits};

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
    let blocks = blocks(&text, &["sh"]);
    assert!(blocks.len() >= 6, "{} blocks", blocks.len());
    for block in blocks {
        run(&bench, None, block);
    }
    assert!(bench.path("runs/mine/distilled/mine-000000.tar").exists());
}

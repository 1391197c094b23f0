//! The report: one file, its data whole and harmless, its script at work in a real browser where there is one.

use crate::harness::{Bench, digits, write_shard};
use crate::skip;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a data set may call things to break a page.
const HOSTILE: &str = "<img src=x onerror=name=1>&\"'<!--";

/// A finished run whose first sample and first class have hostile names.
fn run() -> Bench {
    Bench::prepared("a run with hostile names", |bench| {
        let mut samples = digits(30);
        samples[0].key = HOSTILE.into();
        write_shard(&bench.path("train-000000.tar"), &samples[..45]);
        let classes = format!("0, zero {HOSTILE}\n1, one\n2, two\n");
        std::fs::write(bench.path("classes.txt"), classes).unwrap();
        bench.expect(0, &["run", "p.toml"]);
    })
}

fn html(bench: &Bench) -> String {
    std::fs::read_to_string(bench.path("run/report/index.html")).unwrap()
}

/// The JSON block with this id.
fn block(html: &str, id: &str) -> Value {
    let start = format!("<script type=\"application/json\" id=\"{id}\">");
    let rest = html.split_once(&start).unwrap_or_else(|| panic!("no block {id}")).1;
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn the_page_holds_the_run_and_nothing_from_outside() {
    let bench = run();
    let (said, _) = bench.expect(0, &["report", "run"]);
    assert!(said.contains("run/report/index.html"), "{said}");
    let html = html(&bench);
    // The one address is the name of SVG's vocabulary, which nothing fetches.
    let addresses = html.replace("http://www.w3.org/2000/svg", "");
    for scheme in ["http://", "https://", "src=\"", "@import", "url(\"", "<link"] {
        assert!(!addresses.contains(scheme), "{scheme}");
    }
    assert!(!html.contains("<img src=x"), "a name became markup");
    assert_eq!(html.matches("<script").count(), 5, "three classes, the head, the script");

    let head = block(&html, "report");
    let totals = &head["totals"];
    let numbers = ["classes", "images", "cores", "generated"].map(|n| totals[n].as_u64().unwrap());
    assert_eq!(numbers, [3, 90, 12, 12]);
    assert_eq!(head["classes"][0]["name"], format!("zero {HOSTILE}"));
    let stages: Vec<&str> =
        head["stages"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(
        stages,
        ["encode", "compact", "discover", "fetch", "anchor", "generate", "assemble"]
    );
    assert!(head["stages"].as_array().unwrap().iter().all(|s| s["spans"][0].is_array()));
    assert!(head["span"].as_f64().unwrap() > 0.0);
    assert_eq!(head["audit"]["images"], 12);
    assert_eq!(head["audit"]["nearest"].as_array().unwrap().len(), 12);
    assert_eq!((&head["evaluation"], &head["stability"]), (&Value::Null, &Value::Null));
    let facts = head["facts"].to_string();
    assert!(facts.contains("digest") && facts.contains("ONNX Runtime"), "{facts}");

    let mut keys = Vec::new();
    for place in 0..3 {
        let class = block(&html, &format!("class-{place}"));
        let cores = class["cores"].as_object().unwrap();
        for (name, column) in cores {
            assert_eq!(column.as_array().unwrap().len(), 4, "{name}");
        }
        assert_eq!(class["cores"]["pictures"], json!([7, 7, 7, 7]), "all three of each");
        assert!(!class["log"].as_array().unwrap().is_empty());
        let points = &class["points"];
        assert_eq!(points["core"].as_array().unwrap().len(), 4);
        for column in ["x", "y", "label", "key"] {
            assert_eq!(points[column].as_array().unwrap().len(), 30, "{column}");
        }
        keys.extend(
            points["key"].as_array().unwrap().iter().map(|k| k.as_str().unwrap().to_owned()),
        );
    }
    assert!(keys.iter().any(|key| key == HOSTILE), "{keys:?}");

    bench.expect(0, &["report", "run", "--out", "again.html"]);
    assert_eq!(
        std::fs::read_to_string(bench.path("again.html")).unwrap(),
        html,
        "not the same bytes"
    );
    bench.expect(0, &["verify", "run"]);
}

#[test]
fn what_other_commands_left_is_in_it_and_what_is_missing_is_said() {
    let bench = run();
    for (name, text) in [
        ("evaluate/evaluation.json", r#"{"sets": [{"name": "cores"}]}"#),
        ("stability/stability.json", r#"{"seeds": 5}"#),
    ] {
        let path = bench.path(&format!("run/{name}"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    bench.expect(0, &["report", "run", "--no-audit"]);
    let head = block(&html(&bench), "report");
    assert_eq!(head["evaluation"]["sets"][0]["name"], "cores");
    assert_eq!(head["stability"]["seeds"], 5);
    assert_eq!(head["audit"], Value::Null);

    // At the end of a run, with its audit, where that is asked for.
    let (_, said) = bench.expect(0, &["run", "p.toml", "--set", "output.report=true"]);
    assert!(said.contains("report in run/report/index.html"), "{said}");
    let head = block(&html(&bench), "report");
    assert_eq!((&head["audit"]["images"], &head["stability"]["seeds"]), (&json!(12), &json!(5)));

    std::fs::write(bench.path("run/stability/stability.json"), "{").unwrap();
    let (_, said) = bench.expect(1, &["report", "run", "--no-audit"]);
    assert!(said.contains("stability.json"), "{said}");
}

#[test]
fn what_was_found_of_an_earlier_state_of_the_run_is_told_as_such() {
    let bench = Bench::with_run(&[]);
    let evaluate = ["evaluate", "run", "--against", "train-000000.tar", "--seeds", "1"];
    let (_, said) = bench.expect(0, &evaluate);
    let own = "1 of the held-out shards hold the run's own data (train-000000.tar)";
    assert!(said.contains(own), "{said}");
    bench.expect(0, &["stability", "run", "--seeds", "2"]);
    let warnings = || {
        bench.expect(0, &["report", "run", "--no-audit"]);
        block(&html(&bench), "report")["warnings"].to_string()
    };
    assert!(!warnings().contains("earlier state"), "{}", warnings());
    bench.expect(0, &["run", "p.toml", "--set", "gamma=0.3", "--force"]);
    let found = warnings();
    assert!(found.contains("`evaluate` found is of an earlier state"), "{found}");
    assert!(!found.contains("`stability`"), "{found}");
    bench.expect(0, &evaluate);
    assert!(!warnings().contains("earlier state"), "{}", warnings());
}

#[test]
fn a_run_half_way_has_a_report_too() {
    let bench = Bench::with_run(&["--until", "discover"]);
    let (_, said) = bench.expect(0, &["report", "run"]);
    assert!(said.contains("the audit for copies failed"), "{said}");
    let head = block(&html(&bench), "report");
    let warnings = head["warnings"].to_string();
    assert!(warnings.contains("Copies were not checked for"), "{warnings}");
    assert!(warnings.contains("generate: not known"), "{warnings}");
    let class = block(&html(&bench), "class-1");
    assert_eq!(class["cores"]["generated"], json!([false, false, false, false]));
    // The shards are gone, and the report is still made.
    std::fs::remove_file(bench.path("train-000001.tar")).unwrap();
    bench.expect(0, &["report", "run", "--no-audit"]);
}

fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let known = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    named.into_iter().chain(known.map(PathBuf::from)).find(|path| path.is_file())
}

/// The document after the page's script has run.
fn opened(browser: &Path, bench: &Bench, place: &str) -> String {
    let url = format!("file://{}{place}", bench.path("run/report/index.html").display());
    let profile = format!("--user-data-dir={}", bench.path("profile").display());
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=4000"])
        .args([&profile, "--dump-dom", &url])
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_browser_shows_it() {
    let Some(browser) = chromium() else {
        return skip::tool("Chromium (Debian: apt-get install chromium; or set CHROMIUM to one)");
    };
    let bench = run();
    bench.expect(0, &["report", "run"]);
    let missing = opened(&browser, &bench, "");
    assert!(!missing.contains("id=\"quality\"") && !missing.contains("id=\"stability\""));
    let report = ["--set", "output.report=true"];
    std::fs::copy(bench.path("train-000000.tar"), bench.path("unseen.tar")).unwrap();
    bench.expect(0, &["evaluate", "run", "--against", "unseen.tar", "--seeds", "2"]);
    bench.expect(0, &["stability", "run", "--seeds", "2"]);
    bench.expect(0, &[&["run", "p.toml"], &report[..]].concat());
    let page = opened(&browser, &bench, "");
    for part in ["MMD²", "2 draws", "2 seeds", "min_cluster_size ± 20 %"] {
        assert!(page.contains(part), "{part} is not on the page:\n{page}");
    }
    // What was measured once has no deviation.
    assert!(!page.contains("± –"), "{page}");
    for part in ["<h1>mini</h1>", "id=\"stages\"", "class=\"histogram\"", "Nothing was left out."] {
        assert!(page.contains(part), "{part} is not on the page:\n{page}");
    }
    assert_eq!(page.matches("class=\"lane\"").count(), 7);
    let page = opened(&browser, &bench, "#class-0");
    // The blocks of data are in the document as well: only elements count.
    assert_eq!(page.matches("<article").count(), 4, "{page}");
    assert!(page.contains("<canvas"), "{page}");
    assert!(!page.contains("<img"), "a name became an element");
    assert!(
        page.contains("<title>0 · zero &lt;img"),
        "the script did not get through, or a name ran"
    );
}

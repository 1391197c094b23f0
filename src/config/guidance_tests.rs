//! Guidance as pipeline files and `--set` say it.

use super::pipeline::Pipeline;
use crate::models::guidance::{TermSettings, TermValue, preset, terms};
use std::path::Path;

const GOOD: &str = "[data]\nshards = \"a.tar\"\n[model]\npath = \"m\"\n";

fn load(text: &str, sets: &[&str]) -> Result<Pipeline, String> {
    let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).collect();
    Pipeline::parse(text, Path::new("p.toml"), &sets).map_err(|e| e.to_string())
}

fn found(text: &str, sets: &[&str]) -> TermSettings {
    load(text, sets).unwrap().guidance.terms
}

fn value(settings: &TermSettings, term: &str, key: &str) -> TermValue {
    let term = terms().find(|one| one.name == term).unwrap();
    settings.get(term.name, term.keys.iter().find(|one| one.name == key).unwrap())
}

fn used(settings: &TermSettings) -> Vec<&'static str> {
    terms().map(|term| term.name).filter(|term| settings.is_used(term)).collect()
}

#[test]
fn a_preset_a_list_and_keys_say_the_same() {
    let stop = preset("stop").unwrap().settings();
    assert_eq!(found(&format!("guidance = \"stop\"\n{GOOD}"), &[]), stop);
    assert_eq!(found(GOOD, &["guidance=stop"]), stop);
    let list = format!("{GOOD}[[guidance]]\nterm = \"anchor\"\n");
    assert_eq!(found(&list, &[]), stop);
    assert_eq!(found(GOOD, &["guidance=[{ term = \"anchor\" }]"]), stop);
    let keys = format!("{GOOD}[guidance.anchor]\nstrength = 1\n");
    let both = found(&keys, &["guidance.published.schedule=off"]);
    assert_eq!(used(&both), ["anchor"]);
    assert_eq!(value(&both, "anchor", "stop"), TermValue::Number(0.34));
}

#[test]
fn a_list_says_all_terms_and_a_table_changes_one_key() {
    let text = format!(
        "{GOOD}[[guidance]]\nterm = \"anchor\"\nstop = 1\n[[guidance]]\nterm = \"interval\"\nfrom = 0.3\n"
    );
    let list = found(&text, &[]);
    assert_eq!(used(&list), ["interval", "anchor"]);
    assert_eq!(value(&list, "anchor", "stop"), TermValue::Number(1.0));
    assert_eq!(value(&list, "interval", "to"), TermValue::Number(0.8));
    let changed =
        found(&text, &["guidance.anchor.strength=0.5", "guidance.repulsion.strength=0.1"]);
    assert_eq!(used(&changed), ["interval", "anchor", "repulsion"]);
    assert_eq!(value(&changed, "anchor", "strength"), TermValue::Number(0.5));
    // A term with no more strength is off; a whole choice on the command line takes the file's place.
    assert_eq!(used(&found(&text, &["guidance.anchor.strength=0"])), ["interval"]);
    assert_eq!(found(&text, &["guidance=none"]), TermSettings::default());
    let sets = ["guidance.anchor.strength=0.5", "guidance=none"];
    assert_eq!(used(&found(&text, &sets)), ["anchor"]);
    assert_eq!(used(&found(GOOD, &["preset=published", "guidance=stop"])), ["anchor"]);
}

#[test]
fn settings_of_the_published_pull_choose_it_or_are_refused_beside_others() {
    let scaled = preset("scaled").unwrap().settings();
    for set in ["gamma=0.2", "guidance_fraction=0.9", "guidance.published.schedule=scaled"] {
        assert_eq!(found(GOOD, &[set]), scaled, "{set}");
    }
    assert_eq!(used(&found(GOOD, &["gamma=0"])), ["published"]);
    let published = found(GOOD, &["guidance=published"]);
    assert_eq!(value(&published, "published", "schedule"), TermValue::Choice("sigma"));
    assert_eq!(found(GOOD, &["preset=published"]), published);
    for key in ["gamma", "guidance_fraction"] {
        let text = format!("guidance = \"stop\"\n{GOOD}[generate]\n{key} = 0.5\n");
        let error = load(&text, &[]).unwrap_err();
        assert!(error.contains(&format!("p.toml:7:1: `generate.{key}` belongs")), "{error}");
        assert!(error.contains("guidance.anchor.strength"), "{error}");
    }
    assert!(load(GOOD, &["gamma=0.1", "guidance=none"]).is_err());
    // What a preset of pipelines sets is not given.
    assert!(load(GOOD, &["preset=published", "guidance=stop"]).is_ok());
}

#[test]
fn errors_have_a_place_and_a_cure() {
    let error = |text: &str| load(&format!("{GOOD}{text}"), &[]).unwrap_err();
    let found = error("[[guidance]]\nterm = \"ancor\"\n");
    assert!(found.contains("p.toml:6:8: no term of guidance is called `ancor`"), "{found}");
    assert!(found.contains("did you mean `anchor`?"), "{found}");
    let found = error("[[guidance]]\nterm = \"anchor\"\nstrenght = 1\n");
    assert!(found.contains("p.toml:7:1: [guidance.anchor] has no key `strenght`"), "{found}");
    assert!(found.contains("did you mean `strength`?"), "{found}");
    let found = error("[[guidance]]\nstrength = 1\n");
    assert!(found.contains("p.toml:5:") && found.contains("names no term"), "{found}");
    let found = error("[[guidance]]\nterm = \"anchor\"\n[[guidance]]\nterm = \"anchor\"\n");
    assert!(found.contains("p.toml:8:8: the term `anchor` is listed twice"), "{found}");
    let found = error("[guidance.anchr]\nstrength = 1\n");
    assert!(found.contains("p.toml:5:11: no term of guidance is called `anchr`"), "{found}");
    let found = error("[guidance.anchor]\nstrength = 1.5\n");
    assert!(
        found.contains("p.toml:6:1: `guidance.anchor.strength` must be a number from 0 to 1"),
        "{found}"
    );
    let found = error("[guidance.low-frequency]\ncells = 2.5\n");
    assert!(found.contains("must be a whole number from 1 to 2048, is 2.5"), "{found}");
    let found = error("[guidance]\nschedule = \"flat\"\n");
    assert!(
        found.contains("`guidance.schedule` is called `guidance.published.schedule` now"),
        "{found}"
    );
    let wrong = |set: &str| load(GOOD, &[set]).unwrap_err();
    let found = wrong("guidance=stp");
    assert!(found.contains("--set: no preset of guidance is called \"stp\""), "{found}");
    assert!(found.contains("did you mean `stop`?"), "{found}");
    let found = wrong("guidance=anchor");
    assert!(found.contains("anchor is a term"), "{found}");
    let found = wrong("guidance=3");
    assert!(found.contains("neither a preset's name nor a list"), "{found}");
    let found = wrong("guidance.anchor.strenght=1");
    assert!(found.contains("did you mean `guidance.anchor.strength`?"), "{found}");
    let found = wrong("strength=1");
    assert!(found.contains("guidance.anchor.strength or "), "{found}");
}

#[test]
fn keys_of_terms_that_are_off_are_told() {
    let unused = |sets: &[&str]| load(GOOD, sets).unwrap().unused;
    let told = unused(&["guidance.start.sigma=0", "guidance.low-frequency.cells=4"]);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].starts_with("guidance.low-frequency.cells has no effect"), "{told:?}");
    assert!(told[1].ends_with("set guidance.low-frequency.strength"), "{told:?}");
    assert!(unused(&["guidance.low-frequency.strength=0.5"]).is_empty());
}

#[test]
fn the_interval_has_a_short_notation() {
    let table = found(&format!("{GOOD}[guidance]\ncfg_interval = [0.25, 1]\n"), &[]);
    assert_eq!(used(&table), ["interval", "anchor"]);
    assert_eq!(value(&table, "interval", "from"), TermValue::Number(0.25));
    assert_eq!(value(&table, "interval", "to"), TermValue::Number(1.0));
    assert_eq!(found(GOOD, &["guidance.cfg_interval=[0.25, 1.0]"]), table);
    assert_eq!(found(GOOD, &["cfg_interval=[0.25, 1]"]), table);
    let keys = ["guidance.interval.from=0.25", "guidance.interval.to=1"];
    assert_eq!(found(GOOD, &keys), table);
    // Beside a table of a term and beside a preset of the command line; a whole run is no interval.
    let both = format!(
        "{GOOD}[guidance]\ncfg_interval = [0.2, 0.8]\n[guidance.repulsion]\nstrength = 0.1\n"
    );
    assert_eq!(used(&found(&both, &[])), ["interval", "anchor", "repulsion"]);
    assert_eq!(used(&found(&both, &["guidance=none"])), Vec::<&str>::new());
    let sets = ["guidance=none", "guidance.cfg_interval=[0.2,0.8]"];
    assert_eq!(used(&found(GOOD, &sets)), ["interval"]);
    assert_eq!(used(&found(GOOD, &["guidance.cfg_interval=[0,1]"])), ["anchor"]);
    // The published pull is still implied: nothing was said of terms.
    let pulled = found(GOOD, &["gamma=0.1", "guidance.cfg_interval=[0.2,0.8]"]);
    assert_eq!(used(&pulled), ["interval", "published"]);
}

#[test]
fn wrong_intervals_and_lists_of_scales_are_refused_with_the_cure() {
    let error = |key: &str, value: &str| {
        let text = format!("{GOOD}[guidance]\n{key} = {value}\n");
        let error = load(&text, &[]).unwrap_err();
        assert!(error.contains("p.toml:6:1: ") && error.contains(key), "{error}");
        let set = format!("guidance.{key}={value}");
        assert!(load(GOOD, &[&set]).unwrap_err().contains(key));
        error
    };
    for wrong in [
        "0.2",
        "[0.2]",
        "[0.2, 0.5, 0.8]",
        "[0.8, 0.2]",
        "[-0.1, 0.5]",
        "[0.5, 1.5]",
        "[nan, 1]",
        "\"all\"",
    ] {
        error("cfg_interval", wrong);
    }
    assert!(error("cfg_interval", "[0.5, 0.5]").contains("cfg = 1"));
    for wrong in ["[]", "[0.5, 2]", "[1, inf]", "[1, \"x\"]", "{ from = 1 }"] {
        error("cfg_schedule", wrong);
    }
    for one in ["3", "3.5", "[3]"] {
        assert!(error("cfg_schedule", one).contains("set cfg in [generate]"));
    }
    let text =
        format!("{GOOD}[guidance]\ncfg_interval = [0.2, 0.8]\n[guidance.interval]\nfrom = 0.1\n");
    let both = load(&text, &[]).unwrap_err();
    assert!(both.contains("both say where") && both.contains("remove one"), "{both}");
    let text = format!("{GOOD}[[guidance]]\nterm = \"interval\"\n");
    assert!(load(&text, &["cfg_interval=[0.2,0.8]"]).unwrap_err().contains("both say where"));
    let both = load(GOOD, &["cfg=3", "guidance.cfg_schedule=[1,3]"]).unwrap_err();
    assert!(both.contains("both set the guidance scale"), "{both}");
    let near = load(&format!("{GOOD}[guidance]\ncfg_intervall = [0.2, 0.8]\n"), &[]).unwrap_err();
    assert!(near.contains("did you mean `cfg_interval`?"), "{near}");
}

#[test]
fn a_list_of_scales_stands_beside_the_terms() {
    let text = format!("{GOOD}[guidance]\ncfg_schedule = [1, 4.5, 1]\n");
    let guidance = load(&text, &[]).unwrap().guidance;
    assert_eq!(
        (guidance.cfg_schedule.as_slice(), used(&guidance.terms)),
        (&[1.0, 4.5, 1.0][..], vec!["anchor"])
    );
    let shown = serde_json::to_value(&guidance).unwrap();
    assert_eq!(
        (&shown["cfg_schedule"][1], &shown["anchor"]["strength"]),
        (&4.5.into(), &1.0.into())
    );
    let without = serde_json::to_value(load(GOOD, &[]).unwrap().guidance).unwrap();
    assert!(without.get("cfg_schedule").is_none(), "{without}");
}

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

use super::*;

fn load(content: &[u8]) -> Result<ClassList, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.txt");
    std::fs::write(&path, content).unwrap();
    ClassList::load(&path).map_err(|e| e.to_string().replace(dir.path().to_str().unwrap(), ""))
}

fn parse(text: &str) -> Result<ClassList, String> {
    ClassList::parse(text, Path::new("c.txt")).map_err(|e| e.to_string())
}

fn keys(list: &ClassList) -> Vec<&str> {
    list.classes().iter().map(|class| class.key.as_str()).collect()
}

#[test]
fn keys_prompts_and_labels() {
    let list = parse("# birds\nn01514668, cock\n\n n01514859 , hen, brood\n").unwrap();
    assert_eq!(
        list.classes()[1],
        Class { key: "n01514859".into(), prompt: "hen, brood".into(), supercategory: None }
    );
    assert_eq!((list.position("n01514668"), list.position("x")), (Some(0), None));
    assert_eq!(list.label(1), "1");
    assert_eq!(parse("7, seven\n3, three\n").unwrap().label(0), "7");
}

#[test]
fn prompts_are_made_from_templates_in_one_pass() {
    let list = parse("n1, {key} hen | bird\nn2, cock\n").unwrap();
    let [hen, cock] = list.classes() else { panic!() };
    assert_eq!(
        hen.prompt_by("a photo of a {name}, {supercategory}"),
        "a photo of a {key} hen, bird"
    );
    assert_eq!(cock.prompt_by("{key}: {nam} {name}{"), "n2: {nam} cock{");
    assert!(parse("a, b |\n").unwrap_err().contains("supercategory"));
}

#[test]
fn wrong_lines_are_named() {
    assert!(parse("a, b\na, c\n").unwrap_err().starts_with("c.txt:2: the class `a`"));
    assert!(parse("a,\n").unwrap_err().starts_with("c.txt:1:"));
    assert!(parse("# nothing\n").unwrap_err().contains("lists no class"));
    assert!(parse("\"a\nb\", c\n\"d\" e\n").unwrap_err().starts_with("c.txt:3:"));
}

#[test]
fn a_byte_order_mark_and_any_line_ends_are_passed_over() {
    for text in ["\u{feff}0, zero\n1, one\n", "0, zero\r\n1, one", "0, zero\r1, one\r"] {
        assert_eq!(keys(&load(text.as_bytes()).unwrap()), ["0", "1"], "{text:?}");
    }
}

#[test]
fn lists_that_are_no_utf8_are_named_with_the_line() {
    let utf16 = |mark: u16, text: &str| -> Vec<u8> {
        let units = std::iter::once(mark).chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    };
    let marked = load(&utf16(0xfeff, "0, zero\n")).unwrap_err();
    assert!(marked.contains("c.txt:1: ") && marked.contains("UTF-16"), "{marked}");
    let bare = load(&utf16(0xfeff, "0, zero\n")[2..]).unwrap_err();
    assert!(bare.contains("c.txt:1: ") && bare.contains("UTF-16"), "{bare}");
    let latin = load(b"0, zero\n1, caf\xe9\n").unwrap_err();
    assert!(latin.contains("c.txt:2: ") && latin.contains("save the file as UTF-8"), "{latin}");
}

#[test]
fn every_key_is_read_back_as_it_was() {
    let odd = [
        "tabby, cat",
        "#7",
        "a|b",
        "\"q\"",
        "say \"hi\"",
        " led",
        "trailed ",
        "two\nlines",
        "tab\tbed",
        "\u{feff}marked",
        "n01440764 tench",
        "[1]",
        "{",
        "ä，ö",
        "\\",
        "0",
        "it's",
        ",",
        "\"",
        "#",
    ];
    let odd = odd.map(str::to_owned);
    for keys in [&odd[..], &odd[10..11], &odd[11..12]] {
        let pairs = keys.iter().map(|key| (key.as_str(), "a | \"prompt\", # 1"));
        let list = ClassList::from_pairs(pairs);
        assert_eq!(load(list.to_text().as_bytes()).unwrap().classes(), list.classes());
    }
    assert_eq!(parse("a|b\n").unwrap().classes()[0].prompt, "a|b");
}

#[test]
fn lists_of_other_programs_are_read_or_their_form_is_told() {
    let loc = parse("n01440764 tench, Tinca tinca\nn01443537 goldfish, Carassius\n").unwrap();
    assert_eq!(keys(&loc), ["n01440764", "n01443537"]);
    assert!(parse("{\"0\": \"zero\",\n \"1\": \"one\"}\n").unwrap_err().contains("JSON"));
    assert!(parse("[\"zero\", \"one\"]").unwrap_err().contains("JSON"));
    for text in ["0 zero\n1 one\n", "0: zero\n1: one\n", "- zero\n- one\n", "0;zero\n1;one\n"] {
        let looks = parse(text).unwrap().looks();
        let first = format!("{:?}", text.lines().next().unwrap());
        assert!(looks.contains(&first) && looks.contains("has a comma"), "{looks}");
    }
    let looks = parse("n1, a\nn2, b\nn3, c\nn4, d\n").unwrap().looks();
    assert_eq!(looks, "its keys are \"n1\", \"n2\", \"n3\", …");
}

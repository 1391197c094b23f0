//! A class of a class list as text: `key, prompt | supercategory`, with quotation marks where a key needs them.

use super::class::Class;

/// What a line says; where it names no prompt, the key is the prompt.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) key: String,
    pub(super) prompt: Option<String>,
    pub(super) supercategory: Option<String>,
}

/// The first line of `text` and what comes behind it. A key in quotation marks may go over several lines.
pub(super) fn first_line(text: &str) -> (&str, &str) {
    // `quoted` answers with nothing where no quotation mark stands.
    let key = quoted(text.trim_start_matches([' ', '\t']));
    let behind_key = key.map_or(0, |(_, behind)| text.len() - behind.len());
    match text[behind_key..].find('\n') {
        Some(end) => (&text[..behind_key + end], &text[behind_key + end + 1..]),
        None => (text, ""),
    }
}

/// Reads a line that is neither empty nor a comment; `by_blank` where a blank ends the key (see [`is_synset`]).
pub(super) fn parse_line(line: &str, by_blank: bool) -> Result<Parts, String> {
    let line = line.trim();
    if line.starts_with('"') {
        let (key, behind) = quoted(line).ok_or("a quotation mark is not closed")?;
        let behind = behind.trim_start_matches(' ');
        let rest = behind.strip_prefix([',', '\t', '，', ';']);
        return match rest {
            None if behind.is_empty() && !key.is_empty() => {
                Ok(Parts { key, prompt: None, supercategory: None })
            }
            Some(rest) if !key.is_empty() => with_prompt(key, rest.trim(), line),
            _ => Err(format!(
                "`{line}` is not of the form `\"key\", prompt`; write a quotation mark inside the key as two quotation marks"
            )),
        };
    }
    let by_comma = line.split_once(',').filter(|(key, _)| !key.trim().contains('\t'));
    let separated = match by_blank {
        true => line.split_once(char::is_whitespace),
        false => by_comma.or_else(|| line.split_once('\t')),
    };
    match separated {
        None => Ok(Parts { key: line.to_owned(), prompt: None, supercategory: None }),
        Some((key, rest)) => with_prompt(key.trim().to_owned(), rest.trim(), line),
    }
}

fn with_prompt(key: String, rest: &str, line: &str) -> Result<Parts, String> {
    let (prompt, above) = match quoted(rest) {
        Some((prompt, behind)) => match behind.trim().strip_prefix('|') {
            Some(above) => (prompt, Some(above)),
            None if behind.trim().is_empty() => (prompt, None),
            None if behind.trim_start().starts_with(',') => {
                return Err(format!("`{line}` has three fields: write `key, prompt`"));
            }
            None => plain(rest),
        },
        None => plain(rest),
    };
    let (prompt, above) = (prompt.trim().to_owned(), above.map(|above| above.trim().to_owned()));
    if above.as_ref().is_some_and(String::is_empty) || (above.is_some() && prompt.is_empty()) {
        return Err(format!("`{line}` is not of the form `key, prompt | supercategory`"));
    }
    if key.is_empty() || prompt.is_empty() {
        return Err(format!("`{line}` is not of the form `key, prompt`"));
    }
    Ok(Parts { key, prompt: Some(prompt), supercategory: above })
}

fn plain(rest: &str) -> (String, Option<&str>) {
    match rest.split_once('|') {
        Some((prompt, above)) => (prompt.to_owned(), Some(above)),
        None => (rest.to_owned(), None),
    }
}

/// What stands in quotation marks at the start of `text`, in which two are one, and what comes behind them.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('"')?;
    let mut inside = String::new();
    loop {
        let (before, behind) = rest.split_once('"')?;
        inside.push_str(before);
        match behind.strip_prefix('"') {
            Some(behind) => {
                inside.push('"');
                rest = behind;
            }
            None => return Some((inside, behind)),
        }
    }
}

/// Whether a line begins with a WordNet id and a blank, as ImageNet's `LOC_synset_mapping.txt` has them: no key.
pub(super) fn is_synset(line: &str) -> bool {
    let id = line.trim().split_once(' ').and_then(|(id, _)| id.strip_prefix('n'));
    id.is_some_and(|digits| digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The line that reads back as `class`.
pub(super) fn line_of(class: &Class) -> String {
    let key = &class.key;
    let marks =
        key.contains([',', '"', '\t', '\n', '\r']) || key.starts_with(['#', '\u{feff}', '{', '[']);
    let key = in_marks(key, marks || key.trim() != key || is_synset(key));
    let prompt =
        in_marks(&class.prompt, class.prompt.contains('|') || class.prompt.starts_with('"'));
    match &class.supercategory {
        None => format!("{key}, {prompt}\n"),
        Some(above) => format!("{key}, {prompt} | {above}\n"),
    }
}

fn in_marks(text: &str, needed: bool) -> String {
    match needed {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(line: &str) -> (String, Option<String>, Option<String>) {
        let Parts { key, prompt, supercategory } = parse_line(line, false).unwrap();
        (key, prompt, supercategory)
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn lists_of_other_programs_are_understood_where_that_is_safe() {
        assert_eq!(parts("\"0\",\"zero\""), ("0".into(), some("zero"), None));
        assert_eq!(parts("0\tzero"), ("0".into(), some("zero"), None));
        assert_eq!(
            parts("n01440764\ttench, Tinca"),
            ("n01440764".into(), some("tench, Tinca"), None)
        );
        assert_eq!(parts("\"a, b\" , c | d"), ("a, b".into(), some("c"), some("d")));
        assert_eq!(parts("0, \"a|b\" | c"), ("0".into(), some("a|b"), some("c")));
        assert_eq!(parts("0 zero"), ("0 zero".into(), None, None));
        assert_eq!(parts("a|b"), ("a|b".into(), None, None));
        let loc = parse_line("n01440764 tench, Tinca tinca", true).unwrap();
        assert_eq!((loc.key.as_str(), loc.prompt), ("n01440764", some("tench, Tinca tinca")));
        assert!(is_synset("n01440764 tench") && !is_synset("n01440764, tench"));
    }

    #[test]
    fn prompts_with_quotation_marks_stay_as_they_were() {
        assert_eq!(parts("n1, \"the\" cat"), ("n1".into(), some("\"the\" cat"), None));
        assert_eq!(parts("n1, hen, \"brood"), ("n1".into(), some("hen, \"brood"), None));
    }

    #[test]
    fn lines_that_could_be_read_two_ways_are_refused() {
        for line in
            ["\"a", "\"a\" b", "\"a\": \"b\",", "\"a\",\"b\",\"c\"", "a, b |", "a,", "\"\", b"]
        {
            assert!(parse_line(line, false).is_err(), "{line}");
        }
    }
}

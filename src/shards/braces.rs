//! Brace lists and ranges, as shells and WebDataset write them.
//!
//! `{a,b}`, `{000000..000123}` (either bound's zero padding is kept, falling ranges allowed), `{000..146..2}` and `{a..e}`,
//! as bash has them; several groups and nested lists multiply. A group without a comma or range stays as it is.

/// More shards than this from one pattern is a typing mistake.
const MAX_EXPANSION: usize = 1_000_000;

/// All strings that a pattern stands for, in the order a shell gives them.
///
/// # Errors
/// A description of what is wrong with the pattern: unbalanced braces, or too many results.
pub(super) fn expand_braces(pattern: &str) -> Result<Vec<String>, String> {
    let Some(open) = pattern.find('{') else {
        return if pattern.contains('}') {
            Err("a `}` without its `{`".to_owned())
        } else {
            Ok(vec![pattern.to_owned()])
        };
    };
    let (before, from_open) = pattern.split_at(open);
    if before.contains('}') {
        return Err("a `}` without its `{`".to_owned());
    }
    let inside_start = from_open.strip_prefix('{').unwrap_or(from_open);
    let close = closing_brace(inside_start).ok_or("a `{` without its `}`")?;
    let (inside, rest) = inside_start.split_at(close);
    let tails = expand_braces(rest.strip_prefix('}').unwrap_or(rest))?;

    let heads = expand_group(inside)?;
    if heads.len().saturating_mul(tails.len()) > MAX_EXPANSION {
        return Err(format!("stands for more than {MAX_EXPANSION} names"));
    }
    let pairs = heads.iter().flat_map(|head| tails.iter().map(move |tail| (head, tail)));
    Ok(pairs.map(|(head, tail)| format!("{before}{head}{tail}")).collect())
}

/// Byte position of the `}` that closes a group whose `{` is already passed.
fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (position, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(position),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// What the inside of one group stands for.
fn expand_group(inside: &str) -> Result<Vec<String>, String> {
    let parts = split_at_top_level_commas(inside);
    if parts.len() > 1 {
        let expanded: Result<Vec<_>, _> = parts.into_iter().map(expand_braces).collect();
        return Ok(expanded?.into_iter().flatten().collect());
    }
    match inside.split_once("..") {
        Some((first, rest)) => {
            let (last, step) = rest.split_once("..").unwrap_or((rest, "1"));
            expand_range(first, last, step).unwrap_or_else(|| {
                Err(format!("`{{{inside}}}` is not a range of whole numbers or letters"))
            })
        }
        None => Ok(expand_braces(inside)?.into_iter().map(|s| format!("{{{s}}}")).collect()),
    }
}

fn split_at_top_level_commas(text: &str) -> Vec<&str> {
    let mut depth = 0usize;
    text.split(|character| {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    })
    .collect()
}

/// A range, whose direction is that of its bounds whatever the sign of the step; `None` where it is none.
fn expand_range(first: &str, last: &str, step: &str) -> Option<Result<Vec<String>, String>> {
    // A step of nothing is one of 1.
    let step = usize::try_from(whole(step)?.unsigned_abs()).ok()?.max(1);
    if let (Some(first), Some(last)) = (letter(first), letter(last)) {
        let letters = steps(i64::from(first), i64::from(last), step);
        let name = |code: i64| u8::try_from(code).map(|code| char::from(code).to_string()).ok();
        return Some(Ok(letters.filter_map(name).collect()));
    }
    let (low, high) = (whole(first)?, whole(last)?);
    let names = low.abs_diff(high) / step as u64;
    if names >= MAX_EXPANSION as u64 {
        return Some(Err(format!("stands for more than {MAX_EXPANSION} names")));
    }
    let digits = |text: &str| text.strip_prefix('-').unwrap_or(text).to_owned();
    let padded = |text: &str| digits(text).len() > 1 && digits(text).starts_with('0');
    let width = if padded(first) || padded(last) { first.len().max(last.len()) } else { 0 };
    Some(Ok(steps(low, high, step).map(|number| format!("{number:0width$}")).collect()))
}

/// A whole number, without a `+`.
fn whole(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let fine = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| fine)
}

/// A bound that is one letter.
fn letter(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [letter] if letter.is_ascii_alphabetic() => Some(*letter),
        _ => None,
    }
}

/// From one bound towards the other.
fn steps(first: i64, last: i64, step: usize) -> Box<dyn Iterator<Item = i64>> {
    match first <= last {
        true => Box::new((first..=last).step_by(step)),
        false => Box::new((last..=first).rev().step_by(step)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(pattern: &str) -> Vec<String> {
        expand_braces(pattern).unwrap()
    }

    #[test]
    fn ranges_keep_their_padding() {
        assert_eq!(
            expand("t-{008..011}.tar"),
            ["t-008.tar", "t-009.tar", "t-010.tar", "t-011.tar"]
        );
        assert_eq!(expand("{9..11}"), ["9", "10", "11"]);
        assert_eq!(expand("{2..0}"), ["2", "1", "0"]);
        assert_eq!(expand("{000000..000123}").len(), 124);
        assert_eq!(expand("{1..010}").first().map(String::as_str), Some("001"));
    }

    #[test]
    fn ranges_have_steps_and_signs_as_in_bash() {
        for (pattern, names) in [
            ("{000..006..2}", "000 002 004 006"),
            ("{1..10..4}", "1 5 9"),
            ("{10..1..4}", "10 6 2"),
            ("{10..1..-4}", "10 6 2"),
            ("{1..5..-2}", "1 3 5"),
            ("{1..3..0}", "1 2 3"),
            ("{-1..1}", "-1 0 1"),
            ("{-01..1}", "-01 000 001"),
            ("{1..-2}", "1 0 -1 -2"),
            ("{0..5..99}", "0"),
            ("{a..c}", "a b c"),
            ("{c..a}", "c b a"),
            ("{a..i..4}", "a e i"),
            ("{X..Z}", "X Y Z"),
            ("{0..9000000..3000000}", "0 3000000 6000000 9000000"),
        ] {
            assert_eq!(expand(pattern).join(" "), names, "{pattern}");
        }
    }

    #[test]
    fn groups_multiply_and_nest() {
        assert_eq!(expand("{a,b}/{0..1}.tar"), ["a/0.tar", "a/1.tar", "b/0.tar", "b/1.tar"]);
        assert_eq!(expand("x{a,b{1..2},}"), ["xa", "xb1", "xb2", "x"]);
        assert_eq!(expand("plain.tar"), ["plain.tar"]);
        assert_eq!(expand("{alone}"), ["{alone}"]);
    }

    #[test]
    fn mistakes_are_named() {
        for (pattern, part) in [
            ("a{0..3.tar", "without its `}`"),
            ("a0..3}.tar", "without its `{`"),
            ("a}b{1..2}", "without its `{`"),
            ("{a..3}", "not a range"),
            ("{1..3..x}", "not a range"),
            ("{1..3..}", "not a range"),
            ("{1..2..3..4}", "not a range"),
            ("{+1..3}", "not a range"),
            ("{ab..cd}", "not a range"),
            ("{0..99999999}", "more than"),
            ("{0..9999}{0..9999}", "more than"),
            ("{0..99999999999999999999999}", "not a range"),
        ] {
            let error = expand_braces(pattern).unwrap_err();
            assert!(error.contains(part), "{pattern}: {error}");
        }
    }
}

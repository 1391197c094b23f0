//! Many names of files as one pattern: what a shell made of a glob is written as a range again.

/// Names up to this count are written as they are.
const FEW: usize = 4;

/// `a-000.tar`, `a-001.tar`, … as `a-{000..001}.tar`, where the names differ in one number that counts up without a gap;
/// else as they are.
pub(crate) fn folded(patterns: &[String]) -> Vec<String> {
    if patterns.len() <= FEW {
        return patterns.to_vec();
    }
    let mut sorted = patterns.to_vec();
    sorted.sort();
    range(&sorted).map_or_else(|| patterns.to_vec(), |range| vec![range])
}

fn range(names: &[String]) -> Option<String> {
    let (first, last) = (names.first()?, names.last()?);
    let before = common(first.bytes(), last.bytes());
    // The number begins where its digits do, and ends where they end.
    let start = first[..first.floor_char_boundary(before)]
        .trim_end_matches(|c: char| c.is_ascii_digit())
        .len();
    let digits = first[start..].bytes().take_while(u8::is_ascii_digit).count();
    let (prefix, suffix) = (&first[..start], &first[start + digits..]);
    if digits == 0 || [prefix, suffix].iter().any(|part| part.contains(['{', '}', '*', '?', '['])) {
        return None;
    }
    let number = |name: &String| {
        let middle = name.strip_prefix(prefix)?.strip_suffix(suffix)?;
        let whole = middle.len() == digits && middle.bytes().all(|byte| byte.is_ascii_digit());
        middle.parse::<usize>().ok().filter(|_| whole)
    };
    let numbers: Vec<usize> = names.iter().map(number).collect::<Option<_>>()?;
    let from = *numbers.first()?;
    let consecutive = numbers.iter().enumerate().all(|(at, &number)| number == from + at);
    let to = *numbers.last()?;
    consecutive.then(|| format!("{prefix}{{{from:0digits$}..{to:0digits$}}}{suffix}"))
}

fn common(a: impl Iterator<Item = u8>, b: impl Iterator<Item = u8>) -> usize {
    a.zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: impl IntoIterator<Item = String>) -> Vec<String> {
        folded(&names.into_iter().collect::<Vec<_>>())
    }

    #[test]
    fn what_a_shell_expanded_is_a_range_again() {
        assert_eq!(of((0..12).map(|n| format!("d1/t-{n:03}.tar"))), ["d1/t-{000..011}.tar"]);
        assert_eq!(of((5..10).rev().map(|n| format!("t{n}-v2.tar.zst"))), ["t{5..9}-v2.tar.zst"]);
        assert_eq!(of((98..103).map(|n| format!("a{n:06}.tar"))), ["a{000098..000102}.tar"]);
    }

    #[test]
    fn what_is_no_range_stays() {
        for names in [
            vec!["a-0.tar", "a-1.tar", "a-2.tar", "a-3.tar", "a-5.tar"],
            vec!["a-8.tar", "a-9.tar", "a-10.tar", "a-11.tar", "a-12.tar"],
            vec!["a.tar", "b.tar", "c.tar", "d.tar", "e.tar"],
            vec!["a-0.tar", "a-1.tar"],
        ] {
            let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
            assert_eq!(folded(&names), names);
        }
    }
}

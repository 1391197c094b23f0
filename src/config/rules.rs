//! What a value must satisfy beyond its type. A rule answers with what is wrong, in words.

use std::fmt::Display;
use std::path::PathBuf;

/// The answer of a rule: `Err` says what the value must be.
pub type Verdict = Result<(), String>;

/// Anything of the right type.
pub fn any<T>(_: &T) -> Verdict {
    Ok(())
}

/// At least `least`.
pub fn at_least<T: PartialOrd + Display + Copy>(least: T) -> impl Fn(&T) -> Verdict {
    move |v| if *v >= least { Ok(()) } else { Err(format!("must be at least {least}, is {v}")) }
}

/// Within `low ..= high`.
pub fn between<T: PartialOrd + Display + Copy>(low: T, high: T) -> impl Fn(&T) -> Verdict {
    move |v| {
        if *v >= low && *v <= high {
            Ok(())
        } else {
            Err(format!("must be between {low} and {high}, is {v}"))
        }
    }
}

/// At least `least` and a multiple of `step`.
pub fn multiple_of(step: usize, least: usize) -> impl Fn(&usize) -> Verdict {
    move |v| {
        if *v >= least && *v <= 16_384 && v.is_multiple_of(step) {
            Ok(())
        } else {
            Err(format!("must be a multiple of {step} from {least} to 16384, is {v}"))
        }
    }
}

/// As [`multiple_of`], or not given.
pub fn multiple_of_if_given(step: usize, least: usize) -> impl Fn(&Option<usize>) -> Verdict {
    move |v| v.as_ref().map_or(Ok(()), multiple_of(step, least))
}

/// Not left out.
#[expect(clippy::ptr_arg, reason = "a rule takes what the setting holds")]
pub fn given(path: &PathBuf) -> Verdict {
    let cure = "name the folder of a text-to-image model exported to ONNX (docs/models.md)";
    if path.as_os_str().is_empty() { Err(format!("is missing: {cure}")) } else { Ok(()) }
}

/// Not left out, and not an empty list.
pub fn not_empty<T>(list: &T) -> Verdict
where
    for<'a> &'a T: IntoIterator,
{
    if list.into_iter().next().is_some() { Ok(()) } else { Err("is missing or empty".into()) }
}

/// Extensions as they are compared: lower case, without a leading dot; at least one.
pub fn extensions(list: &Vec<String>) -> Verdict {
    let plain = |e: &String| !e.is_empty() && !e.starts_with('.') && *e == e.to_lowercase();
    match list.iter().find(|e| !plain(e)) {
        Some(wrong) => Err(format!("has {wrong:?}: write extensions in lower case, without a dot")),
        None => not_empty(list),
    }
}

/// Usable as a file name: letters, digits, `-`, `_`.
pub fn file_name(name: &String) -> Verdict {
    let fine =
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if fine { Ok(()) } else { Err(format!("may have letters, digits, - and _ only, is {name:?}")) }
}

/// Numbers to divide by.
pub fn all_positive(values: &[f64; 3]) -> Verdict {
    let fine = values.iter().all(|value| *value > 0.0);
    if fine { Ok(()) } else { Err(format!("must be positive, is {values:?}")) }
}

/// Within `low ..= high`, or not given.
pub fn between_if_given(low: usize, high: usize) -> impl Fn(&Option<usize>) -> Verdict {
    move |v| v.as_ref().map_or(Ok(()), between(low, high))
}

/// At least `least`, or not given.
pub fn at_least_if_given<T: PartialOrd + Display + Copy>(
    least: T,
) -> impl Fn(&Option<T>) -> Verdict {
    move |v| v.as_ref().map_or(Ok(()), at_least(least))
}

//! Keys that had another name in earlier versions: each is refused with the new one.

/// Section and key as they were, and as they are.
const RENAMED: [([&str; 2], [&str; 2]); 2] = [
    (["generate", "schedule"], ["guidance.published", "schedule"]),
    (["guidance", "schedule"], ["guidance.published", "schedule"]),
];

/// What to say of `section.key` if it had that name once: what it is called, and what to write.
pub(super) fn renamed(section: &str, key: &str) -> Option<(String, String)> {
    let (_, [new_section, new_key]) = RENAMED.iter().find(|(old, _)| *old == [section, key])?;
    Some((
        format!("`{section}.{key}` is called `{new_section}.{new_key}` now"),
        format!("write `{new_key} = …` below [{new_section}]"),
    ))
}

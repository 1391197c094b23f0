//! Sample keys and class keys from names of files and folders.

use crate::imaging::member_extension;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The key of a file of `class`: its name up to the last dot, with the class in front where it
/// isn't yet (Places365 has the same names in every folder, ImageNet none twice). What would end a
/// key or hide a sample from a reader (dots, slashes, white space) becomes `_`.
pub(crate) fn sample_key(path: &Path, class: &str) -> String {
    let stem = as_text(path.file_stem().unwrap_or_default(), "%");
    let (stem, class) = (plain(&stem), plain(class));
    let named = stem.strip_prefix(&class).is_some_and(|rest| rest.starts_with(['_', '-']));
    let key = if named { stem } else { format!("{class}_{stem}") };
    // Readers take names with two underscores in front for metadata.
    match key.strip_prefix("__") {
        Some(rest) => format!("_{}", rest.trim_start_matches('_')),
        None => key,
    }
}

/// The member's extension: lower case, one for each image format.
pub(crate) fn extension(path: &Path) -> Option<String> {
    let extension = path.extension()?.to_str()?.to_lowercase();
    let known = member_extension(&extension);
    Some(known.map(str::to_owned).unwrap_or(extension))
}

/// The class key of a folder's or a table's name: the name as it is, but for what a label can't hold, which becomes `%`
/// and two digits: bytes that are no UTF-8, control characters, white space and byte order marks around it.
pub(crate) fn class_key(name: &OsStr) -> String {
    let name = as_text(name, "%");
    let outside = |c: char| c.is_whitespace() || c == '\u{feff}';
    let inner = name.trim_matches(outside);
    let before = name.len() - name.trim_start_matches(outside).len();
    let mut key = String::with_capacity(name.len());
    for (at, c) in name.char_indices() {
        let around = at < before || at >= before + inner.len();
        match around || c.is_control() {
            true => {
                c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| push_hex(&mut key, "%", byte))
            }
            false => key.push(c),
        }
    }
    key
}

/// What a class is called in a prompt: its key, with a blank for what [`class_key`] wrote as a number.
pub(crate) fn prompt_of(key: &str) -> String {
    let mut prompt = String::with_capacity(key.len());
    let mut rest = key;
    while let Some((before, after)) = rest.split_once('%') {
        prompt.push_str(before);
        let byte = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let ours = byte.is_some_and(|byte| byte <= b' ' || byte >= 0x7f);
        prompt.push(if ours { ' ' } else { '%' });
        rest = if ours { &after[2..] } else { after };
    }
    prompt.push_str(rest);
    let prompt = prompt.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    if prompt.is_empty() { key.to_owned() } else { prompt }
}

/// A path for a message: bytes that are no UTF-8 as `\xe9`, so that two such names look different.
pub(crate) fn shown(path: &Path) -> String {
    as_text(path.as_os_str(), "\\x")
}

fn as_text(name: &OsStr, mark: &str) -> String {
    let mut text = String::new();
    for chunk in name.as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|&byte| push_hex(&mut text, mark, byte));
    }
    text
}

fn push_hex(text: &mut String, mark: &str, byte: u8) {
    // Writing to a string can't fail.
    let _ = write!(text, "{mark}{byte:02x}");
}

fn plain(text: &str) -> String {
    let unfit = |c: char| c == '.' || c == '/' || c.is_whitespace() || c.is_control();
    text.chars().map(|c| if unfit(c) { '_' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_hold_the_class_once_and_nothing_that_ends_them() {
        let key = |path: &str, class| sample_key(Path::new(path), class);
        assert_eq!(key("n01440764/n01440764_18.JPEG", "n01440764"), "n01440764_18");
        assert_eq!(key("abbey/00000001.jpg", "abbey"), "abbey_00000001");
        assert_eq!(key("a/ab.jpg", "a"), "a_ab");
        assert_eq!(key("x/my pic.v2.png", "great white.shark"), "great_white_shark_my_pic_v2");
        assert_eq!(key("x/__a.png", "__"), "_a");
    }

    #[test]
    fn extensions_are_lower_case_and_one_for_jpeg() {
        let of = |path: &str| extension(Path::new(path));
        for name in ["a.JPEG", "a.jfif", "a.pjpeg", "a.jpe", "a.PJP"] {
            assert_eq!(of(name).as_deref(), Some("jpg"), "{name}");
        }
        assert_eq!(of("a.b.PNG").as_deref(), Some("png"));
        assert_eq!(of("README"), None);
    }

    #[test]
    fn names_that_are_no_utf8_stay_apart() {
        let name = |byte: u8| Path::new(OsStr::from_bytes(&[b'c', byte, b'.', b'j'])).to_owned();
        assert_eq!(sample_key(&name(0xe8), "k"), "k_c%e8");
        assert_eq!(sample_key(&name(0xe9), "k"), "k_c%e9");
        assert_eq!(shown(&name(0xe9)), "c\\xe9.j");
        assert_eq!(class_key(OsStr::from_bytes(b"caf\xe9")), "caf%e9");
    }

    #[test]
    fn class_keys_are_labels_that_read_back_and_prompts_are_words() {
        let key = |name: &str| class_key(OsStr::new(name));
        for plain in ["tabby, cat", "#7", "a|b", "100% wool", "ä"] {
            assert_eq!((key(plain).as_str(), prompt_of(&key(plain)).as_str()), (plain, plain));
        }
        for (name, expected, prompt) in [
            (" cat ", "%20cat%20", "cat"),
            ("a\nb", "a%0ab", "a b"),
            ("\u{feff}cat", "%ef%bb%bfcat", "cat"),
            ("\u{a0}", "%c2%a0", "%c2%a0"),
        ] {
            assert_eq!((key(name).as_str(), prompt_of(&key(name)).as_str()), (expected, prompt));
        }
    }
}

//! Class keys as file names. Ours, as the percent-encoding crate writes capital digits and runs have names in small ones.

/// `key` as a name that any Unix file system and any WebDataset reader takes: letters, digits, `-` and `_` stay, any other
/// byte becomes `%` and two hexadecimal digits (a dot too: WebDataset keys end at the first dot). Different keys have
/// different names; they may differ in case only.
pub fn file_stem(key: &str) -> String {
    let mut name = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            name.push(byte as char);
        } else {
            name.push_str(&format!("%{byte:02x}"));
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::file_stem;

    #[test]
    fn plain_keys_stay_and_others_stay_apart() {
        assert_eq!(file_stem("n02086240"), "n02086240");
        assert_eq!(file_stem("a/b.c"), "a%2fb%2ec");
        assert_ne!(file_stem("a b"), file_stem("a%20b"));
        assert_eq!(file_stem(".."), "%2e%2e");
    }
}

//! Addresses of Hugging Face's own kind, which another program has to read.

/// The pattern that reads what `hf://…` names: a command. `None` where that names no file.
pub(super) fn instead_of(address: &str) -> Option<String> {
    let path = address.strip_prefix("hf://")?;
    let (kind, path) = ["datasets/", "spaces/"]
        .into_iter()
        .find_map(|kind| Some((kind, path.strip_prefix(kind)?)))
        .unwrap_or(("", path));
    let mut parts = path.splitn(3, '/');
    let (owner, name, file) = (parts.next()?, parts.next()?, parts.next()?);
    let (name, revision) = name.split_once('@').unwrap_or((name, "main"));
    if [owner, name, revision, file].iter().any(|part| part.is_empty()) {
        return None;
    }
    let url = format!("https://huggingface.co/{kind}{owner}/{name}/resolve/{revision}/{file}");
    Some(format!("pipe:curl -sfL -H \"Authorization: Bearer $HF_TOKEN\" '{url}'"))
}

#[cfg(test)]
mod tests {
    use super::instead_of;

    #[test]
    fn the_command_has_the_files_own_address() {
        let of = |address| instead_of(address).unwrap_or_default();
        let start =
            "pipe:curl -sfL -H \"Authorization: Bearer $HF_TOKEN\" 'https://huggingface.co/";
        assert_eq!(
            of("hf://datasets/timm/imagenet-1k-wds/imagenet1k-train-0000.tar"),
            format!("{start}datasets/timm/imagenet-1k-wds/resolve/main/imagenet1k-train-0000.tar'")
        );
        assert_eq!(of("hf://a/b@v1/c/d.tar"), format!("{start}a/b/resolve/v1/c/d.tar'"));
        assert_eq!(of("hf://datasets/a/b"), "");
        assert_eq!(of("s3://a/b/c"), "");
    }
}

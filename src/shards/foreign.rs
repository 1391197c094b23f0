//! Files that are no tars, by what they begin with.

/// What a file that is no tar seems to be, and what to do about it; empty where that is not known. `head` is its
/// beginning, not more than a block.
pub(super) fn kind_of(head: &[u8]) -> String {
    const KNOWN: [(&[u8], &str); 18] = [
        (b"PAR1", PARQUET),
        (b"ARROW1", "it is an Arrow file, which is not read as a shard"),
        (b"PK\x03\x04", "it is a ZIP file: unpack it and pack the files as .tar"),
        (b"PK\x05\x06", "it is an empty ZIP file"),
        (b"7z\xbc\xaf\x27\x1c", "it is a 7z file: unpack it and pack the files as .tar"),
        (b"Rar!\x1a\x07", "it is a RAR file: unpack it and pack the files as .tar"),
        (b"\x1f\x9d", "it is compressed with compress (.Z): repack it as .tar or .tar.gz"),
        (b"\x5d\x00\x00", "it is compressed with lzma: repack it as .tar or .tar.zst"),
        (b"070701", CPIO),
        (b"070702", CPIO),
        (b"070707", CPIO),
        (b"\xc7\x71", CPIO),
        (b"\x71\xc7", CPIO),
        (b"version https://git-lfs", LFS),
        (b"\x89HDF", "it is an HDF5 file, which is not read as a shard"),
        (b"%PDF", "it is a PDF file"),
        (b"{\"", "it is JSON, perhaps a server's message in place of the file: look at it"),
        (b"<?xml", "it is XML, perhaps a server's message in place of the file: look at it"),
    ];
    const PARQUET: &str = "it is a Parquet file, whose table of contents is at its end, so that it is not read from a pipe, from standard \
         input or compressed as a whole: save it as a file of its own";
    const CPIO: &str = "it is a cpio archive: unpack it and pack the files as .tar";
    const LFS: &str = "it is a pointer of git-lfs: fetch the file itself (`git lfs pull`)";
    const IMAGE: &str = "it is an image: pack images with `coda-pipe shards pack`";
    if let Some((_, kind)) = KNOWN.iter().find(|(start, _)| head.starts_with(start)) {
        return (*kind).to_owned();
    }
    if crate::imaging::is_image(head) {
        return IMAGE.to_owned();
    }
    let text = head.trim_ascii_start().iter().take(14).map(u8::to_ascii_lowercase);
    let text: Vec<u8> = text.collect();
    match text.starts_with(b"<!doctype html") || text.starts_with(b"<html") {
        true => "it is an HTML page, as servers send in place of a file that needs a login or is \
                 not there: look at it"
            .to_owned(),
        false => String::new(),
    }
}

//! An ONNX graph's bytes, from which the names of the files that its weights lie in are read.

#![no_main]

use std::io::Cursor;

use coda_pipe::onnx::ExternalData;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let found = ExternalData::read(Cursor::new(data));
    // Names are in the bytes, each once; all of them together are no longer than these.
    let names: usize = found.files.keys().map(|name| name.len()).sum();
    assert!(names <= data.len());
    // What is cut off can't add names.
    let half = ExternalData::read(Cursor::new(&data[..data.len() / 2]));
    assert!(half.files.keys().all(|name| found.files.contains_key(name)));
    if let Some(fault) = found.fault {
        assert!(!fault.to_string().is_empty());
    }
});

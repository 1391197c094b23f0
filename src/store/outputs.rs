//! Whether what receipts name is there.

use super::error::StoreError;
use super::receipt::Receipt;
use super::run_dir::RunDir;

impl RunDir {
    /// Whether the outputs of a receipt are there in the recorded length.
    ///
    /// # Errors
    /// If that cannot be found out: a server or a disk that fails does not mean that a file is gone.
    pub fn outputs_present(&self, receipt: &Receipt) -> Result<bool, StoreError> {
        for output in &receipt.outputs {
            if !self.backend().has(output)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Those of some receipts whose outputs are there.
    ///
    /// # Errors
    /// As [`RunDir::outputs_present`].
    pub fn with_outputs<'a>(
        &self,
        receipts: impl IntoIterator<Item = &'a Receipt>,
    ) -> Result<Vec<&'a Receipt>, StoreError> {
        let mut found = Vec::new();
        for receipt in receipts {
            if self.outputs_present(receipt)? {
                found.push(receipt);
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::super::atomic::Written;
    use super::*;

    #[test]
    fn an_output_is_missing_only_where_that_is_certain() {
        let dir = tempfile::tempdir().unwrap();
        let run_dir = RunDir::new(dir.path());
        let written = run_dir.write("encode/a.bin", b"content").unwrap();
        let receipt = |file: &str, bytes: u64| Receipt {
            version: Receipt::VERSION,
            unit: "encode/a".into(),
            fingerprint: String::new(),
            settings: serde_json::Value::Null,
            inputs: Default::default(),
            outputs: vec![Written { file: file.into(), bytes, ..written.clone() }],
            contents: Default::default(),
            samples: 1,
            faults: Vec::new(),
            log: Vec::new(),
            seconds: 0.0,
        };
        let there = |file: &str, bytes: u64| run_dir.outputs_present(&receipt(file, bytes));
        assert!(there("encode/a.bin", 7).unwrap());
        let long = "x".repeat(300);
        for (file, bytes) in
            [("encode/a.bin", 6), ("encode/b.bin", 7), ("encode/a.bin/b", 7), (long.as_str(), 7)]
        {
            assert!(!there(file, bytes).unwrap(), "{file}");
        }
        // A loop of links: the disk's error, whatever it means.
        std::os::unix::fs::symlink("loop", dir.path().join("loop")).unwrap();
        assert!(there("loop", 7).is_err());
        let (good, bad) = (receipt("encode/a.bin", 7), receipt("encode/b.bin", 7));
        assert_eq!(run_dir.with_outputs([&bad, &good]).unwrap(), [&good]);
    }
}

use super::*;
use arrow::array::{ArrayRef, Int32Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;

/// An object in memory that notes what it is asked for, and fails while told to.
#[derive(Default)]
struct Noted {
    content: Vec<u8>,
    asked: Mutex<Vec<Range<u64>>>,
    fails: std::sync::atomic::AtomicBool,
}

impl ReadRanges for Noted {
    fn read_ranges(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Bytes>> {
        if self.fails.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "no answer"));
        }
        self.asked.lock().unwrap().extend_from_slice(ranges);
        let part = |r: &Range<u64>| self.content[r.start as usize..r.end as usize].to_vec().into();
        Ok(ranges.iter().map(part).collect())
    }
}

/// A Parquet file of row groups of 100,000 numbers that don't compress.
fn table(groups: i32) -> Vec<u8> {
    let rows = 100_000;
    let properties =
        WriterProperties::builder().set_max_row_group_row_count(Some(rows as usize)).build();
    let column = |group: i32| {
        let numbers = (0..rows).map(|i| (group * rows + i).wrapping_mul(-1_640_531_527));
        Arc::new(Int32Array::from_iter_values(numbers)) as ArrayRef
    };
    let batch = |group| RecordBatch::try_from_iter([("n", column(group))]).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch(0).schema(), Some(properties)).unwrap();
    (0..groups).for_each(|group| writer.write(&batch(group)).unwrap());
    writer.into_inner().unwrap()
}

fn object(content: Vec<u8>) -> (Ranged, Arc<Noted>) {
    let noted = Arc::new(Noted { content, ..Noted::default() });
    let length = noted.content.len() as u64;
    (Ranged::object("s3://b/run/x.parquet".into(), length, noted.clone()), noted)
}

fn read(ranged: &Ranged, group: usize) -> Result<Vec<RecordBatch>, StoreError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(ranged.clone())
        .map_err(|error| ranged.explain(error))?;
    let reader =
        builder.with_row_groups(vec![group]).build().map_err(|error| ranged.explain(error))?;
    reader.map(|batch| batch.map_err(|error| ranged.explain(error))).collect()
}

#[test]
fn of_a_parquet_object_the_footer_and_the_wanted_row_group_are_downloaded() {
    let (ranged, noted) = object(table(8));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.parquet");
    std::fs::write(&path, &noted.content).unwrap();
    let local = Ranged::local(&path).unwrap();
    assert_eq!(read(&ranged, 3).unwrap(), read(&local, 3).unwrap());
    let asked: u64 = noted.asked.lock().unwrap().iter().map(|range| range.end - range.start).sum();
    let (group, whole) = (400_000, ranged.length());
    assert!(whole > 8 * group && asked < 2 * group, "{asked} of {whole}");
}

#[test]
fn what_was_announced_comes_in_one_request_and_is_read_from_memory() {
    let (ranged, noted) = object((0..1_000_000u32).map(|i| (i >> 3) as u8).collect());
    ranged.prefetch([10..20, 50_000..60_000, 900_000..2_000_000]).unwrap();
    let asked = std::mem::take(&mut *noted.asked.lock().unwrap());
    assert_eq!(asked, [10..60_000, 900_000..1_000_000]);
    assert_eq!(ranged.read(100..200).unwrap(), noted.content[100..200]);
    let mut rest = Vec::new();
    ranged.get_read(950_000).unwrap().read_to_end(&mut rest).unwrap();
    assert_eq!(rest, noted.content[950_000..]);
    assert!(noted.asked.lock().unwrap().is_empty());
    // What was not announced comes when it is read.
    assert_eq!(ranged.read(200_000..200_010).unwrap(), noted.content[200_000..200_010]);
    assert_eq!(*noted.asked.lock().unwrap(), [200_000..200_000 + SHORTEST]);
    assert!(ranged.read(999_990..1_000_001).is_err());
    // With nothing in memory, the same comes again.
    assert_eq!(ranged.fresh().read(100..200).unwrap(), noted.content[100..200]);
    assert_eq!(noted.asked.lock().unwrap().len(), 2);
}

#[test]
fn a_server_that_fails_is_not_taken_for_a_damaged_file() {
    let (ranged, noted) = object(table(2));
    let open = read(&ranged, 0).unwrap();
    noted.fails.store(true, std::sync::atomic::Ordering::SeqCst);
    let error = read(&ranged, 1).unwrap_err();
    assert!(matches!(&error, StoreError::Io { action: "read", .. }), "{error}");
    assert!(error.to_string().contains("no answer"), "{error}");
    noted.fails.store(false, std::sync::atomic::Ordering::SeqCst);
    assert_ne!(read(&ranged, 1).unwrap(), open);
    let (damaged, _) = object(table(1).into_iter().rev().collect());
    assert!(matches!(read(&damaged, 0), Err(StoreError::Table { .. })));
}

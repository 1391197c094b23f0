//! The rows of a Parquet file as samples.

use super::members::Rows;
use super::sound::next_batch;
use super::table::{Selected, Table, broken};
use super::wanted::Wanted;
use crate::shards::fault::{FaultReason, ShardFault};
use crate::shards::read_options::ReadOptions;
use crate::shards::sample::Sample;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, RowSelection};
use std::ops::Range;

/// Decoded at once, in bytes and in rows.
const AT_ONCE: (u64, u64) = (4 << 20, 256);

/// Which rows are read.
pub(in crate::shards) enum Which {
    /// All from this one on, which count from 0 there.
    From(u64),
    /// These alone, in order.
    These(Vec<u64>),
}

/// Streams a file's rows as samples and faults.
pub(in crate::shards) struct TableReader {
    table: Table,
    wanted: Wanted,
    batches: ParquetRecordBatchReader,
    /// The rows at hand, and the next of them.
    batch: Option<(Rows, usize)>,
    /// Numbers of the rows still to come, as ranges in reverse.
    left: Vec<Range<u64>>,
    /// The number that offsets count from.
    first: u64,
    finished: bool,
}

impl TableReader {
    /// # Errors
    /// If the table lacks the columns that are wanted, or can't be read.
    pub(in crate::shards) fn new(
        table: Table,
        which: Which,
        options: &ReadOptions,
    ) -> Result<Self, FaultReason> {
        let wanted = Wanted::of(&table, options)?;
        let leaves = wanted.leaves(&table);
        let rows = AT_ONCE.0 / wanted.row_bytes(&table).max(1);
        let total = table.group_rows().sum::<u64>();
        let (mut left, first) = match which {
            Which::From(first) => (vec![first.min(total)..total], first),
            Which::These(rows) => (runs(rows, total), 0),
        };
        let selected = selected(&table, &left);
        let batches = table.batches(&leaves, selected, rows.clamp(1, AT_ONCE.1) as usize);
        let batches = batches.map_err(|error| broken(&table.ranges, &error.to_string()))?;
        left.retain(|run| !run.is_empty());
        left.reverse();
        Ok(Self { table, wanted, batches, batch: None, left, first, finished: false })
    }

    /// The number of the next row.
    fn next_row(&mut self) -> Option<u64> {
        let run = self.left.last_mut()?;
        let row = run.next()?;
        if run.is_empty() {
            self.left.pop();
        }
        Some(row)
    }

    fn advance(&mut self) -> Result<Option<Result<Sample, ShardFault>>, FaultReason> {
        loop {
            if let Some((rows, at)) = &mut self.batch
                && *at < rows.count
            {
                *at += 1;
                let at = *at - 1;
                let Some(row) = self.next_row() else { return Ok(None) };
                return Ok(Some(self.sample(at, row)));
            }
            let failed =
                |error: &dyn std::fmt::Display| broken(&self.table.ranges, &error.to_string());
            let Some(batch) = next_batch(&mut self.batches) else {
                return match self.left.is_empty() {
                    true => Ok(None),
                    false => Err(failed(&"it has fewer rows than it says")),
                };
            };
            let batch = batch.map_err(|error| failed(&error))?;
            let rows = Rows::of(&self.table, &self.wanted, &batch);
            self.batch = Some((rows.map_err(|error| failed(&error))?, 0));
        }
    }

    fn sample(&self, at: usize, row: u64) -> Result<Sample, ShardFault> {
        let Some((rows, _)) = &self.batch else { return Err(self.fault(None, nothing(), true)) };
        let (key, made) = rows.sample(&self.table, &self.wanted, at, row);
        match made {
            Ok(mut sample) => {
                sample.offset -= self.first;
                sample.index -= self.first as usize;
                Ok(sample)
            }
            Err(reason) => Err(self.fault(Some(key), reason, false)),
        }
    }

    fn fault(&self, key: Option<String>, reason: FaultReason, fatal: bool) -> ShardFault {
        ShardFault { shard: self.table.shard.clone().into(), key, reason, fatal }
    }
}

impl Iterator for TableReader {
    type Item = Result<Sample, ShardFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.finished {
            return None;
        }
        match self.advance() {
            Ok(Some(item)) => Some(item),
            Ok(None) => {
                self.finished = true;
                None
            }
            Err(reason) => {
                self.finished = true;
                Some(Err(self.fault(None, reason, true)))
            }
        }
    }
}

fn nothing() -> FaultReason {
    FaultReason::BadParquet { detail: "a batch of rows is missing".to_owned() }
}

/// Runs of neighbours among these rows, in order.
fn runs(mut rows: Vec<u64>, total: u64) -> Vec<Range<u64>> {
    rows.sort_unstable();
    rows.dedup();
    let mut runs: Vec<Range<u64>> = Vec::new();
    for row in rows.into_iter().filter(|row| *row < total) {
        match runs.last_mut() {
            Some(run) if run.end == row => run.end += 1,
            _ => runs.push(row..row + 1),
        }
    }
    runs
}

/// The row groups that have rows of these runs, and the rows among theirs.
fn selected(table: &Table, runs: &[Range<u64>]) -> Selected {
    let (mut groups, mut wanted, mut start, mut before) = (Vec::new(), Vec::new(), 0, 0);
    for (group, rows) in table.group_rows().enumerate() {
        let end = start + rows;
        // Runs are in order, and so are groups.
        let from = runs.partition_point(|run| run.end <= start);
        let own = runs[from..].iter().take_while(|run| run.start < end);
        let own: Vec<Range<usize>> = own
            .map(|run| (run.start.max(start), run.end.min(end)))
            .filter(|(from, to)| from < to)
            .map(|(from, to)| (from - start + before) as usize..(to - start + before) as usize)
            .collect();
        if !own.is_empty() {
            groups.push(group);
            wanted.extend(own);
            before += rows;
        }
        start = end;
    }
    let rows = RowSelection::from_consecutive_ranges(wanted.into_iter(), before as usize);
    let all = rows.skipped_row_count() == 0;
    Selected { groups, rows: (!all).then_some(rows) }
}

#[cfg(test)]
mod tests {
    use super::runs;

    #[test]
    fn neighbours_are_one_run() {
        assert_eq!(runs(vec![5, 1, 2, 2, 9, 10], 10), [1..3, 5..6, 9..10]);
        assert!(runs(vec![], 10).is_empty());
    }
}

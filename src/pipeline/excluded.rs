//! Which images can't become cores, by what the comparison of all classes found.

use crate::config::LabelPurity;
use crate::store::tables::{LeftOut, PurityRow};
use std::cmp::Ordering;

/// Leaves out rows whose label `check` takes for wrong; `wrong` is what the neighbours of all rows say.
pub(crate) fn leave_out_wrong(rows: &mut [PurityRow], check: LabelPurity, wrong: &[bool]) {
    for (row, wrong) in rows.iter_mut().zip(wrong) {
        let out = match check {
            LabelPurity::Auto => *wrong,
            LabelPurity::Least(share) => f64::from(row.purity) < share,
        };
        if out {
            (row.kept, row.reason) = (false, Some(LeftOut::WrongLabel));
        }
    }
}

/// Takes back as many labels as each class lacks to `ipc` rows, those least likely to be wrong first. Rows stand class by
/// class.
pub(crate) fn enough_of_each(rows: &mut [PurityRow], ipc: usize) {
    for class in rows.chunk_by_mut(|a, b| a.class == b.class) {
        let is_out = |row: &PurityRow| row.reason == Some(LeftOut::WrongLabel);
        let mut out: Vec<usize> = (0..class.len()).filter(|&at| is_out(&class[at])).collect();
        let lacking = ipc.saturating_sub(class.len() - out.len());
        out.sort_by(|&a, &b| likelier_right(&class[a], &class[b]));
        for at in out.into_iter().take(lacking) {
            (class[at].kept, class[at].reason) = (true, None);
        }
    }
}

/// Rows with the larger margin of their own label's share over the next one's come first.
fn likelier_right(a: &PurityRow, b: &PurityRow) -> Ordering {
    (b.purity - b.other).total_cmp(&(a.purity - a.other))
}

/// What is left out, of all rows and then of each class that lacks some, for the log.
pub(crate) fn told(rows: &[PurityRow]) -> Vec<String> {
    let mut lines = vec![sentence(rows)];
    for class in rows.chunk_by(|a, b| a.class == b.class) {
        if class.iter().any(|row| !row.kept) {
            lines.push(format!("{}: {}", class[0].class, sentence(class)));
        }
    }
    lines
}

fn sentence(rows: &[PurityRow]) -> String {
    let count = |reason| rows.iter().filter(|row| row.reason == Some(reason)).count();
    let (wrong, sparse) = (count(LeftOut::WrongLabel), count(LeftOut::Sparse));
    format!(
        "{} of {} images left out, {wrong} because of their neighbours' labels and {sparse} as sparse",
        wrong + sparse,
        rows.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(shares: &[(&str, f32, f32)]) -> Vec<PurityRow> {
        let row = |(at, &(class, purity, other)): (usize, &(&str, f32, f32))| PurityRow {
            class: class.into(),
            row: at as u64,
            key: format!("k{at}"),
            shard: "s".into(),
            purity,
            other,
            core_distance: None,
            kept: true,
            reason: None,
        };
        shares.iter().enumerate().map(row).collect()
    }

    fn kept(rows: &[PurityRow]) -> Vec<bool> {
        rows.iter().map(|row| row.kept).collect()
    }

    #[test]
    fn labels_are_left_out_by_share_or_by_judgement() {
        let wrong = [false, true, false];
        let start = rows(&[("a", 0.4, 0.3), ("a", 0.6, 0.2), ("b", 0.5, 0.5)]);
        for (check, left) in [
            (LabelPurity::Least(0.5), [false, true, true]),
            (LabelPurity::Least(0.0), [true, true, true]),
            (LabelPurity::Auto, [true, false, true]),
        ] {
            let mut rows = start.clone();
            leave_out_wrong(&mut rows, check, &wrong);
            assert_eq!(kept(&rows), left, "{check:?}");
        }
    }

    #[test]
    fn a_class_gets_its_likeliest_labels_back() {
        let mut rows = rows(&[
            ("a", 0.0, 1.0),
            ("a", 0.1, 0.4),
            ("a", 0.9, 0.1),
            ("a", 0.2, 0.8),
            ("b", 0.0, 1.0),
            ("b", 0.1, 0.9),
        ]);
        leave_out_wrong(&mut rows, LabelPurity::Least(0.5), &[false; 6]);
        enough_of_each(&mut rows, 3);
        assert_eq!(kept(&rows), [false, true, true, true, true, true]);
        assert!(told(&rows)[1].starts_with("a: 1 of 4 images left out"), "{:?}", told(&rows));
    }
}

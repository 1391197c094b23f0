use super::*;

/// Two classes on a line: 0, 1, 2 … 9 and 100, 102, … 118; spacings 1 and 2.
fn real() -> ByClass {
    let at = |row: usize| if row < 10 { row as f32 } else { 100.0 + 2.0 * (row - 10) as f32 };
    ByClass { features: Matrix::from_fn(20, 1, |row, _| at(row)), counts: vec![10, 10] }
}

fn generated(values: &[f32], counts: [usize; 2]) -> ByClass {
    let features = Matrix::from_fn(values.len(), 1, |row, _| values[row]);
    ByClass { features, counts: counts.to_vec() }
}

#[test]
fn distances_are_held_against_the_spacing_of_the_neighbours_class() {
    // A copy, one half-way, one of the first class that lies among the second, one of the second.
    let images = generated(&[3.0, 4.5, 104.1, 103.0], [3, 1]);
    for search in [NeighborSearch::Exact, NeighborSearch::Hnsw] {
        let settings = AuditSettings { search, ..AuditSettings::default() };
        let found = audit(&real(), &images, &settings).unwrap().compared;
        let ratios: Vec<f64> = found.iter().map(|c| (c.ratio * 1e4).round() / 1e4).collect();
        assert_eq!(ratios, [0.0, 0.5, 0.05, 0.5]);
        let flagged: Vec<bool> = found.iter().map(|c| c.flagged).collect();
        assert_eq!(flagged, [true, false, true, false]);
        assert_eq!((found[2].nearest[0].row, found[2].nearest[0].class), (12, 1));
        let own = found[2].same_class.unwrap();
        assert_eq!((own.row, own.class), (9, 0));
        assert!((own.distance - 95.1).abs() < 1e-4);
        assert_eq!(found[1].nearest.iter().map(|n| n.row).collect::<Vec<_>>(), [4, 5, 3]);
    }
}

#[test]
fn what_an_index_missed_of_the_own_class_is_found_all_the_same() {
    let near = |row, distance| Neighbor { row, class: 0, distance };
    let found = vec![near(4, 2.0), near(7, 3.0), near(1, 4.0)];
    let rows = |own| -> Vec<usize> {
        with_same_class(found.clone(), own, 3).iter().map(|near| near.row).collect()
    };
    assert_eq!(rows(Some(near(9, 0.0))), [9, 4, 7]);
    assert_eq!(rows(Some(near(7, 1.5))), [7, 4, 1]);
    assert_eq!(rows(Some(near(4, 2.0))), [4, 7, 1]);
    assert_eq!(rows(None), [4, 7, 1]);
    assert_eq!(with_same_class(Vec::new(), Some(near(2, 1.0)), 3).len(), 1);
}

#[test]
fn duplicates_in_the_data_hide_no_copy() {
    // A third of the class is there twice: a quantile of the spacing would be 0.
    let at = [0.0, 0.0, 1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
    let real = ByClass { features: Matrix::from_fn(12, 1, |row, _| at[row]), counts: vec![12] };
    let images =
        ByClass { features: Matrix::from_fn(2, 1, |r, _| [5.02, 5.5][r]), counts: vec![2] };
    let found = audit(&real, &images, &AuditSettings::default()).unwrap().compared;
    assert_eq!(found.iter().map(|c| c.flagged).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn classes_of_one_or_none_are_measured_by_all() {
    let mut real = real();
    real.features =
        Matrix::from_fn(21, 1, |row, _| if row < 20 { real.features.row(row)[0] } else { 500.0 });
    real.counts.extend([1, 0]);
    let images = ByClass {
        features: Matrix::from_fn(2, 1, |r, _| [500.1, 3.0][r]),
        counts: vec![0, 0, 1, 1],
    };
    let found = audit(&real, &images, &AuditSettings::default()).unwrap();
    // The median of ten ones and ten twos.
    assert!((found.compared[0].ratio - 0.1 / 1.5).abs() < 1e-4);
    assert!(found.compared[0].flagged && found.compared[1].same_class.is_none());
    let keys: Vec<String> = ["a", "b", "c", "d"].map(String::from).to_vec();
    let summary = Summary::new(&found, &AuditSettings::default(), &keys, (21, 1));
    assert_eq!((summary.images, summary.nearest_of_another_class), (2, 1));
    assert_eq!(summary.histogram.generated.iter().sum::<u64>(), 2);
    assert_eq!(summary.histogram.real.iter().sum::<u64>(), 20);
    assert_eq!(summary.classes[2].spacing, 0.0);
}

#[test]
fn nothing_real_flags_nothing() {
    let none = ByClass { features: Matrix::from_fn(0, 1, |_, _| 0.0), counts: vec![0] };
    let images = ByClass { features: Matrix::from_fn(1, 1, |_, _| 0.0), counts: vec![1] };
    let found = audit(&none, &images, &AuditSettings::default()).unwrap().compared;
    assert!(!found[0].flagged && found[0].nearest.is_empty());
}

#[test]
fn images_are_counted_below_each_level_whatever_the_threshold() {
    // Ratios 0, 0.5, 0.05 and 0.5; 0.5 is not below itself.
    let images = generated(&[3.0, 4.5, 104.1, 103.0], [3, 1]);
    let settings = AuditSettings { threshold: 7.0, ..AuditSettings::default() };
    let keys = ["a", "b"].map(String::from).to_vec();
    let summary =
        Summary::new(&audit(&real(), &images, &settings).unwrap(), &settings, &keys, (20, 1));
    let counts: Vec<(f64, usize, f64)> =
        summary.below.iter().map(|below| (below.ratio, below.images, below.share)).collect();
    assert_eq!(counts, [(0.1, 2, 0.5), (0.5, 2, 0.5)]);
    assert!((summary.median_ratio.unwrap() - 0.275).abs() < 1e-4, "{summary:?}");
    // A summary of an earlier version has none.
    let mut old = serde_json::to_value(&summary).unwrap();
    let fields = old.as_object_mut().unwrap();
    fields.remove("below");
    fields.remove("median_ratio");
    let old: Summary = serde_json::from_value(old).unwrap();
    assert!(old.below.is_empty() && old.median_ratio.is_none());
}

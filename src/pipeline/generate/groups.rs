//! Which images are denoised together: groups fixed by position among all images (class order, then rank).
//!
//! Where images of a class depend on each other, a group holds images of one class alone: `batch` in the order of rank, the
//! class's last group what is left. Else groups go on over the ends of classes, so that only the last of all is filled up.

use std::ops::Range;

/// The groups of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Groups {
    /// The places of each group's images, in order.
    places: Vec<Range<usize>>,
}

impl Groups {
    /// Groups of `batch` images; `classes` are the places of each class's images, in order. `by_class` keeps classes apart.
    pub(crate) fn new(
        classes: impl Iterator<Item = Range<usize>>,
        batch: usize,
        by_class: bool,
    ) -> Self {
        let batch = batch.max(1);
        let parts: Vec<Range<usize>> = match by_class {
            true => classes.collect(),
            false => vec![0..classes.last().map_or(0, |class| class.end)],
        };
        let cut = |part: Range<usize>| {
            let end = part.end;
            part.step_by(batch).map(move |start| start..end.min(start + batch))
        };
        Self { places: parts.into_iter().flat_map(cut).collect() }
    }

    /// The places of each group's images.
    pub(crate) fn places(&self) -> &[Range<usize>] {
        &self.places
    }

    /// The numbers of the groups that hold the images at `places`, and of each group which of these images it holds,
    /// counted from the first.
    pub(crate) fn over(
        &self,
        places: Range<usize>,
    ) -> impl Iterator<Item = (usize, Range<usize>)> + '_ {
        let first = self.places.partition_point(|group| group.end <= places.start);
        let later = self.places.iter().enumerate().skip(first);
        later.take_while(move |(_, group)| group.start < places.end).map(move |(number, group)| {
            let (start, end) = (group.start.max(places.start), group.end.min(places.end));
            (number, start - places.start..end - places.start)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_lies_in_the_groups_that_its_images_are_counted_into() {
        let groups = Groups::new([0..4, 4..12].into_iter(), 4, false);
        let over = |places| groups.over(places).collect::<Vec<_>>();
        assert_eq!(over(0..4), [(0, 0..4)]);
        assert_eq!(over(3..9), [(0, 0..1), (1, 1..5), (2, 5..6)]);
        assert_eq!(over(8..12), [(2, 0..4)]);
        assert_eq!(over(8..8), []);
    }

    #[test]
    fn groups_go_on_over_classes_unless_these_are_kept_apart() {
        let classes = || [0..3, 3..3, 3..8].into_iter();
        assert_eq!(Groups::new(classes(), 4, false).places(), [0..4, 4..8]);
        let apart = Groups::new(classes(), 4, true);
        assert_eq!(apart.places(), [0..3, 3..7, 7..8]);
        assert_eq!(apart.over(3..8).collect::<Vec<_>>(), [(1, 0..4), (2, 4..5)]);
        assert!(Groups::new(std::iter::empty(), 4, false).places().is_empty());
    }
}

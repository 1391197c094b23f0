//! A tensor that a part's graph has.

/// A tensor that must be there, unless it is optional.
pub(super) struct Wanted {
    pub(super) name: &'static str,
    pub(super) ranks: &'static [usize],
    pub(super) kind: Kind,
    /// Whether graphs of some models lack it.
    pub(super) optional: bool,
}

/// The numbers in a tensor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Real,
    Whole,
    Either,
}

pub(super) fn real(name: &'static str, ranks: &'static [usize]) -> Wanted {
    Wanted { name, ranks, kind: Kind::Real, optional: false }
}

pub(super) fn whole(name: &'static str, ranks: &'static [usize]) -> Wanted {
    Wanted { kind: Kind::Whole, ..real(name, ranks) }
}

pub(super) fn either(name: &'static str, ranks: &'static [usize]) -> Wanted {
    Wanted { kind: Kind::Either, ..real(name, ranks) }
}

impl Wanted {
    pub(super) fn optional(self) -> Self {
        Self { optional: true, ..self }
    }
}

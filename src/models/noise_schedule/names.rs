//! The names of choices in pipeline files and messages.

use super::{Sigmas, SolverKind, TimestepSpacing};

impl SolverKind {
    /// The name in a pipeline file.
    pub fn name(self) -> &'static str {
        match self {
            Self::DpmSolver => "dpm++",
            Self::Euler => "euler",
            Self::EulerAncestral => "euler-ancestral",
            Self::Ddim => "ddim",
            Self::Lcm => "lcm",
        }
    }
}

impl Sigmas {
    /// The name in a pipeline file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Karras => "karras",
            Self::Exponential => "exponential",
        }
    }
}

impl TimestepSpacing {
    /// The name in a pipeline file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Linspace => "linspace",
            Self::Leading => "leading",
            Self::Trailing => "trailing",
        }
    }
}

//! A fault on its way through `std::io`.

use super::fault::FaultReason;
use std::fmt;
use std::io;

/// What a decompressor found out about its stream, as the cause of an [`io::Error`].
#[derive(Debug)]
pub(super) struct Refused(FaultReason);

impl Refused {
    /// An error that says so.
    pub fn error(reason: FaultReason) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, Self(reason))
    }

    /// The fault in an error, if there is one.
    pub fn of(error: &io::Error) -> Option<&FaultReason> {
        error.get_ref()?.downcast_ref::<Self>().map(|refused| &refused.0)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Refused {}

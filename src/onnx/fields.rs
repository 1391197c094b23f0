//! Protobuf messages field by field, as a graph's file is read.

use std::io::{Read, Seek};

use super::wire::{Malformed, Wire};

/// Names and shapes are no longer than this.
pub(super) const MOST_BYTES: u64 = 1 << 20;

/// What a field holds: a number, four bytes, what ends at an offset, or what was passed over.
pub(super) enum Content {
    Number(u64),
    Four([u8; 4]),
    Bytes(u64),
    Passed,
}

/// The next field of a message that ends at `end`.
pub(super) fn next(
    wire: &mut Wire<impl Read + Seek>,
    end: u64,
) -> Result<Option<(u64, Content)>, Malformed> {
    if wire.at() >= end {
        return Ok(None);
    }
    let (number, kind) = wire.tag(end)?;
    let content = match kind {
        0 => Content::Number(wire.varint(end)?),
        2 => Content::Bytes(wire.end_of_inner(end)?),
        5 => {
            let past =
                wire.at().checked_add(4).filter(|past| *past <= end).ok_or(Malformed::Cut)?;
            let mut four = [0; 4];
            four.copy_from_slice(&wire.bytes(past, 4)?);
            Content::Four(four)
        }
        other => {
            wire.skip(other, end)?;
            Content::Passed
        }
    };
    Ok(Some((number, content)))
}

/// Passes over what a field holds.
pub(super) fn pass(wire: &mut Wire<impl Read + Seek>, content: Content) -> Result<(), Malformed> {
    match content {
        Content::Bytes(end) => wire.skip_to(end),
        Content::Number(_) | Content::Four(_) | Content::Passed => Ok(()),
    }
}

/// Reads a name.
pub(super) fn text(wire: &mut Wire<impl Read + Seek>, end: u64) -> Result<String, Malformed> {
    String::from_utf8(wire.bytes(end, MOST_BYTES)?).map_err(|_| Malformed::Nonsense)
}

/// Adds the whole numbers of a repeated field, packed or not.
pub(super) fn whole_numbers(
    wire: &mut Wire<impl Read + Seek>,
    content: Content,
    found: &mut Vec<i64>,
    most: usize,
) -> Result<(), Malformed> {
    match content {
        Content::Number(number) => found.push(number as i64),
        Content::Bytes(end) => {
            while wire.at() < end && found.len() <= most {
                found.push(wire.varint(end)? as i64);
            }
            wire.skip_to(end)?;
        }
        Content::Four(_) | Content::Passed => {}
    }
    Ok(())
}

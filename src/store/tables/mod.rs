//! The Parquet tables of a run directory. `docs/run-directory.md` has their schemas for readers of other languages.
//!
//! Every file carries `coda.kind` and `coda.version` in its metadata. Latents are fixed-size binary values, plain
//! encoded: reading them is a copy, twenty times faster than a list column, and NumPy views them in place.

mod anchors;
mod audit;
mod class_major;
mod columns;
mod contents;
mod cores;
mod embedding;
mod latent_format;
mod latent_part;
mod latent_source;
mod latents;
mod latents_read;
mod members;
mod mix;
mod purity;
mod quarantine;
mod row_digest;

pub use anchors::{Anchors, read_anchors, write_anchors};
pub use audit::{AuditRow, read_audit, write_audit};
pub use class_major::{ClassMajorFile, Span};
pub use columns::{read_all, write_all};
pub use contents::{ClassMajorContents, FileContents, PartContents};
pub use cores::{CoreRow, read_cores, write_cores};
pub use embedding::{EmbeddedRow, Embedding, read_embedding, write_embedding};
pub use latent_format::{LatentFormat, LatentType, PartFormat};
pub use latent_part::{ClassRows, Numbers};
pub use latents::{LatentRow, write_latents};
pub use latents_read::{LatentTable, part_contents};
pub use members::{MemberRow, read_members, write_members};
pub use mix::{MixRow, read_mix, write_mix};
pub use purity::{LeftOut, PurityRow, read_purity, write_purity};
pub use quarantine::{QuarantineRow, read_quarantine, write_quarantine};

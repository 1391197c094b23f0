//! Where samples and their members lie in an archive.

/// Where a member lies: what an index over the archive needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberEntry {
    /// Extension, as it is written in the name.
    pub extension: String,
    /// The member's full name.
    pub name: String,
    /// Offset of the first byte of its content.
    pub offset: u64,
    /// Size of its content in bytes.
    pub size: u64,
}

/// Where a sample lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleEntry {
    /// The sample's key.
    pub key: String,
    /// Its members, in the archive's order.
    pub members: Vec<MemberEntry>,
}

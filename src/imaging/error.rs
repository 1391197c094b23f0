//! What can be wrong with an image or a request about one.

/// An image that can't be used, or a shape that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImagingError {
    /// There are no bytes.
    #[error("the image file is empty")]
    Empty,
    /// The bytes are of no format that is read.
    #[error("not an image of a known format ({decoded} are read)")]
    UnknownFormat {
        /// The formats that are decoded.
        decoded: String,
    },
    /// The bytes are of a kind that is told by its first bytes, and not read.
    #[error("this is {what}, which is not read ({decoded} are){cure}")]
    NotRead {
        /// What the file is.
        what: &'static str,
        /// The formats that are decoded.
        decoded: String,
        /// What makes an image of it that is read, behind a colon; empty where that is not known.
        cure: &'static str,
    },
    /// The file stands for another one, in a repository that was fetched without its large files.
    #[error(
        "this is a Git LFS pointer and not the image itself: run `git lfs pull` where it comes from"
    )]
    GitLfsPointer,
    /// The format is known, its bytes are damaged.
    #[error("corrupt {format}: {detail}")]
    Corrupt {
        /// The format, as told by content.
        format: &'static str,
        /// The decoder's complaint.
        detail: String,
    },
    /// The file uses a feature of its format that is not read.
    #[error("unsupported {format}: {detail}")]
    Unsupported {
        /// The format, as told by content.
        format: &'static str,
        /// The feature.
        detail: String,
    },
    /// The image would need more memory than allowed; nothing was allocated for it.
    #[error("the {format} image has {width} × {height} pixels, more than the limit allows")]
    TooLarge {
        /// The format, as told by content.
        format: &'static str,
        /// Width that the file claims.
        width: u32,
        /// Height that the file claims.
        height: u32,
    },
    /// A width or height of zero, or a product out of range.
    #[error("cannot make an image of {width} × {height} pixels")]
    BadSize {
        /// Requested width.
        width: u32,
        /// Requested height.
        height: u32,
    },
    /// A buffer's length does not fit the image's shape.
    #[error("a tensor of {expected} values was expected, there are {actual}")]
    TensorLength {
        /// 3 × height × width.
        expected: usize,
        /// What was given.
        actual: usize,
    },
    /// A decoded tensor holds NaN or infinity. The usual cause is a VAE decoder in half precision.
    #[error(
        "{count} of {total} pixel values are not finite: the image decoder overflowed; \
         use a VAE decoder exported in fp32"
    )]
    NotFinite {
        /// Values that are NaN or infinite.
        count: usize,
        /// All values.
        total: usize,
    },
    /// A sheet of images that differ in size, or of none.
    #[error("a contact sheet needs at least one column and images of one size: {detail}")]
    BadSheet {
        /// What does not fit.
        detail: String,
    },
    /// The encoder failed.
    #[error("encoding the PNG failed: {detail}")]
    Encode {
        /// The encoder's complaint.
        detail: String,
    },
}

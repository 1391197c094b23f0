//! Pixels: decode what data sets hold, resize as Pillow does, to and from tensors, encode.
//!
//! The published program reads and resizes with Pillow, and features depend on every grey level,
//! so Pillow's arithmetic is followed exactly where that is possible (resizing) and the rest is
//! said (JPEG decoders differ by a few levels). All functions are synchronous, allocate no more
//! than their limits allow and never panic on bad input.

mod about;
mod crate_image;
mod decode;
mod depth;
mod error;
mod formats;
mod jpeg;
mod jpeg_header;
mod jpeg_read;
mod lanczos;
mod libjpeg;
mod options;
mod png;
mod png_end;
mod resize;
mod sheet;
mod strip;
mod tensor;
mod tiff_read;
mod tiff_tags;
mod unread;

pub use about::{ImageAbout, image_about};
pub use decode::{decode_rgb, is_image};
pub use depth::has_few_of_sixteen_bits;
pub use error::ImagingError;
pub use formats::{
    IMAGE_EXTENSIONS, extension_of, is_image_extension, is_undecoded_extension, member_extension,
};
pub use image::{Rgb, RgbImage};
pub use jpeg::encode_jpeg;
pub use options::DecodeOptions;
pub use png::encode_png;
pub use resize::resize_lanczos;
pub use sheet::{SheetLayout, contact_sheet};
pub use tensor::{image_from_tensor, write_normalized, write_tensor};
pub use unread::image_extension;

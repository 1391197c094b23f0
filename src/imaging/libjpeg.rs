//! Any JPEG through libjpeg-turbo's decoder (as bundled by MozJPEG), which is what Pillow uses: any order of scans, any
//! sampling, progressive and arithmetic coding.
//!
//! Errors leave C by unwinding. That is defined, for the library is compiled with unwind tables (`mozjpeg-sys`' feature
//! `unwinding`), its functions and our callbacks are `extern "C-unwind"`, and its frames hold nothing that needs to be
//! dropped: all its memory belongs to the session, which [`Session`] destroys.

#![allow(unsafe_code, reason = "a C library; each use says why it is sound")]

use std::marker::PhantomData;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use mozjpeg_sys as c;

use super::options::DecodeOptions;

/// Samples of an image, and how far into the file its decoder got.
pub(super) struct Decoded {
    pub(super) width: u32,
    pub(super) height: u32,
    /// 1: grey, 3: RGB, 4: CMYK as the file has it.
    pub(super) channels: usize,
    pub(super) samples: Vec<u8>,
    /// Bytes of the file that were taken; up to eight of them may only have been looked at.
    pub(super) used: usize,
}

/// Why there is no image.
#[derive(Debug)]
pub(super) enum JpegFault {
    /// The file ends before its image does.
    CutOff,
    /// Beyond the limits.
    TooLarge,
    /// A legal file that is not read.
    Unsupported(String),
    /// The library's complaint.
    Corrupt(String),
}

/// Decodes a JPEG. Like Pillow, it takes what the library only warns of, but no file that ends too early.
pub(super) fn decode(bytes: &[u8], options: DecodeOptions) -> Result<Decoded, JpegFault> {
    // Nothing outside sees what the closure leaves behind: the session dies with it.
    let decoded = catch_unwind(AssertUnwindSafe(|| Session::open(bytes).read(bytes, options)));
    decoded.unwrap_or_else(|payload| match payload.downcast::<JpegFault>() {
        Ok(fault) => Err(*fault),
        Err(other) => resume_unwind(other),
    })
}

/// A decoder and what it points to, at one place in memory until it is dropped.
struct Session<'a> {
    parts: *mut Parts,
    bytes: PhantomData<&'a [u8]>,
}

struct Parts {
    info: c::jpeg_decompress_struct,
    errors: c::jpeg_error_mgr,
    source: c::jpeg_source_mgr,
}

impl<'a> Session<'a> {
    fn open(bytes: &'a [u8]) -> Self {
        // SAFETY: all three are C structures of numbers, enumerations that have a 0, and pointers and functions that may
        // be null.
        let parts: Parts = unsafe { mem::zeroed() };
        let session = Self { parts: Box::into_raw(Box::new(parts)), bytes: PhantomData };
        // SAFETY: `parts` is a live allocation that only this session has, and which is not moved before `drop`; the
        // pointers put into it are to its own fields, and to `bytes`, which outlive the session. `jpeg_std_error` fills
        // the error manager in before the library may call it.
        unsafe {
            let parts = session.parts;
            c::jpeg_std_error(&mut (*parts).errors);
            (*parts).errors.error_exit = Some(leave);
            (*parts).errors.emit_message = Some(no_message);
            (*parts).info.common.err = &raw mut (*parts).errors;
            c::jpeg_create_decompress(&raw mut (*parts).info);
            (*parts).source = c::jpeg_source_mgr {
                next_input_byte: bytes.as_ptr(),
                bytes_in_buffer: bytes.len(),
                init_source: Some(nothing_to_do),
                fill_input_buffer: Some(no_more),
                skip_input_data: Some(skip),
                resync_to_restart: Some(c::jpeg_resync_to_restart),
                term_source: Some(nothing_to_do),
            };
            (*parts).info.src = &raw mut (*parts).source;
        }
        session
    }

    fn read(self, bytes: &[u8], options: DecodeOptions) -> Result<Decoded, JpegFault> {
        // SAFETY: `open` made a decoder with a source and an error manager; the calls are in the library's order, and
        // the references live for one call or one statement each. A row is given only where `samples` has room for
        // what the library says it writes, which is checked; the pointer to it is used during the call only.
        unsafe {
            let info = &raw mut (*self.parts).info;
            c::jpeg_read_header(&mut *info, 1);
            let (width, height) = ((*info).image_width, (*info).image_height);
            let (space, channels) = match (*info).num_components {
                1 => (c::J_COLOR_SPACE::JCS_GRAYSCALE, 1),
                3 => (c::J_COLOR_SPACE::JCS_RGB, 3),
                4 => (c::J_COLOR_SPACE::JCS_CMYK, 4),
                count => return Err(JpegFault::Unsupported(format!("{count} components"))),
            };
            let pixels = u64::from(width) * u64::from(height);
            if pixels > options.max_pixels || pixels * channels as u64 > options.max_bytes {
                return Err(JpegFault::TooLarge);
            }
            (*info).out_color_space = space;
            // Beyond this the library would need files for its coefficients, which it does not have: an error.
            let most = options.max_bytes.try_into().unwrap_or(c::c_long::MAX);
            (*(*info).common.mem).max_memory_to_use = most;
            c::jpeg_start_decompress(&mut *info);
            let stride = width as usize * channels;
            let row = (*info).output_width as usize * (*info).output_components as usize;
            if row != stride || (*info).output_height != height {
                return Err(JpegFault::Corrupt("its size changes".to_owned()));
            }
            let mut samples = vec![0; stride * height as usize];
            for row in samples.chunks_exact_mut(stride) {
                let mut start = row.as_mut_ptr();
                if c::jpeg_read_scanlines(&mut *info, &raw mut start, 1) != 1 {
                    return Err(JpegFault::CutOff);
                }
            }
            let used = bytes.len() - (*self.parts).source.bytes_in_buffer;
            Ok(Decoded { width, height, channels, samples, used })
        }
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        // SAFETY: `parts` came from a box and is given back once; the library's memory goes first, and it takes a decoder
        // whose creation failed too, for its manager of memory is null then.
        unsafe {
            c::jpeg_destroy_decompress(&mut (*self.parts).info);
            drop(Box::from_raw(self.parts));
        }
    }
}

/// Called with an error that the library can't go on after.
extern "C-unwind" fn leave(info: &mut c::jpeg_common_struct) {
    // SAFETY: the error manager that `Session::open` set.
    let code = unsafe { (*info.err).msg_code } as c::J_MESSAGE_CODE;
    let fault = match code {
        c::JERR_OUT_OF_MEMORY | c::JERR_NO_BACKING_STORE | c::JERR_IMAGE_TOO_BIG => {
            JpegFault::TooLarge
        }
        c::JERR_FRACT_SAMPLE_NOTIMPL | c::JERR_CCIR601_NOTIMPL => {
            JpegFault::Unsupported("sampling factors that do not divide each other".to_owned())
        }
        c::JERR_BAD_MCU_SIZE => {
            JpegFault::Unsupported("sampling factors too large for one scan".to_owned())
        }
        c::JERR_ARITH_NOTIMPL
        | c::JERR_SOF_UNSUPPORTED
        | c::JERR_CONVERSION_NOTIMPL
        | c::JERR_COMPONENT_COUNT
        | c::JERR_BAD_PRECISION => JpegFault::Unsupported(message(info)),
        _ => JpegFault::Corrupt(message(info)),
    };
    resume_unwind(Box::new(fault));
}

/// The library's words for its last error.
fn message(info: &mut c::jpeg_common_struct) -> String {
    type Format = unsafe extern "C-unwind" fn(*mut c::jpeg_common_struct, *mut u8);
    /// `JMSG_LENGTH_MAX`: what the library may write.
    const MOST: usize = 200;
    let mut text = [0u8; MOST];
    // SAFETY: the error manager of `Session::open`; the library's function has this very signature in C, and writes no
    // more than `MOST` bytes.
    unsafe {
        if let Some(format) = (*info.err).format_message {
            let format: Format = mem::transmute(format);
            format(info, text.as_mut_ptr());
        }
    }
    let words = text.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(words).into_owned()
}

/// Warnings and traces: what Pillow passes over too.
extern "C-unwind" fn no_message(_: &mut c::jpeg_common_struct, _: c::c_int) {}

extern "C-unwind" fn nothing_to_do(_: &mut c::jpeg_decompress_struct) {}

/// The whole file was there from the start, so a wish for more means that something is missing.
extern "C-unwind" fn no_more(_: &mut c::jpeg_decompress_struct) -> c::boolean {
    resume_unwind(Box::new(JpegFault::CutOff));
}

extern "C-unwind" fn skip(info: &mut c::jpeg_decompress_struct, count: c::c_long) {
    let Ok(count) = usize::try_from(count) else { return };
    // SAFETY: the source that `Session::open` set, which `info` does not overlap; the pointer moves within the file, at
    // most to its end.
    unsafe {
        let source = info.src;
        if count > (*source).bytes_in_buffer {
            resume_unwind(Box::new(JpegFault::CutOff));
        }
        (*source).next_input_byte = (*source).next_input_byte.add(count);
        (*source).bytes_in_buffer -= count;
    }
}

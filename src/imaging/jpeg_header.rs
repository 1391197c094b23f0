//! What a JPEG's segments say before anything is decoded: its kind of coding, its components, their scans, and whether
//! its end is there. Numbers in, numbers out.

/// Segments in order up to the end of the image, as far as they make sense.
#[derive(Debug, Default)]
pub(super) struct JpegHeader<'a> {
    /// The frame, once its segment was met.
    pub(super) frame: Option<Frame>,
    /// Whether a JFIF segment is there, which says YCbCr.
    pub(super) jfif: bool,
    /// The colour transform of an Adobe segment.
    pub(super) adobe: Option<u8>,
    /// Whether there are Huffman tables.
    pub(super) huffman: bool,
    /// The identifiers of the first scan's components.
    pub(super) first_scan: Vec<u8>,
    /// Scans.
    pub(super) scans: usize,
    /// The first EXIF block, without its own marker.
    pub(super) exif: Option<&'a [u8]>,
    /// Whether the end-of-image marker was met.
    pub(super) ended: bool,
}

/// A start-of-frame segment.
#[derive(Debug)]
pub(super) struct Frame {
    /// Its marker, which names the coding.
    marker: u8,
    /// Bits a sample.
    precision: u8,
    width: u16,
    /// Rows; 0 where a later segment would tell.
    height: u16,
    components: Vec<Component>,
}

/// A component of a frame.
#[derive(Debug, PartialEq, Eq)]
struct Component {
    id: u8,
    /// Horizontal and vertical sampling factors.
    sampling: (u8, u8),
}

const MARKER: u8 = 0xff;
const END_OF_IMAGE: u8 = 0xd9;
const START_OF_SCAN: u8 = 0xda;
const APP_0: u8 = 0xe0;
const APP_1: u8 = 0xe1;
const APP_14: u8 = 0xee;
const HUFFMAN_TABLES: u8 = 0xc4;
/// The start of frame of JPEG-LS, another format in the same segments.
const JPEG_LS: u8 = 0xf7;
/// More scans than this in one file only waste time: every one passes over the whole image.
const MOST_SCANS: usize = 500;

impl<'a> JpegHeader<'a> {
    /// Steps over segments by their lengths: EXIF thumbnails are JPEGs with an end of their own. Stops at the end of
    /// the image, or where the bytes make no sense: what is wrong there is for the decoder to tell.
    pub(super) fn parse(bytes: &'a [u8]) -> Self {
        let mut header = Self::default();
        let mut rest = bytes.get(2..).unwrap_or(&[]);
        loop {
            rest = match rest {
                // Any number of fill bytes may precede a marker.
                [MARKER, MARKER, ..] => rest.get(1..).unwrap_or(&[]),
                [MARKER, END_OF_IMAGE, ..] => {
                    header.ended = true;
                    return header;
                }
                [MARKER, marker, high, low, ..] if has_length(*marker) => {
                    let length = usize::from(u16::from_be_bytes([*high, *low]));
                    let Some((segment, next)) = rest.split_at_checked(2 + length) else {
                        return header;
                    };
                    header.note(*marker, segment.get(4..).unwrap_or(&[]));
                    if *marker == START_OF_SCAN { after_scan(next) } else { next }
                }
                [MARKER, _, next @ ..] => next,
                // Decoders pass over such bytes.
                [_, next @ ..] if header.frame.is_some() => to_marker(next),
                _ => return header,
            };
        }
    }

    fn note(&mut self, marker: u8, content: &'a [u8]) {
        match marker {
            HUFFMAN_TABLES => self.huffman = true,
            0xc0..=0xcf | JPEG_LS if marker != 0xc8 && marker != 0xcc => {
                self.frame = self.frame.take().or_else(|| Frame::parse(marker, content));
            }
            START_OF_SCAN => {
                if self.scans == 0 {
                    let count = content.first().copied().unwrap_or_default();
                    let entries = content.get(1..).unwrap_or(&[]).chunks_exact(2);
                    let ids = entries.take(count.into()).filter_map(|entry| entry.first());
                    self.first_scan = ids.copied().collect();
                }
                self.scans += 1;
            }
            APP_0 if content.len() >= 12 && content.starts_with(b"JFIF\0") => self.jfif = true,
            APP_1 if self.exif.is_none() => self.exif = content.strip_prefix(b"Exif\0\0"),
            APP_14 if content.starts_with(b"Adobe") => {
                self.adobe = content.get(11).copied().or(self.adobe);
            }
            _ => {}
        }
    }

    /// Width and height.
    pub(super) fn size(&self) -> (u32, u32) {
        self.frame.as_ref().map_or((0, 0), |frame| (frame.width.into(), frame.height.into()))
    }

    /// Channels of a pixel and bits of a sample, once the frame was met.
    pub(super) fn channels(&self) -> Option<(u8, u8)> {
        let frame = self.frame.as_ref()?;
        Some((u8::try_from(frame.components.len()).ok()?, frame.precision))
    }

    /// What the file has that no decoder here reads, in words.
    pub(super) fn unsupported(&self) -> Option<String> {
        if self.scans > MOST_SCANS {
            return Some(format!("{} scans (up to {MOST_SCANS} are read)", self.scans));
        }
        let frame = self.frame.as_ref()?;
        let coding = match frame.marker {
            0xc0..=0xc2 | 0xc9 | 0xca => None,
            0xc3 | 0xcb => Some("lossless coding"),
            0xc5..=0xc7 | 0xcd..=0xcf => Some("hierarchical coding"),
            JPEG_LS => Some("JPEG-LS coding"),
            _ => None,
        };
        if let Some(coding) = coding {
            return Some(coding.to_owned());
        }
        if frame.precision != 8 {
            return Some(format!("{} bits a sample", frame.precision));
        }
        if frame.height == 0 {
            return Some("a height that follows behind the pixels (DNL)".to_owned());
        }
        match frame.components.len() {
            0 | 1 | 3 | 4 => None,
            count => Some(format!("{count} components")),
        }
    }

    /// Whether this is what cameras and programs write by the million: baseline, one scan of all components, chroma
    /// at luma's size or half of it, no doubt about the colours, all there. The fast decoder is right about these, within
    /// three levels.
    pub(super) fn is_ordinary(&self) -> bool {
        let Some(frame) = &self.frame else { return false };
        let ids: Vec<u8> = frame.components.iter().map(|component| component.id).collect();
        let baseline = matches!(frame.marker, 0xc0 | 0xc1) && frame.precision == 8;
        let whole = self.ended && self.huffman && self.scans == 1 && self.first_scan == ids;
        let sampling: Vec<_> = frame.components.iter().map(|one| one.sampling).collect();
        let known = match (ids.as_slice(), sampling.as_slice()) {
            ([_], [(1, 1)]) => true,
            ([1, 2, 3] | [0, 1, 2], [(h @ 1..=2, v @ 1..=2), (1, 1), (1, 1)]) => {
                matches!(self.adobe, None | Some(1)) && frame.fills_units(*h, *v)
            }
            _ => false,
        };
        baseline && whole && known
    }
}

impl Frame {
    /// Whether no coarser sample reaches beyond the image's edge. Where one does, the fast decoder takes what lies there
    /// into account for the last row or column, which libjpeg does not.
    fn fills_units(&self, h: u8, v: u8) -> bool {
        let fills = |size: u16, factor| factor == 1 || size.is_multiple_of(8 * u16::from(factor));
        fills(self.width, h) && fills(self.height, v)
    }

    fn parse(marker: u8, content: &[u8]) -> Option<Self> {
        let [precision, h1, h0, w1, w0, count, components @ ..] = content else { return None };
        let components = components.chunks_exact(3).take((*count).into());
        let components = components.filter_map(|component| match component {
            [id, sampling, _] => {
                Some(Component { id: *id, sampling: (sampling >> 4, sampling & 15) })
            }
            _ => None,
        });
        let height = u16::from_be_bytes([*h1, *h0]);
        let width = u16::from_be_bytes([*w1, *w0]);
        Some(Self {
            marker,
            precision: *precision,
            width,
            height,
            components: components.collect(),
        })
    }
}

/// Markers without a length are those of restarts, of the start, and two reserved ones.
fn has_length(marker: u8) -> bool {
    !matches!(marker, 0x00 | 0x01 | 0xd0..=0xd8)
}

/// What follows a scan's data: there, 0xff is always followed by 0x00 or a restart marker.
fn after_scan(mut rest: &[u8]) -> &[u8] {
    loop {
        rest = to_marker(rest);
        match rest {
            [MARKER, 0x00 | 0xd0..=0xd7, next @ ..] => rest = next,
            _ => return rest,
        }
    }
}

fn to_marker(bytes: &[u8]) -> &[u8] {
    let at = bytes.iter().position(|&byte| byte == MARKER).unwrap_or(bytes.len());
    bytes.get(at..).unwrap_or(&[])
}

#[cfg(test)]
#[path = "jpeg_header_tests.rs"]
mod tests;

//! The pictures of a report: cores and members of anchors from what `fetch` left, generated images, and the real images near
//! them. Real images that were not fetched are read out of their shards.

use crate::imaging;
use crate::imaging::{RgbImage, SheetLayout, contact_sheet, encode_jpeg, encode_png};
use crate::inspect::page::{PicturePlan, Pictures};
use crate::pipeline::context::Context;
use crate::pipeline::core_images::core_image_key;
use crate::pipeline::error::StageError;
use crate::pipeline::fetch;
use crate::pipeline::fetch::fetch_by_offset;
use crate::pipeline::sources::expand;
use crate::shards::{ReadOptions, Sample, ShardIdentity, ShardPlace, ShardReader};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

/// A real image: shard and offset in it.
pub(crate) type Place = (String, u64);
/// Real images to read: offsets by shard, each with itself.
pub(crate) type PictureRequest = BTreeMap<String, BTreeMap<u64, u64>>;
/// Quality of JPEGs.
const QUALITY: u8 = 82;
/// Behind pictures that are missing.
const GREY: [u8; 3] = [128; 3];

/// What pictures are made from.
pub(crate) struct Gallery<'a> {
    context: &'a Context,
    pub(crate) plan: PicturePlan,
    /// Fetched images by what `fetch` calls them: the part and the offset in it.
    fetched: HashMap<String, (PathBuf, u64)>,
    /// Real images that are no cores, small.
    near: HashMap<Place, RgbImage>,
}

impl<'a> Gallery<'a> {
    /// Looks at what `fetch` left; nothing is decoded yet.
    pub(crate) fn open(context: &'a Context, plan: PicturePlan) -> Result<Self, StageError> {
        let mut fetched = HashMap::new();
        for receipt in context.run_dir.receipts(fetch::INFO.name)?.into_values() {
            for output in receipt.outputs.iter().filter(|output| output.file.ends_with(".tar")) {
                let path = context.run_dir.path(&output.file);
                // No content is loaded: only where each sample is.
                let options =
                    ReadOptions { extensions: Some(Vec::new()), ..ReadOptions::default() };
                for sample in ShardReader::open(&path, options)? {
                    let sample = sample?;
                    fetched.insert(sample.key, (path.clone(), sample.offset));
                }
            }
        }
        Ok(Self { context, plan, fetched, near: HashMap::new() })
    }

    /// The source image of a core, small.
    pub(crate) fn core(&self, class: &str, rank: usize) -> Option<RgbImage> {
        self.fetched(&core_image_key(class, rank))
    }

    /// Whether `fetch` left an image of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.fetched.contains_key(name)
    }

    /// The image of this name that `fetch` left, small.
    pub(crate) fn fetched(&self, name: &str) -> Option<RgbImage> {
        let (part, offset) = self.fetched.get(name)?;
        let place = ShardPlace::File(part.clone());
        let known = ShardIdentity::default();
        let sample = place.open_at(*offset, &known, ReadOptions::default()).ok()?.next()?.ok()?;
        let member = sample.members.first().filter(|_| sample.key == name)?;
        self.small(&member.bytes)
    }

    /// A generated image, small.
    pub(crate) fn generated(&self, name: &str) -> Option<RgbImage> {
        self.small(&std::fs::read(self.context.run_dir.path(name)).ok()?)
    }

    /// A real image that was [`Gallery::load`]ed.
    pub(crate) fn near(&self, place: &Place) -> Option<RgbImage> {
        self.near.get(place).cloned()
    }

    fn small(&self, bytes: &[u8]) -> Option<RgbImage> {
        let edge = self.plan.edge as u32;
        let image = imaging::decode_rgb(bytes, self.context.decode_options()).ok()?;
        imaging::resize_lanczos(&image, edge, edge).ok()
    }

    /// Reads the real images at `wanted` out of their shards, each shard once, those on this machine only. Answers with
    /// what could not be had, a line each, for people: a report is made without it.
    pub(crate) fn load(&mut self, wanted: PictureRequest) -> Vec<String> {
        if wanted.is_empty() {
            return Vec::new();
        }
        let sources = match expand(&self.context.pipeline.data) {
            Ok(sources) => sources,
            Err(error) => return vec![format!("No pictures of the nearest real images: {error}.")],
        };
        let known: HashMap<&str, _> = sources.iter().map(|s| (&s.name[..], s)).collect();
        let read = wanted.into_par_iter().map(|(shard, mut places)| {
            let missing =
                |why: &str| format!("No pictures of the nearest real images in {shard}: {why}.");
            let source = known.get(&shard[..]).ok_or_else(|| missing("it is not there"))?;
            if !matches!(source.place, ShardPlace::File(_) | ShardPlace::Images(_)) {
                return Err(missing("only shards on this machine are read"));
            }
            let images = self.context.pipeline.data.image.clone();
            let options =
                ReadOptions { extensions: Some(images.clone()), ..ReadOptions::default() };
            let mut found = Vec::new();
            let keep = |offset: u64, sample: &Sample| {
                let bytes = images.iter().find_map(|extension| sample.get(extension));
                let image = bytes.and_then(|bytes| self.small(bytes));
                found.extend(image.map(|image| ((shard.clone(), offset), image)));
                Ok(())
            };
            match fetch_by_offset(source, &mut places, &options, keep) {
                Ok(()) => Ok(found),
                Err(error) => Err(missing(&error.to_string())),
            }
        });
        let (mut near, mut notes) = (HashMap::new(), Vec::new());
        for result in read.collect::<Vec<Result<Vec<_>, String>>>() {
            match result {
                Ok(found) => near.extend(found),
                Err(line) => notes.push(line),
            }
        }
        self.near = near;
        notes
    }

    /// `rows` of equally many pictures as one file.
    pub(crate) fn sheet(&self, rows: &[Vec<Option<RgbImage>>]) -> Result<Pictures, StageError> {
        let columns = rows.first().map_or(0, Vec::len);
        let edge = self.plan.edge;
        if columns == 0 || rows.iter().flatten().all(Option::is_none) {
            return Ok(Pictures { edge, rows: rows.len(), ..Pictures::default() });
        }
        let none = RgbImage::from_pixel(edge as u32, edge as u32, imaging::Rgb(GREY));
        let images: Vec<RgbImage> =
            rows.iter().flatten().map(|i| i.clone().unwrap_or_else(|| none.clone())).collect();
        let layout = SheetLayout { columns, gap: 0, background: GREY };
        let sheet = contact_sheet(&images, layout)?;
        let (mime, bytes) = match self.plan.lossless {
            true => ("image/png", encode_png(&sheet)?),
            false => ("image/jpeg", encode_jpeg(&sheet, QUALITY)?),
        };
        let data = BASE64_STANDARD.encode(&bytes);
        Ok(Pictures { edge, columns, rows: rows.len(), mime: mime.into(), data })
    }
}

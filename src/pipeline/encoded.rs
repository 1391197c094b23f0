//! What `encode` left, by its receipts: no part is opened.

use super::error::StageError;
use crate::config::ClassList;
use crate::store::tables::{
    ClassMajorContents, FileContents, LatentTable, PartContents, PartFormat, Span, part_contents,
};
use crate::store::{Receipt, RunDir, StoreError};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// The encoded data set: its parts, and the images of each class in them.
pub(crate) struct Encoded {
    /// The classes to distil, in order.
    pub(crate) classes: ClassList,
    /// Images of each of them.
    pub(crate) counts: Vec<usize>,
    /// What the images' numbers look like.
    pub(crate) format: PartFormat,
    /// The parts in the order of the shards.
    pub(crate) parts: Vec<EncodedPart>,
}

/// A part of `encode`.
pub(crate) struct EncodedPart {
    /// Where it is, below the run directory.
    pub(crate) file: String,
    /// Its digest.
    pub(crate) digest: String,
    /// Places of classes in the list, and their images, in the order of the rows. A large data set has many millions.
    runs: Box<[(u32, u32)]>,
}

/// In the place of a class that the list lacks.
const UNLISTED: u32 = u32::MAX;

impl Encoded {
    /// What these receipts say, with the classes of `list` or all that there are. Parts of which their receipts say
    /// nothing, as earlier versions left them, are opened.
    pub(crate) fn of<'a>(
        run_dir: &RunDir,
        list: Option<&ClassList>,
        receipts: impl IntoIterator<Item = &'a Receipt>,
    ) -> Result<Self, StoreError> {
        let mut names = Names::new(list);
        let (mut parts, mut format) = (Vec::new(), None);
        for receipt in receipts {
            let one = receipt.outputs.len() == 1;
            for output in &receipt.outputs {
                let said = PartContents::from_receipt(&receipt.contents).filter(|_| one);
                let (own, runs) = match said {
                    Some(said) => {
                        let runs = said.classes.iter();
                        (said.format(), runs.map(|(key, n)| names.run(&key.0, *n)).collect())
                    }
                    None => {
                        let FileContents { classes, format } =
                            part_contents(run_dir, &output.file)?;
                        (format, classes.iter().map(|(key, n)| names.run(key, *n)).collect())
                    }
                };
                let known = *format.get_or_insert(own);
                if known != own {
                    let message = format!("its latents are {own:?}, the other parts' {known:?}");
                    return Err(StoreError::table(output.file.as_ref())(message));
                }
                let (file, digest) = (output.file.clone(), output.xxh3.clone());
                parts.push(EncodedPart { file, digest, runs });
            }
        }
        let none = || StoreError::Absent { what: "no encoded part: run the encode stage".into() };
        let format = format.ok_or_else(none)?;
        let classes = names.classes(&mut parts);
        let mut counts = vec![0; classes.classes().len()];
        for (class, rows) in parts.iter().flat_map(|part| part.runs.iter()) {
            if let Some(count) = counts.get_mut(*class as usize) {
                *count += *rows as usize;
            }
        }
        Ok(Self { classes, counts, format, parts })
    }

    /// Class keys and their numbers of images.
    pub(crate) fn by_key(&self) -> BTreeMap<String, usize> {
        let classes = self.classes.classes().iter().map(|class| class.key.clone());
        classes.zip(self.counts.iter().copied()).filter(|(_, images)| *images > 0).collect()
    }
}

impl EncodedPart {
    /// The groups of consecutive classes that have images in the part, each once; `group_of` tells a class's.
    pub(crate) fn groups(&self, group_of: &[usize]) -> Vec<usize> {
        let known = self.runs.iter().filter_map(|(class, _)| group_of.get(*class as usize));
        let mut groups: Vec<usize> = known.copied().collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    /// Where the images of these classes stand in the part.
    pub(crate) fn spans(&self, classes: &Range<usize>) -> Vec<Span> {
        let (mut spans, mut first) = (Vec::new(), 0);
        for (class, rows) in self.runs.iter().map(|(class, rows)| (*class as usize, *rows as usize))
        {
            if classes.contains(&class) {
                spans.push(Span { class: class - classes.start, first, rows });
            }
            first += rows;
        }
        spans
    }
}

/// The numbers of class keys.
enum Names<'a> {
    /// Positions in the class list.
    Listed(&'a ClassList),
    /// The classes of the data, numbered in order of appearance.
    InData(HashMap<String, u32>),
}

impl<'a> Names<'a> {
    fn new(list: Option<&'a ClassList>) -> Self {
        list.map_or_else(|| Self::InData(HashMap::new()), Self::Listed)
    }

    fn run(&mut self, key: &str, rows: usize) -> (u32, u32) {
        let number = match self {
            Self::Listed(list) => list.position(key).map_or(UNLISTED, |place| place as u32),
            Self::InData(known) => match known.get(key) {
                Some(number) => *number,
                None => {
                    let number = known.len() as u32;
                    known.insert(key.to_owned(), number);
                    number
                }
            },
        };
        (number, rows as u32)
    }

    /// The list, to whose places the numbers in `parts` are changed.
    fn classes(self, parts: &mut [EncodedPart]) -> ClassList {
        let found = match self {
            Self::Listed(list) => return list.clone(),
            Self::InData(found) => found,
        };
        let sorted: BTreeMap<String, u32> = found.into_iter().collect();
        let mut places = vec![UNLISTED; sorted.len()];
        for (place, number) in sorted.values().enumerate() {
            places[*number as usize] = place as u32;
        }
        for (class, _) in parts.iter_mut().flat_map(|part| part.runs.iter_mut()) {
            *class = places[*class as usize];
        }
        ClassList::from_keys(sorted.keys())
    }
}

/// The parts that `encode`'s like left by these receipts, to be read where they lie, as few as they are.
pub(crate) fn open_parts<'a>(
    run_dir: &RunDir,
    receipts: impl IntoIterator<Item = &'a Receipt>,
) -> Result<LatentTable, StoreError> {
    let parts = receipts.into_iter().flat_map(|receipt| {
        let one = receipt.outputs.len() == 1;
        receipt.outputs.iter().map(move |output| {
            let contents = PartContents::from_receipt(&receipt.contents).filter(|_| one);
            (output.file.clone(), contents.map(|contents| contents.to_file_contents()))
        })
    });
    LatentTable::of_run(run_dir, parts.collect())
}

/// The class-major files that `compact` left by these receipts, and the digest of each class's rows.
pub(crate) fn open_class_major<'a>(
    run_dir: &RunDir,
    receipts: impl IntoIterator<Item = &'a Receipt>,
) -> Result<(LatentTable, BTreeMap<String, String>), StageError> {
    let (mut files, mut digests) = (Vec::new(), BTreeMap::new());
    for receipt in receipts {
        let contents = ClassMajorContents::from_receipt(&receipt.contents);
        let (Some(contents), [output]) = (contents, receipt.outputs.as_slice()) else {
            return Err(StageError::Other(format!(
                "the receipt of {} does not say what is in its file: delete compact/ and run again",
                receipt.unit
            )));
        };
        files.push((output.file.clone(), Some(contents.to_file_contents())));
        digests.extend(contents.classes.into_iter().map(|(class, _, digest)| (class, digest)));
    }
    Ok((LatentTable::of_run(run_dir, files)?, digests))
}

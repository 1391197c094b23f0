//! The amount of work of a run.

use super::sizes::Line;

/// The amount of work of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Work {
    /// Images of each shard.
    pub shards: Vec<u64>,
    /// Stored bytes of an image's latent and feature.
    pub row_bytes: u64,
    /// Images in shards that are not seekable: compressed shards and pipes.
    pub streamed: u64,
    /// Images of each class that is distilled.
    pub classes: Vec<u64>,
    /// Images to generate of each class.
    pub ipc: u64,
    /// Images encoded at once.
    pub encode_batch: u64,
    /// The most cores encoded at once.
    pub anchor_batch: u64,
    /// Whether anchors are made of images encoded again, at another size.
    pub encoded_again: bool,
    /// The most members of an anchor; `None` where the core is all of it.
    pub members: Option<u64>,
    /// Whether real and generated images are mixed.
    pub mixed: bool,
    /// Images denoised at once.
    pub generate_batch: u64,
    /// Whether images of different classes are never denoised at once.
    pub batches_by_class: bool,
    /// Denoising steps that are run.
    pub steps: u64,
    /// Of these, steps without the unconditional rows that the others have.
    pub unguided_steps: u64,
    /// Samples in a tar of the two sets.
    pub samples_per_tar: u64,
    /// Whether label purity is checked.
    pub purity: bool,
}

impl Work {
    /// Images to encode.
    pub fn images(&self) -> u64 {
        self.shards.iter().sum()
    }

    /// Cores of all classes, the images to generate.
    pub fn cores(&self) -> u64 {
        self.cores_of_classes().sum()
    }

    /// Cores of each class.
    pub fn cores_of_classes(&self) -> impl Iterator<Item = u64> {
        self.classes.iter().map(|images| self.ipc.min(*images))
    }

    /// Groups that `encode` makes: whole ones within each shard, and what its last one, filled up to a power of two, is
    /// of a whole one.
    pub fn encode_batches(&self) -> f64 {
        let batch = self.encode_batch.max(1);
        let last = |left: u64| if left == 0 { 0 } else { left.next_power_of_two().min(batch) };
        let images = |own: &u64| own - own % batch + last(own % batch);
        self.shards.iter().map(images).sum::<u64>() as f64 / batch as f64
    }

    /// Images that the anchors of each class are made of, if groups are no smaller than they have members.
    pub fn members_of_classes(&self) -> impl Iterator<Item = u64> {
        let all = |(images, cores): (&u64, u64)| match self.members {
            Some(most) => cores.saturating_mul(most).min(*images),
            None => cores,
        };
        self.classes.iter().zip(self.cores_of_classes()).map(all)
    }

    /// Images that are copied out of the shards: the cores, and all members where they are encoded again.
    pub fn fetched(&self) -> u64 {
        if self.encoded_again { self.members_of_classes().sum() } else { self.cores() }
    }

    /// Groups that anchors' images are encoded in, and the images of each, including padding.
    pub fn anchor_runs(&self) -> Vec<(u64, u64)> {
        let batch = self.anchor_batch.max(1);
        let classes = self.members_of_classes().filter(|images| *images > 0);
        match self.members {
            None => classes
                .map(|cores| {
                    let runs = cores.div_ceil(batch);
                    (runs, cores.div_ceil(runs))
                })
                .collect(),
            Some(_) => classes
                .flat_map(|images| [(images / batch, batch), (1, images % batch)])
                .filter(|(runs, each)| *runs > 0 && *each > 0)
                .collect(),
        }
    }

    /// Groups of images to generate.
    pub fn batches(&self) -> u64 {
        let groups = |images: u64| images.div_ceil(self.generate_batch.max(1));
        match self.batches_by_class {
            true => self.cores_of_classes().map(groups).sum(),
            false => groups(self.cores()),
        }
    }

    /// Images of each group to generate.
    pub fn batch_sizes(&self) -> Vec<u64> {
        let batch = self.generate_batch.max(1);
        let cut =
            |images: u64| (0..images.div_ceil(batch)).map(move |at| batch.min(images - at * batch));
        match self.batches_by_class {
            true => self.cores_of_classes().flat_map(cut).collect(),
            false => cut(self.cores()).collect(),
        }
    }

    /// Steps of a group, in steps with all rows.
    pub fn whole_steps(&self) -> f64 {
        self.steps as f64 - self.unguided_steps as f64 / 2.0
    }

    /// Tars of each of the two sets.
    pub fn tars(&self) -> u64 {
        self.cores().div_ceil(self.samples_per_tar.max(1))
    }

    /// The lengths of files, one a class, that grow with its cores.
    pub fn per_class(&self, line: &Line) -> f64 {
        self.cores_of_classes().map(|cores| line.at(cores as f64)).sum()
    }

    /// The expected number of shards with an image to fetch, if every image is equally likely to be one.
    pub fn shards_fetched_from(&self) -> f64 {
        let (images, fetched) = (self.images().max(1) as f64, self.fetched() as f64);
        self.shards.iter().map(|own| 1.0 - (1.0 - *own as f64 / images).powf(fetched)).sum()
    }
}

//! The prompts that a device has encoded, the latest of them: a class's images have one prompt and follow each other.

use crate::models::PromptEmbedding;
use std::collections::HashMap;
use std::sync::Arc;

/// Bytes of embeddings kept at most: a hundred of SDXL's, of 0.6 MiB each. All of ImageNet-21k's would be 14 GB a device.
const MOST: usize = 64 << 20;

/// Embeddings by their text; the one that was not asked for longest goes first.
#[derive(Debug)]
pub(crate) struct Prompts {
    most: usize,
    bytes: usize,
    asked: u64,
    known: HashMap<String, (u64, Arc<PromptEmbedding>)>,
}

impl Default for Prompts {
    fn default() -> Self {
        Self::holding(MOST)
    }
}

impl Prompts {
    fn holding(most: usize) -> Self {
        Self { most, bytes: 0, asked: 0, known: HashMap::new() }
    }

    /// The embedding of `text`, from the cache or encoded. The latest embedding is kept whatever its size.
    pub(crate) fn get<E>(
        &mut self,
        text: &str,
        encode: impl FnOnce() -> Result<PromptEmbedding, E>,
    ) -> Result<Arc<PromptEmbedding>, E> {
        self.asked += 1;
        if let Some((asked, known)) = self.known.get_mut(text) {
            *asked = self.asked;
            return Ok(known.clone());
        }
        let embedding = Arc::new(encode()?);
        self.bytes += bytes(&embedding);
        self.known.insert(text.to_owned(), (self.asked, embedding.clone()));
        while self.bytes > self.most && self.known.len() > 1 && self.drop_oldest() {}
        Ok(embedding)
    }

    fn drop_oldest(&mut self) -> bool {
        let oldest = self.known.iter().min_by_key(|(_, (asked, _))| *asked);
        let Some(text) = oldest.map(|(text, _)| text.clone()) else { return false };
        let dropped = self.known.remove(&text);
        self.bytes -= dropped.map_or(0, |(_, embedding)| bytes(&embedding));
        true
    }
}

fn bytes(embedding: &PromptEmbedding) -> usize {
    size_of::<f32>() * (embedding.hidden.len() + embedding.pooled.len() + embedding.mask.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// 100 values: 400 bytes.
    fn embedding() -> PromptEmbedding {
        PromptEmbedding { tokens: 9, hidden: vec![0.5; 90], pooled: vec![0.5; 10], mask: vec![] }
    }

    #[test]
    fn a_run_of_many_classes_keeps_few_prompts_and_encodes_each_once() {
        let mut prompts = Prompts::holding(4 * 400);
        let (mut encoded, mut most) = (0, 0);
        let mut ask = |text: &str| {
            let encode = || {
                encoded += 1;
                Ok::<_, Infallible>(embedding())
            };
            prompts.get(text, encode).unwrap();
            most = most.max(prompts.bytes);
            assert_eq!(prompts.bytes, 400 * prompts.known.len());
        };
        for class in 0..1000 {
            // A batch may hold the end of one class and the beginning of the next; all have the negative prompt.
            for text in [class, class, class + 1].map(|class| format!("class {class}")) {
                ask(&text);
                ask("\0");
            }
        }
        assert_eq!((encoded, most), (1001 + 1, 4 * 400));
    }

    #[test]
    fn one_prompt_beyond_the_bound_is_kept_while_it_is_the_latest() {
        let mut prompts = Prompts::holding(10);
        let mut encoded = Vec::new();
        for text in ["a", "a", "b", "b", "a"] {
            let encode = || {
                encoded.push(text);
                Ok::<_, Infallible>(embedding())
            };
            prompts.get(text, encode).unwrap();
        }
        assert_eq!(encoded, ["a", "b", "a"]);
        assert!(prompts.get("c", || Err("no text encoder")).is_err() && prompts.bytes == 400);
    }
}

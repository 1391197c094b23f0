//! Whether the text encoders give what the denoiser takes.

use serde::Deserialize;

pub(super) const REMEDY: &str = "the text encoders and the UNet are of different models: export all parts of one together (docs/models.md)";

/// What the widths of a model's parts follow from, in the UNet's configuration.
#[derive(Deserialize)]
pub(super) struct Widths {
    cross_attention_dim: Option<OneOrMore>,
    /// Set where the UNet projects the text before it uses it.
    encoder_hid_dim: Option<usize>,
    projection_class_embeddings_input_dim: Option<usize>,
    addition_time_embed_dim: Option<usize>,
}

/// One width, or one for each of the UNet's blocks.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(usize),
    More(Vec<usize>),
}

/// How values a token and pooled values, where they are known, differ from what the UNet's configuration asks for, if
/// they do.
pub(super) fn width_fault(
    config: &Widths,
    (hidden, pooled): (usize, Option<usize>),
    aesthetic: bool,
) -> Option<String> {
    let width = match (&config.encoder_hid_dim, &config.cross_attention_dim) {
        (Some(width), _) | (None, Some(OneOrMore::One(width))) => Some(*width),
        (None, Some(OneOrMore::More(widths))) => widths.first().copied(),
        (None, None) => None,
    };
    if let Some(width) = width.filter(|width| *width != hidden) {
        return Some(format!(
            "cross_attention_dim is {width}, but the text encoders give {hidden} values a token"
        ));
    }
    let (all, each) =
        (config.projection_class_embeddings_input_dim?, config.addition_time_embed_dim?);
    let pooled = pooled?;
    // The pooled prompt, then the sizes, and the aesthetic score in the place of two of them.
    let found = pooled + each * if aesthetic { 5 } else { 6 };
    (all != found).then(|| {
        format!(
            "projection_class_embeddings_input_dim is {all}, but the prompt's {pooled} pooled values and the sizes make {found}"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_of_text_and_unet_must_agree() {
        let config = |text: &str| serde_json::from_str::<Widths>(text).unwrap();
        let fault = |text: &str, aesthetic| width_fault(&config(text), (10, Some(4)), aesthetic);
        assert_eq!(fault(r#"{"cross_attention_dim": [10, 10]}"#, false), None);
        assert!(fault(r#"{"cross_attention_dim": 12}"#, false).unwrap().contains("is 12"));
        assert_eq!(fault(r#"{"cross_attention_dim": 12, "encoder_hid_dim": 10}"#, false), None);
        let added =
            r#"{"projection_class_embeddings_input_dim": 16, "addition_time_embed_dim": 2}"#;
        assert_eq!(fault(added, false), None);
        assert!(fault(added, true).unwrap().contains("make 14"));
    }
}

//! Whether the text encoders give what the denoiser takes.

use serde::Deserialize;

pub(super) const REMEDY: &str = "the text encoders and the denoiser are of different models: export all parts of one together (docs/models.md)";

/// What the widths of a model's parts follow from, in the denoiser's configuration.
#[derive(Deserialize)]
pub(super) struct Widths {
    cross_attention_dim: Option<OneOrMore>,
    /// Set where the UNet projects the text before it uses it.
    encoder_hid_dim: Option<usize>,
    projection_class_embeddings_input_dim: Option<usize>,
    addition_time_embed_dim: Option<usize>,
    /// Of the transformers of SD 3 and FLUX.1.
    joint_attention_dim: Option<usize>,
    pooled_projection_dim: Option<usize>,
    /// Of Sana's, whose cross_attention_dim is a width of its own.
    caption_channels: Option<usize>,
}

impl Widths {
    /// Values a token, and the key that says so.
    fn hidden(&self) -> Option<(&'static str, usize)> {
        let of_unet = || match (&self.encoder_hid_dim, &self.cross_attention_dim) {
            (Some(width), _) | (None, Some(OneOrMore::One(width))) => Some(*width),
            (None, Some(OneOrMore::More(widths))) => widths.first().copied(),
            (None, None) => None,
        };
        let named = |key, width: Option<usize>| width.map(|width| (key, width));
        named("caption_channels", self.caption_channels)
            .or(named("joint_attention_dim", self.joint_attention_dim))
            .or_else(|| named("cross_attention_dim", of_unet()))
    }
}

/// One width, or one for each of the UNet's blocks.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(usize),
    More(Vec<usize>),
}

/// How values a token and pooled values, where they are known, differ from what the denoiser's configuration asks for, if
/// they do.
pub(super) fn width_fault(
    config: &Widths,
    (hidden, pooled): (usize, Option<usize>),
    aesthetic: bool,
) -> Option<String> {
    if let Some((key, width)) = config.hidden().filter(|(_, width)| *width != hidden) {
        return Some(format!(
            "{key} is {width}, but the text encoders give {hidden} values a token"
        ));
    }
    if let (Some(width), Some(pooled)) = (config.pooled_projection_dim, pooled)
        && width != pooled
    {
        return Some(format!(
            "pooled_projection_dim is {width}, but the text encoders give {pooled} pooled values"
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
        let joint = r#"{"joint_attention_dim": 10, "pooled_projection_dim": 4}"#;
        assert_eq!(fault(joint, false), None);
        let fewer = joint.replace(": 4", ": 5");
        assert!(fault(&fewer, false).unwrap().contains("pooled_projection_dim is 5"));
        let sana = r#"{"caption_channels": 11, "cross_attention_dim": 10}"#;
        assert!(fault(sana, false).unwrap().contains("caption_channels is 11"));
    }
}

//! The table of families.

use super::{Conditioning, Family, HiddenStates, Pipelines, TextKind, TextRole, Training};

const STABLE_DIFFUSION: Pipelines = Pipelines::Containing("StableDiffusion", "StableDiffusion3");

/// The output of CLIP's projection of the whole text.
const PROJECTION: Option<&str> = Some("text_embeds");

/// A CLIP text encoder whose states before the last layer are taken.
const fn clip(
    folder: &'static str,
    tokenizer: &'static str,
    pooled: Option<&'static str>,
) -> TextRole {
    let hidden = Some(HiddenStates::Penultimate);
    TextRole { folder, tokenizer, kind: TextKind::Clip, hidden, pooled, optional: false }
}

/// A text encoder whose last states are taken, and no pooled ones.
const fn last(
    folder: &'static str,
    tokenizer: &'static str,
    kind: TextKind,
    optional: bool,
) -> TextRole {
    TextRole { folder, tokenizer, kind, hidden: Some(HiddenStates::Last), pooled: None, optional }
}

const SDXL_SECOND: TextRole = clip("text_encoder_2", "tokenizer_2", PROJECTION);
const SD_TEXT: &[TextRole] = &[last("text_encoder", "tokenizer", TextKind::Clip, false)];

/// SDXL, from which the others of UNets differ in a few things.
const SDXL: Family = Family {
    name: "SDXL",
    pipelines: STABLE_DIFFUSION,
    text: &[clip("text_encoder", "tokenizer", None), SDXL_SECOND],
    denoiser: "unet",
    conditioning: Conditioning::UnetWithSize,
    training: Training::Diffusion,
    patch: 1,
    cells: None,
    zeros_for_no_prompt: true,
    starts_from_noise: true,
};

const SD: Family = Family {
    name: "Stable Diffusion 1 or 2",
    text: SD_TEXT,
    conditioning: Conditioning::Unet,
    zeros_for_no_prompt: false,
    ..SDXL
};

/// SD 3, from which the others of transformers differ.
const SD3: Family = Family {
    name: "Stable Diffusion 3",
    pipelines: Pipelines::Named(&[
        "StableDiffusion3Pipeline",
        "StableDiffusion3Img2ImgPipeline",
        "StableDiffusion3InpaintPipeline",
        "StableDiffusion3PAGPipeline",
        "StableDiffusion3PAGImg2ImgPipeline",
    ]),
    text: &[
        clip("text_encoder", "tokenizer", PROJECTION),
        clip("text_encoder_2", "tokenizer_2", PROJECTION),
        last("text_encoder_3", "tokenizer_3", TextKind::T5 { tokens: 256 }, true),
    ],
    denoiser: "transformer",
    conditioning: Conditioning::Joint,
    training: Training::Flow,
    patch: 2,
    cells: None,
    zeros_for_no_prompt: false,
    starts_from_noise: true,
};

/// All families. Those of the same pipelines differ in their text encoders.
pub static FAMILIES: [Family; 7] = [
    SDXL,
    Family { name: "SDXL refiner", text: &[SDXL_SECOND], starts_from_noise: false, ..SDXL },
    SD,
    Family {
        name: "LCM",
        pipelines: Pipelines::Named(&[
            "LatentConsistencyModelPipeline",
            "LatentConsistencyModelImg2ImgPipeline",
        ]),
        ..SD
    },
    SD3,
    Family {
        name: "FLUX.1",
        pipelines: Pipelines::Named(&[
            "FluxPipeline",
            "FluxImg2ImgPipeline",
            "FluxInpaintPipeline",
        ]),
        text: &[
            TextRole { hidden: None, ..clip("text_encoder", "tokenizer", Some("pooler_output")) },
            last("text_encoder_2", "tokenizer_2", TextKind::T5 { tokens: 512 }, false),
        ],
        conditioning: Conditioning::Packed,
        cells: Some(128),
        ..SD3
    },
    Family {
        name: "Sana",
        pipelines: Pipelines::Named(&["SanaPipeline", "SanaPAGPipeline"]),
        text: &[last("text_encoder", "tokenizer", TextKind::Gemma { tokens: 300 }, false)],
        conditioning: Conditioning::Masked,
        patch: 1,
        ..SD3
    },
];

use super::*;

fn name(class: Option<&str>, named: &[&str]) -> Option<&'static str> {
    let part = |folder: &str| named.contains(&folder).then_some("");
    Family::of(class, part).map(|family| family.name)
}

#[test]
fn a_family_is_told_by_its_pipeline_and_text_encoders() {
    let xl = Some("StableDiffusionXLPipeline");
    assert_eq!(name(xl, &["text_encoder", "text_encoder_2"]), Some("SDXL"));
    assert_eq!(name(xl, &["text_encoder_2"]), Some("SDXL refiner"));
    assert_eq!(name(None, &["text_encoder"]), Some("Stable Diffusion 1 or 2"));
    assert_eq!(name(xl, &[]), None);
    assert!(Family::is_known("ORTStableDiffusionPipeline"));
    assert!(Family::is_known("StableDiffusion3Pipeline") && Family::is_known("ORTFluxPipeline"));
}

#[test]
fn families_of_their_own_pipelines_are_known_by_these_and_else_by_the_denoiser() {
    let two = ["text_encoder", "text_encoder_2"];
    assert_eq!(name(Some("FluxPipeline"), &two), Some("FLUX.1"));
    assert_eq!(name(Some("FluxPipeline"), &["text_encoder", "transformer"]), Some("FLUX.1"));
    assert_eq!(name(Some("ORTSanaPipeline"), &["text_encoder"]), Some("Sana"));
    let lcm = Some("LatentConsistencyModelPipeline");
    assert_eq!(name(lcm, &["text_encoder", "unet"]), Some("LCM"));
    assert_eq!(name(Some("StableDiffusion3Pipeline"), &two), Some("Stable Diffusion 3"));
    let parts = ["text_encoder", "text_encoder_2", "transformer"];
    for class in [None, Some("StableDiffusionXLPipeline"), Some("SomethingElse")] {
        assert_ne!(name(class, &parts), Some("SDXL"), "{class:?}");
    }
}

#[test]
fn without_a_pipeline_the_kind_of_a_text_encoder_decides() {
    let of = |second: &'static str| {
        let part = |folder: &str| match folder {
            "text_encoder" => Some("CLIPTextModel"),
            "text_encoder_2" => Some(second),
            "transformer" => Some("Transformer"),
            _ => None,
        };
        Family::of(None, part).map(|family| family.name)
    };
    assert_eq!(of("T5EncoderModel"), Some("FLUX.1"));
    assert_eq!(of("CLIPTextModelWithProjection"), Some("Stable Diffusion 3"));
}

#[test]
fn pipelines_whose_graphs_differ_are_of_no_family() {
    for class in [
        "FluxFillPipeline",
        "FluxKontextPipeline",
        "FluxControlNetPipeline",
        "SanaSprintPipeline",
        "SanaControlNetPipeline",
        "StableDiffusion3ControlNetPipeline",
        "PixArtSigmaPipeline",
    ] {
        assert!(!Family::is_known(class), "{class}");
    }
}

#[test]
fn the_table_gives_the_names_that_messages_and_digests_use() {
    let choice = Family::choice();
    assert!(choice.starts_with("SDXL, Stable Diffusion 1 or 2, "), "{choice}");
    assert!(choice.ends_with("FLUX.1 or Sana"), "{choice}");
    assert_eq!(Family::text_folders(), ["text_encoder", "text_encoder_2", "text_encoder_3"]);
    let parts = FAMILIES[0].image_parts();
    assert_eq!(parts[2..6], ["text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2"]);
    assert_eq!((parts[6], parts[7]), ("unet", "vae_decoder"));
    assert_eq!(FAMILIES[2].image_graphs(), ["text_encoder", "unet", "vae_decoder"]);
}

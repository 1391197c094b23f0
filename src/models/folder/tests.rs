//! Folders written by hand.

use super::*;

#[test]
fn numbers_out_of_all_proportion_are_refused_and_allocate_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    for part in ["text_encoder", "unet", "vae_encoder", "vae_decoder"] {
        write(&format!("{part}/model.onnx"), "a graph");
    }
    let good = [
        ("model_index.json", r#"{"text_encoder": ["a", "b"]}"#),
        ("text_encoder/config.json", r#"{"max_position_embeddings": 77}"#),
        ("scheduler/scheduler_config.json", "{}"),
        ("unet/config.json", r#"{"sample_size": 8, "in_channels": 4}"#),
        ("vae_decoder/config.json", r#"{"latent_channels": 4, "block_out_channels": [1, 1, 1]}"#),
    ];
    good.iter().for_each(|(name, text)| write(name, text));
    assert_eq!(ModelFolder::open(dir.path()).unwrap().default_size, Some(32));
    for (name, number, damaged) in [
        ("scheduler/scheduler_config.json", "{}", r#"{"num_train_timesteps": 1e18}"#),
        (
            "scheduler/scheduler_config.json",
            "{}",
            r#"{"num_train_timesteps": 1000000000000000000}"#,
        ),
        ("unet/config.json", ": 8", ": 9223372036854775807"),
        ("vae_decoder/config.json", "[1, 1, 1]", "[]"),
    ] {
        let text = good.iter().find(|(known, _)| *known == name).unwrap().1;
        write(name, &text.replace(number, damaged));
        let error = ModelFolder::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
        write(name, text);
    }
    write("unet/config.json", &good[3].1.replace(": 4", ": 4000000000"));
    write("vae_decoder/config.json", &good[4].1.replace(": 4", ": 4000000000"));
    let error = ModelFolder::open(dir.path()).unwrap_err().to_string();
    assert!(error.contains("latent_channels"), "{error}");
}

fn model(dir: &Path) {
    let write = |name: &str, text: &str| {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    for part in ["text_encoder", "unet", "vae_encoder", "vae_decoder"] {
        write(&format!("{part}/model.onnx"), "a graph");
    }
    write("model_index.json", r#"{"text_encoder": ["a", "b"], "requires_aesthetics_score": null}"#);
    write("text_encoder/config.json", r#"{"max_position_embeddings": 77}"#);
    write(
        "scheduler/scheduler_config.json",
        r#"{"use_karras_sigmas": null, "prediction_type": null, "num_train_timesteps": 1000.0}"#,
    );
    write("unet/config.json", r#"{"sample_size": 8, "in_channels": 4, "scale": NaN}"#);
    write("vae_decoder/config.json", r#"{"block_out_channels": [1, 1, 1]}"#);
}

#[test]
fn what_diffusers_takes_for_a_default_is_one() {
    let dir = tempfile::tempdir().unwrap();
    model(dir.path());
    let sizes = [
        ("8", Some(32)),
        ("8.0", Some(32)),
        ("[8, 8]", Some(32)),
        ("[8, 16]", None),
        ("null", None),
    ];
    for (side, size) in sizes {
        let text = format!("{{\"sample_size\": {side}, \"in_channels\": 4}}");
        std::fs::write(dir.path().join("unet/config.json"), text).unwrap();
        let folder = ModelFolder::open(dir.path()).unwrap();
        assert_eq!((folder.default_size, folder.vae.latent_channels), (size, 4), "{side}");
        assert_eq!(folder.scheduler, SchedulerConfig::default());
    }
    std::fs::write(dir.path().join("unet/config.json"), "{\"sample_size\": 0}").unwrap();
    assert!(ModelFolder::open(dir.path()).unwrap_err().to_string().contains("sample_size 0"));
}

#[test]
fn to_encode_only_the_image_encoder_is_needed() {
    let dir = tempfile::tempdir().unwrap();
    model(dir.path());
    for gone in ["model_index.json", "scheduler", "unet", "text_encoder", "vae_decoder/model.onnx"]
    {
        let path = dir.path().join(gone);
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        } else {
            std::fs::remove_file(path).unwrap();
        }
        assert!(ModelFolder::open(dir.path()).is_err(), "{gone}");
        let folder = ModelFolder::open_for(dir.path(), Purpose::Encode).unwrap();
        assert_eq!(folder.latent_shape(32).unwrap(), [4, 8, 8]);
    }
    std::fs::remove_file(dir.path().join("vae_encoder/model.onnx")).unwrap();
    assert!(ModelFolder::open_for(dir.path(), Purpose::Encode).is_err());
}

//! What must hold for any model: independence of batches, guidance, the autoencoder.

use coda_pipe::models::guidance::GuidanceSchedule;
use coda_pipe::models::{DiffusionError, Encoder, Sampling};
use coda_pipe::onnx::GraphOptions;

use super::demo::Demo;
use super::support::{THREADS, greatest_difference, grey_levels, runtime, spread};

#[test]
fn an_image_does_not_depend_on_its_neighbours_in_the_batch() {
    let Some(mut demo) = Demo::new(THREADS) else {
        return;
    };
    let all = demo.run(&[0, 1, 2], 2);
    assert_eq!(all.len(), 3);
    assert_ne!(all[0].rgb, all[1].rgb);
    // 2 was padded above, and here stands first, last and alone.
    assert_eq!(demo.run(&[2, 0], 2)[0], all[2]);
    assert_eq!(demo.run(&[1, 2], 2)[1], all[2]);
    assert_eq!(demo.run(&[2], 2)[0], all[2]);
}

#[test]
fn other_batch_sizes_and_thread_counts_change_at_most_a_grey_level() {
    let (Some(mut one), Some(mut two)) = (Demo::new(1), Demo::new(2)) else {
        return;
    };
    let reference = one.run(&[0, 1, 2], 1);
    for (threads, demo) in [(1, &mut one), (2, &mut two)] {
        for batch in [1, 2, 3, 8] {
            for (found, expected) in demo.run(&[0, 1, 2], batch).iter().zip(&reference) {
                let expected_rgb: Vec<f32> = expected.rgb.iter().map(|&byte| byte.into()).collect();
                let levels = grey_levels(&found.rgb, &expected_rgb);
                let latents = greatest_difference(&found.latent, &expected.latent);
                eprintln!("threads {threads}, batch {batch}: {latents:.1e}, {levels} levels");
                assert!(levels <= 1.0 && latents <= 1e-3);
            }
        }
    }
}

#[test]
fn the_correction_moves_the_latent_towards_its_anchor_at_any_guidance_scale() {
    let Some(mut demo) = Demo::new(THREADS) else {
        return;
    };
    for cfg in [1.0, 5.0] {
        for schedule in [GuidanceSchedule::Sigma, GuidanceSchedule::Scaled, GuidanceSchedule::Flat]
        {
            let mut distance = |gamma| {
                let terms = schedule.into();
                demo.sampling = Sampling { cfg, gamma, terms, ..demo.sampling.clone() };
                let latent = demo.run(&[0], 1).remove(0).latent;
                let pairs = latent.iter().zip(&demo.anchor);
                pairs.map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
            };
            let (free, pulled) = (distance(0.0), distance(0.2));
            assert!(pulled < 0.95 * free, "w {cfg}, {schedule:?}: {pulled} of {free}");
        }
    }
}

#[test]
fn an_image_survives_the_autoencoder() {
    let Some(mut demo) = Demo::new(THREADS) else {
        return;
    };
    demo.sampling = Sampling { gamma: 0.0, steps: 25, ..demo.sampling.clone() };
    let images = demo.run(&[0, 1], 2);
    let mut pixels = Vec::new();
    for image in &images {
        for channel in 0..3 {
            let plane = image.rgb.iter().skip(channel).step_by(3);
            pixels.extend(plane.map(|&byte| f32::from(byte) / 127.5 - 1.0));
        }
    }
    let folder = demo.generator.folder().clone();
    let options = GraphOptions { threads: THREADS, ..GraphOptions::default() };
    let mut encoder = Encoder::load(&folder, &runtime(), &options).unwrap();
    let latents = encoder.encode(&pixels, 2, 32).unwrap();
    assert_eq!(latents.len(), 2 * images[0].latent.len());
    for (latent, image) in latents.chunks(latents.len() / 2).zip(&images) {
        let pairs = latent.iter().zip(&image.latent);
        let error = pairs.map(|(a, b)| (a - b).powi(2)).sum::<f32>() / latent.len() as f32;
        let relative = error.sqrt() / spread(&image.latent);
        eprintln!("round trip: {relative} deviations");
        assert!(relative < 0.4, "{relative}");
    }
    let error = encoder.encode(&pixels, 2, 30).unwrap_err();
    assert!(matches!(error, DiffusionError::Setting { name: "size", .. }), "{error}");
    let error = encoder.encode(&pixels[1..], 2, 32).unwrap_err();
    assert!(matches!(error, DiffusionError::Setting { name: "pixels", .. }), "{error}");
}

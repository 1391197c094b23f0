//! Integration tests: they drive the real binary over real digits. One binary, so that linking is paid once.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "a test says what it measured")]

mod anchors;
mod command_line;
mod compact;
mod concurrency;
mod copy_detection;
mod crash_safety;
mod demo;
mod deployment;
mod determinism;
mod devices;
mod discovery_goldens;
mod estimate;
mod evaluation;
mod examples;
mod exporting;
mod feature_choice;
mod fused_graphs;
mod generation_settings;
mod graceful_stop;
mod guidance_determinism;
mod hostile_input;
mod hub;
mod image_sets;
mod interruption;
mod invalidation;
mod labels;
mod latent_sizes;
mod library;
mod mix;
mod model_components;
mod model_diagnosis;
mod model_export;
mod model_families;
mod model_goldens;
mod model_identity;
mod model_pairings;
mod model_refusals;
mod object_store;
mod other_programs;
mod packing;
mod process_limits;
mod report;
mod sample_command;
mod shard_formats;
mod shard_tools;
mod shipped_pipelines;
mod slurm;
mod standalone_discovery;
mod starting;
mod support;
mod tutorial;
mod verification;
mod way_in;
mod whole_run;
mod workers;

use support::{documents, finished, harness, hub_server, model_folder, moto, object_server, skip};

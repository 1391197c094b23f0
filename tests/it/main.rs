//! Integration tests: they drive the real binary over real digits. One binary, so that linking is paid once.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "a skipped test is loud")]

mod audit;
mod bad_data;
mod chaining;
mod commands;
mod crash;
mod demo;
mod deploy;
mod diffusion;
mod discover_command;
mod discovery;
mod doctor_model;
mod documents;
mod end_to_end;
mod far_reads;
mod faults;
mod features;
mod full_disk;
mod generation;
mod graphs;
mod harness;
mod images;
mod interruption;
mod model_files;
mod model_sense;
mod moto;
mod object_server;
mod pack;
mod pack_found;
mod pipelines;
mod plan;
mod process;
mod python;
mod quality;
mod redo;
mod report;
mod resolutions;
mod safety;
mod sameness;
mod sample;
mod shard_kinds;
mod shard_labels;
mod shard_servers;
mod shard_tools;
mod side_by_side;
mod slurm;
mod sources;
mod sources_moto;
mod stopping;
mod tars;
mod team;
mod team_far;
mod tutorial;
mod verify;

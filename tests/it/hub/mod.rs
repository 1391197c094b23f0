//! The Hugging Face hub: models and shards by their addresses, against a hub on loopback.

mod data;
mod fetching;
mod models;
mod python;
mod refusals;

use crate::harness::{Bench, checkout};
use crate::hub_server::{HubServer, Repo};
use std::process::{Command, Output};

pub const TOKEN: &str = "hf_thisIsASecret";
pub const MODEL: &str = "hf://lab/digits";

/// `coda-pipe ARGS` with the hub of `server`, a cache of the bench's own, and no token.
pub fn command(bench: &Bench, server: &HubServer, args: &[&str]) -> Command {
    let mut command = bench.command(args);
    for name in [
        "HF_TOKEN",
        "HUGGING_FACE_HUB_TOKEN",
        "HF_TOKEN_PATH",
        "HF_HUB_CACHE",
        "HUGGINGFACE_HUB_CACHE",
        "HF_HUB_OFFLINE",
        "TRANSFORMERS_OFFLINE",
        "HF_HUB_DISABLE_IMPLICIT_TOKEN",
        "http_proxy",
        "HTTP_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ] {
        command.env_remove(name);
    }
    command.env("HF_ENDPOINT", server.url()).env("HF_HOME", bench.path("hf"));
    command
}

/// Standard output and error, of a command that ends with `code`.
pub fn said(output: &Output, code: i32) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    assert!(!out.contains(TOKEN) && !err.contains(TOKEN), "the token is shown: {out}\n{err}");
    (out, err)
}

pub fn expect(bench: &Bench, server: &HubServer, code: i32, args: &[&str]) -> (String, String) {
    said(&command(bench, server, args).output().unwrap(), code)
}

/// The demo's model with what a repository has beside it.
pub fn model_repo() -> Repo {
    let model = checkout().join("models/demo");
    let big = vec![7; 5000];
    Repo::default()
        .folder(&model, "")
        .file("unet/diffusion_pytorch_model.safetensors", big.clone())
        .file("text_encoder/pytorch_model.bin", big.clone())
        .file("unet/model_fp16.onnx", big)
        .file(".gitattributes", "*.onnx filter=lfs")
}

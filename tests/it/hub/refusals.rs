//! What the hub refuses is told with the right cure, and the token stays out of it.

use super::{MODEL, TOKEN, command, expect, model_repo, said};
use crate::harness::Bench;
use crate::hub_server::{HubServer, Repo};

#[test]
fn each_refusal_has_its_cure() {
    let (bench, server) = (Bench::new(), HubServer::start());
    server.put("models/lab/gated", model_repo().only_with(TOKEN).gated());
    server.put("models/lab/private", model_repo().only_with(TOKEN));
    server.put("models/lab/open", model_repo());
    let fetch = |name: &str, token: Option<&str>| {
        let mut command = command(&bench, &server, &["model", "fetch", name]);
        token.map(|token| command.env("HF_TOKEN", token));
        said(&command.output().unwrap(), 1).1
    };
    for (name, token, expected) in [
        ("lab/gated", None, ["accept the conditions", "HF_TOKEN"]),
        (
            "lab/gated",
            Some("hf_other"),
            ["the token in HF_TOKEN has none", "accept the conditions"],
        ),
        ("lab/private", None, ["there is no such repository, or it is private", "HF_TOKEN"]),
        (
            "lab/private",
            Some("hf_other"),
            ["the token in HF_TOKEN is wrong or has run out", "settings/tokens"],
        ),
        ("lab/nothing", Some("hf_other"), ["there is no such repository", "hf://lab/nothing"]),
        ("lab/open@v9", None, ["no such revision", "hf://lab/open@v9"]),
        ("lab/open/onnx", None, ["no such file", "hf://lab/open/onnx"]),
    ] {
        let err = fetch(name, token);
        assert!(expected.iter().all(|text| err.contains(text)), "{name}: {err}");
        assert!(!err.contains("hf_other"), "{err}");
    }
    // A token in the file that Python's login writes.
    std::fs::create_dir_all(bench.path("hf")).unwrap();
    std::fs::write(bench.path("hf/token"), "hf_wrong\n").unwrap();
    let err = fetch("lab/private", None);
    assert!(err.contains("hf/token is wrong") && !err.contains("hf_wrong"), "{err}");
    let (_, err) = expect(&bench, &server, 2, &["model", "fetch", "nonsense"]);
    assert!(err.contains("hf://OWNER/NAME"), "{err}");
}

#[test]
fn a_repository_without_graphs_is_told_with_the_commands() {
    let (bench, server) = (Bench::new(), HubServer::start());
    let weights =
        || Repo::default().file("model_index.json", "{}").file("unet/x.safetensors", vec![1; 3000]);
    server.put("models/lab/torch", weights());
    server.put("models/lab/below", weights().file("onnx/vae_encoder/model.onnx", "x"));
    server.put("models/lab/half", weights().file("unet/model_fp16.onnx", "x"));
    let set = |name: &str| format!("model.path=hf://lab/{name}");
    let (_, err) = expect(&bench, &server, 2, &["run", "p.toml", "--set", &set("torch")]);
    for text in [
        "hf://lab/torch has no ONNX files",
        "coda-pipe model export lab/torch torch-onnx",
        "optimum-cli export onnx --task text-to-image -m lab/torch torch-onnx",
    ] {
        assert!(err.contains(text), "{err}");
    }
    let (_, err) = expect(&bench, &server, 2, &["plan", "p.toml", "--set", &set("below")]);
    assert!(err.contains("name that, hf://lab/below/onnx"), "{err}");
    let (_, err) = expect(&bench, &server, 2, &["run", "p.toml", "--set", &set("half")]);
    assert!(err.contains("unet/model_fp16.onnx") && err.contains("PART/model.onnx"), "{err}");
    let asked = server.take_asked();
    assert!(asked.iter().all(|asked| !asked.of_store), "nothing is fetched in vain: {asked:?}");
}

#[test]
fn offline_says_what_the_cache_lacks() {
    let (bench, server) = (Bench::new(), HubServer::start());
    server.put("models/lab/digits", model_repo());
    let offline = |code: i32, args: &[&str]| {
        let output = command(&bench, &server, args).env("HF_HUB_OFFLINE", "1").output().unwrap();
        said(&output, code).1
    };
    let err = offline(1, &["model", "fetch", MODEL]);
    assert!(err.contains("HF_HUB_OFFLINE is set") && err.contains("nothing of it"), "{err}");
    let shards = "data.shards=hf://datasets/lab/set/a.tar";
    let err = offline(1, &["run", "p.toml", "--set", shards]);
    assert!(err.contains("HF_HUB_OFFLINE") && err.contains("streamed"), "{err}");
    assert!(server.take_asked().is_empty());
}

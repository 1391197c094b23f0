//! A run with a model of the hub: the same bytes as with its folder, the token for the hub alone, and all of it offline later.

use super::{MODEL, TOKEN, command, expect, model_repo, said};
use crate::harness::{Bench, checkout};
use crate::hub_server::{HubServer, Repo};

#[test]
fn a_model_of_the_hub_makes_the_bytes_that_its_folder_makes() {
    let (bench, server) = (Bench::with_run(&[]), HubServer::start());
    server.put("models/lab/digits", model_repo().only_with(TOKEN));
    let set = format!("model.path={MODEL}");
    // Units depend on the model's content and not on its name: there is nothing to do.
    let run = ["run", "p.toml", "--set", &set];
    let output = command(&bench, &server, &run).env("HF_TOKEN", TOKEN).output().unwrap();
    let (_, err) = said(&output, 0);
    assert!(err.contains("fetching") && err.contains("nothing was recomputed"), "{err}");

    let asked = server.take_asked();
    let (of_store, of_hub): (Vec<_>, Vec<_>) = asked.into_iter().partition(|asked| asked.of_store);
    assert!(of_store.len() >= 5, "{of_store:?}");
    for asked in &of_store {
        assert!(!asked.head.contains(TOKEN) && asked.authorization.is_none(), "{}", asked.head);
    }
    let bearer = format!("Bearer {TOKEN}");
    assert!(of_hub.iter().all(|asked| asked.authorization.as_deref() == Some(&bearer)));
    let fetched = |name: &str| of_hub.iter().any(|asked| asked.target.ends_with(name));
    // Both tokenizers have the same vocabulary, which comes once.
    assert!(
        fetched("unet/model.onnx")
            && (fetched("tokenizer/vocab.json") ^ fetched("tokenizer_2/vocab.json"))
    );
    for needless in ["safetensors", ".bin", "model_fp16.onnx", "README.md", "train.py"] {
        assert!(!fetched(needless), "{needless}");
    }

    // Without a connection, and without a token.
    let offline = ["run", "p.toml", "--set", &set, "--run-dir", "again"];
    let output = command(&bench, &server, &offline).env("HF_HUB_OFFLINE", "1").output().unwrap();
    said(&output, 0);
    assert_eq!(bench.results("again"), bench.results("run"));
    assert!(server.take_asked().is_empty());
    // The token is kept nowhere.
    for run in ["run", "again"] {
        for name in ["run.json", "events.jsonl", "pipeline.toml"] {
            assert!(!std::fs::read_to_string(bench.path(run).join(name)).unwrap().contains(TOKEN));
        }
    }
}

#[test]
fn every_command_that_takes_a_model_takes_one_of_the_hub() {
    let (bench, server) = (Bench::new(), HubServer::start());
    server
        .put("models/lab/digits", Repo::default().folder(&checkout().join("models/demo"), "onnx"));
    let model = format!("{MODEL}@v1/onnx");
    let sample = ["sample", &model, "--prompt", "zero", "--size", "32", "--steps", "2"];
    expect(&bench, &server, 0, &sample);
    let here = checkout().join("models/demo");
    let hub_made = std::fs::read(bench.path("sample.png")).unwrap();
    expect(
        &bench,
        &server,
        0,
        &["sample", here.to_str().unwrap(), "--prompt", "zero", "--size", "32", "--steps", "2"],
    );
    assert!(hub_made == std::fs::read(bench.path("sample.png")).unwrap());
    let (out, _) = expect(&bench, &server, 0, &["doctor", "--model", &model, "--json"]);
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(found["model"]["problems"], serde_json::json!([]), "{out}");
    let (out, _) =
        expect(&bench, &server, 0, &["plan", "p.toml", "--set", &format!("model.path={model}")]);
    assert!(!out.contains("will refuse"), "{out}");
    // An image encoder as the source of features, by the address of its file.
    let graph = format!("features.model={model}/vae_encoder/model.onnx");
    let (_, err) = expect(
        &bench,
        &server,
        0,
        &["run", "p.toml", "--set", &graph, "--set", "features.size=32", "--until", "discover"],
    );
    assert!(!err.contains("does not exist"), "{err}");
}

#[test]
fn components_of_the_hub_replace_those_of_the_model_which_are_not_fetched() {
    let (bench, server) = (Bench::with_run(&[]), HubServer::start());
    let model = checkout().join("models/demo");
    server.put("models/lab/digits", model_repo());
    let vae = ["vae_encoder", "vae_decoder"];
    let fixed = vae.iter().fold(Repo::default(), |repo, part| repo.folder(&model.join(part), part));
    server.put("models/lab/vae", fixed);
    server.put("models/lab/parts", Repo::default().folder(&model.join("unet"), "small/unet"));
    let sets = [
        format!("model.path={MODEL}"),
        "model.vae=hf://lab/vae".to_owned(),
        "model.unet=hf://lab/parts/small/unet".to_owned(),
    ];
    let run = |last: &str| {
        let sets = [&sets[0], &sets[1], last].map(|set| ["--set", set]).concat();
        [&["run", "p.toml"][..], &sets].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let args = run(&sets[2]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (_, err) = expect(&bench, &server, 0, &args);
    assert!(err.contains("nothing was recomputed"), "{err}");
    let asked = server.take_asked();
    let fetched = |name: &str| asked.iter().any(|asked| asked.target.contains(name));
    assert!(fetched("lab/vae/resolve") && fetched("small/unet/model.onnx"));
    for replaced in ["vae_encoder/model.onnx", "vae_decoder/model.onnx", "unet/model.onnx"] {
        let of_model = |target: &str| target.contains("lab/digits/") && target.ends_with(replaced);
        assert!(!asked.iter().any(|asked| of_model(&asked.target)), "{replaced}");
    }
    // What is no component is told.
    let args = run("model.unet=hf://lab/vae");
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (_, err) = expect(&bench, &server, 2, &args);
    assert!(err.contains("hf://lab/vae has no unet/model.onnx"), "{err}");
}

#[test]
fn weights_beside_a_graph_come_with_it_and_load_from_the_caches_links() {
    let (bench, server) = (Bench::new(), HubServer::start());
    let (folder, weights) = (checkout().join("models/demo"), vec![3; 4000]);
    let mut graph = std::fs::read(folder.join("unet/model.onnx")).unwrap();
    graph.extend(one_more_tensor("more/model.onnx_data", weights.len()));
    let repo = Repo::default().folder(&folder, "").file("unet/model.onnx", graph);
    server.put("models/lab/digits", repo.clone().file("unet/more/model.onnx_data", weights));
    let (out, _) = expect(&bench, &server, 0, &["model", "fetch", MODEL, "--json"]);
    assert!(out.contains("unet/more/model.onnx_data"), "{out}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let data = bench.path(report["folder"].as_str().unwrap()).join("unet/more/model.onnx_data");
    assert_eq!(std::fs::read(data).unwrap().len(), 4000);
    // A repository that lacks them is told by the file.
    server.put("models/lab/digits", repo);
    let (_, err) = expect(&bench, &server, 1, &["model", "fetch", MODEL]);
    assert!(err.contains("unet/more/model.onnx_data: the repository has no such file"), "{err}");
}

/// A second `graph` of a model's protobuf, which is merged with the first: an initializer whose bytes lie in a file.
fn one_more_tensor(location: &str, bytes: usize) -> Vec<u8> {
    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2];
        let mut length = content.len();
        while length > 127 {
            bytes.push((length & 127) as u8 | 128);
            length >>= 7;
        }
        bytes.push(length as u8);
        [bytes, content.to_vec()].concat()
    }
    let entry = |key: &[u8], value: &[u8]| field(13, &[field(1, key), field(2, value)].concat());
    let length = bytes.to_string();
    let tensor = [
        // dims, element type float, where the data lie
        vec![1 << 3, 0xe8, 0x07, 2 << 3, 1],
        field(8, b"more"),
        entry(b"location", location.as_bytes()),
        entry(b"length", length.as_bytes()),
        vec![14 << 3, 1],
    ];
    field(7, &field(5, &tensor.concat()))
}

//! Graphs and the devices that they run on, as far as they can be seen without a card.

use crate::harness::{Bench, checkout};
use crate::model_goldens::support::runtime;
use crate::skip;
use coda_pipe::onnx::{Data, Graph, GraphOptions, Tensor};

fn graph() -> Graph {
    let path = checkout().join("tests/golden/graphs/types.onnx");
    Graph::open(&runtime(), &path, &GraphOptions::default()).unwrap()
}

#[test]
fn every_type_that_exports_declare_is_converted() {
    let mut graph = graph();
    let inputs = [
        ("sample", Tensor::f32([1, 2], vec![0.25, -1.0])),
        ("timestep", Tensor::f32([1], vec![958.6])),
        ("half", Tensor::f32([1, 2], vec![0.1, 3.0])),
        ("input_ids", Tensor::i64([1, 3], vec![7, -1, 49407])),
    ];
    let outputs = graph.run(&inputs, &["ids", "out_sample", "doubled"]).unwrap();
    assert_eq!(outputs[0], Tensor::i64([1, 3], vec![14, -2, 98814]));
    assert_eq!(outputs[1], Tensor::f32([1, 2], vec![959.25, 958.0]));
    // 0.1 in half precision, doubled.
    assert_eq!(outputs[2], Tensor::f32([1, 2], vec![0.199_951_17, 6.0]));
}

#[test]
fn bound_inputs_stay_and_the_others_change() {
    let mut graph = graph();
    let constant = vec![
        ("half", Tensor::f32([2, 2], vec![1.0; 4])),
        ("input_ids", Tensor::i64([2, 1], vec![1, 2])),
        ("timestep", Tensor::i64([1], vec![100])),
    ];
    let mut bound = graph.bind(constant, "out_sample").unwrap();
    for step in 0..3 {
        let sample = Tensor::f32([2, 2], vec![step as f32; 4]);
        let output = bound.run(vec![("sample", sample)]).unwrap();
        assert_eq!(output.data, Data::F32(vec![100.0 + step as f32; 4]));
    }
    let moved = bound.run(vec![("timestep", Tensor::i64([1], vec![5]))]).unwrap();
    assert_eq!(moved.data, Data::F32(vec![7.0; 4]));
    let wrong = bound.run(vec![("sample", Tensor::f32([2, 3], vec![0.0; 6]))]).unwrap_err();
    assert!(wrong.to_string().contains("\"sample\" has shape [2, 3]"), "{wrong}");
    drop(bound);
    let lacking = vec![("half", Tensor::f32([1, 2], vec![1.0; 2]))];
    let mut lacking = graph.bind(lacking, "doubled").unwrap();
    let error = lacking.run(Vec::new()).unwrap_err().to_string();
    assert!(error.contains("types.onnx"), "{error}");
    drop(lacking);
    let unknown = graph.bind(Vec::new(), "nothing").map(drop).unwrap_err().to_string();
    assert!(unknown.contains("no output \"nothing\""), "{unknown}");
}

/// Runs the pipeline on cards that are pretended, which only builds for tests can.
fn on_cards(bench: &Bench, cards: &str, run: &str, devices: &str) -> (bool, String) {
    let devices = format!("devices={devices}");
    let mut command = bench.command(&["run", "p.toml", "--run-dir", run, "--set", &devices]);
    let output = command.env("CODA_PRETEND_CARDS", cards).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn all_cards_share_the_work_and_the_bytes_are_those_of_one() {
    if !cfg!(debug_assertions) {
        return skip::here("a release build pretends no cards");
    }
    let bench = Bench::new();
    let (done, stderr) = on_cards(&bench, "1", "one", "auto");
    assert!(done && stderr.contains("on cuda:0\n"), "{stderr}");
    for (run, devices, said) in [
        ("all", "auto", "on cuda:0, cuda:1, cuda:2\n"),
        ("two", "[\"cuda:2\", \"cuda:0\"]", "on cuda:2, cuda:0\n"),
        ("engines", "tensorrt:1", "on tensorrt:1\n"),
        ("host", "cpu", "on cpu\n"),
    ] {
        let (done, stderr) = on_cards(&bench, "3", run, devices);
        assert!(done && stderr.contains(said), "{devices}: {stderr}");
        assert_eq!(bench.results(run), bench.results("one"), "{devices}");
    }
}

#[test]
fn a_card_that_is_not_there_is_an_error_and_auto_takes_the_host_aloud() {
    if !cfg!(debug_assertions) {
        return skip::here("a release build pretends no cards");
    }
    let bench = Bench::new();
    let (done, stderr) = on_cards(&bench, "2", "run", "[\"cuda:0\", \"cuda:2\"]");
    assert!(
        !done && stderr.contains("device cuda:2 was asked for, but there are 2 cards"),
        "{stderr}"
    );
    let (done, stderr) = on_cards(&bench, "0", "run", "tensorrt");
    assert!(!done && stderr.contains("device tensorrt:0 was asked for"), "{stderr}");
    let (done, stderr) = on_cards(&bench, "0", "run", "auto");
    assert!(done && stderr.contains("warning: using the CPU: device cuda:0"), "{stderr}");
}

/// Without the pretence: this machine's own library, whatever it was built for.
#[test]
fn a_card_is_never_replaced_in_silence() {
    let bench = Bench::new();
    if runtime().providers().len() > 1 {
        return skip::here("this ONNX Runtime has more than the CPU provider");
    }
    for (devices, what) in [("cuda", "CUDA"), ("tensorrt", "TensorRT")] {
        let (_, stderr) =
            bench.expect(1, &["run", "p.toml", "--set", &format!("devices={devices}")]);
        assert!(stderr.contains(&format!("was built without {what}")), "{stderr}");
    }
}

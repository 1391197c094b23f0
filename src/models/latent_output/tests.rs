//! Graphs written by hand, in the forms that exporters and optimisers give a draw.

use super::*;

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn field(number: u64, content: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

fn number(place: u64, value: i64) -> Vec<u8> {
    [varint(place << 3), varint(value as u64)].concat()
}

fn whole(name: &str, values: &[i64]) -> Vec<u8> {
    let values: Vec<u8> = values.iter().flat_map(|value| number(8, *value)).collect();
    field(5, &[field(1, name.as_bytes()), values].concat())
}

/// `OPERATOR inputs -> outputs`, `-` for an input that is left out; `more` are attributes.
fn node(text: &str, more: &[Vec<u8>]) -> Vec<u8> {
    let (left, outputs) = text.split_once(" -> ").unwrap();
    let mut words = left.split(' ');
    let operator = words.next().unwrap();
    let mut bytes = Vec::new();
    for input in words {
        bytes.extend(field(1, input.trim_matches('-').as_bytes()));
    }
    outputs.split(' ').for_each(|output| bytes.extend(field(2, output.as_bytes())));
    bytes.extend(field(4, operator.as_bytes()));
    field(1, &[bytes, more.concat()].concat())
}

/// A weight of float32 (1), half precision (10) or whole numbers (7).
fn weight(name: &str, kind: i64, dims: &[i64], raw: &[u8]) -> Vec<u8> {
    let dims: Vec<u8> = dims.iter().flat_map(|dim| number(1, *dim)).collect();
    field(5, &[dims, number(2, kind), field(8, name.as_bytes()), field(9, raw)].concat())
}

fn real(name: &str, value: f32) -> Vec<u8> {
    weight(name, 1, &[], &value.to_le_bytes())
}

fn numbers(name: &str, values: &[i64]) -> Vec<u8> {
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    weight(name, 7, &[values.len() as i64], &raw)
}

/// A model of nodes and weights; `outputs` are its outputs.
fn model(parts: &[Vec<u8>], outputs: &[&str]) -> Vec<u8> {
    let ports = outputs.iter().map(|name| field(12, &field(1, name.as_bytes())));
    let input = field(11, &field(1, b"sample"));
    field(7, &[parts.concat(), input, ports.collect::<Vec<_>>().concat()].concat())
}

fn config() -> VaeConfig {
    serde_json::from_str(r#"{"block_out_channels": [1, 1], "scaling_factor": 0.5}"#).unwrap()
}

fn of(bytes: &[u8]) -> Result<LatentOutput, Fault> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.onnx");
    std::fs::write(&path, bytes).unwrap();
    LatentOutput::of(&path, &config())
}

/// Network, log-variance to deviation, and noise, as optimum 1.22 has them; `mean` and `logvar` are still to be made.
fn common() -> Vec<Vec<u8>> {
    vec![
        node("Conv sample w -> m", &[]),
        node("Clip logvar low high -> clipped", &[]),
        node("Mul clipped half -> halved", &[]),
        node("Exp halved -> deviation", &[]),
        weight("w", 1, &[8, 3, 1, 1], &[0; 96]),
        real("low", -30.0),
        real("high", 20.0),
        real("half", 0.5),
    ]
}

fn split() -> Vec<u8> {
    node("Split m -> mean logvar", &[whole("axis", &[1])])
}

fn noise() -> Vec<u8> {
    node("RandomNormalLike mean -> noise", &[])
}

fn sum() -> Vec<Vec<u8>> {
    vec![
        node("Mul deviation noise -> scattered", &[]),
        node("Add mean scattered -> latent_sample", &[]),
    ]
}

fn drawn(parts: &[Vec<Vec<u8>>]) -> Result<LatentOutput, Fault> {
    of(&model(&parts.concat(), &["latent_sample"]))
}

#[test]
fn halves_are_told_however_they_are_cut() {
    let at = |tensor: &str| Ok(LatentOutput::Drawn(tensor.to_owned()));
    let forms: [(&str, Vec<Vec<u8>>); 6] = [
        ("equal parts", vec![split()]),
        (
            "opset 11",
            vec![node("Split m -> mean logvar", &[whole("axis", &[-3]), whole("split", &[4, 4])])],
        ),
        (
            "opset 13",
            vec![node("Split m l -> mean logvar", &[whole("axis", &[1])]), numbers("l", &[4, 4])],
        ),
        (
            "slices",
            vec![
                node("Slice m zero four one -> mean", &[]),
                node("Slice m four end one -> logvar", &[]),
                numbers("zero", &[0]),
                numbers("four", &[4]),
                numbers("end", &[i64::MAX]),
                numbers("one", &[1]),
            ],
        ),
        (
            "opset 9",
            vec![
                node(
                    "Slice m -> mean",
                    &[
                        whole("axes", &[0, 1]),
                        whole("starts", &[0, 0]),
                        whole("ends", &[i64::MAX, -4]),
                    ],
                ),
                node(
                    "Slice m -> logvar",
                    &[whole("axes", &[1]), whole("starts", &[4]), whole("ends", &[8])],
                ),
            ],
        ),
        (
            "computed",
            vec![
                node("Shape m -> shape", &[]),
                node("Gather shape one -> channels", &[whole("axis", &[0])]),
                node("Div channels two -> four", &[]),
                node("Slice m zero four one -> mean", &[]),
                node("Slice m four channels one -> logvar", &[]),
                numbers("zero", &[0]),
                numbers("one", &[1]),
                numbers("two", &[2]),
            ],
        ),
    ];
    for (name, form) in forms {
        assert_eq!(drawn(&[common(), form, vec![noise()], sum()]), at("m"), "{name}");
    }
    for (name, form) in [
        (
            "unequal",
            vec![node("Split m l -> mean logvar", &[whole("axis", &[1])]), numbers("l", &[3, 5])],
        ),
        ("of height", vec![node("Split m -> mean logvar", &[whole("axis", &[2])])]),
        ("swapped", vec![node("Split m -> logvar mean", &[whole("axis", &[1])])]),
        ("thirds", vec![node("Split m -> mean logvar rest", &[whole("axis", &[1])])]),
    ] {
        let found = drawn(&[common(), form, vec![noise()], sum()]);
        assert!(matches!(found, Err(Fault::Refused(..))), "{name}: {found:?}");
    }
}

#[test]
fn noise_and_scaling_come_in_several_forms() {
    let with =
        |noise: Vec<Vec<u8>>, sum: Vec<Vec<u8>>| drawn(&[common(), vec![split()], noise, sum]);
    let m = Ok(LatentOutput::Drawn("m".to_owned()));
    let fixed = vec![
        node("RandomNormal -> r", &[whole("shape", &[1, 4, 8, 8])]),
        node("Cast r -> noise", &[]),
    ];
    assert_eq!(with(fixed, sum()), m);
    let swapped =
        vec![node("Mul noise deviation -> s", &[]), node("Add s mean -> latent_sample", &[])];
    assert_eq!(with(vec![noise()], swapped), m);
    let scaled = |factor: f32| {
        let mut parts =
            vec![node("Mul deviation noise -> s", &[]), node("Add mean s -> drawn", &[])];
        parts.extend([node("Mul k drawn -> latent_sample", &[]), real("k", factor)]);
        with(vec![noise()], parts)
    };
    assert_eq!(scaled(0.5), m);
    let Err(Fault::Refused(what, remedy)) = scaled(0.25) else { panic!() };
    assert!(what.contains("0.25") && what.contains("0.5") && remedy.contains("1.23"), "{what}");
    // Nothing random, half of the channels twice, or a deviation of something else.
    let twice = vec![node("Mul mean noise -> s", &[]), node("Add mean s -> latent_sample", &[])];
    assert!(matches!(with(vec![noise()], twice), Err(Fault::Refused(..))));
    let sampled = vec![node("Multinomial m -> latent_sample", &[])];
    assert!(matches!(with(vec![], sampled), Err(Fault::Refused(..))));
}

#[test]
fn what_draws_before_or_within_is_refused() {
    let mut noisy = common();
    noisy[0] = node("Conv noisy w -> m", &[]);
    noisy.extend([node("RandomNormalLike sample -> r", &[]), node("Add sample r -> noisy", &[])]);
    let Err(Fault::Refused(what, _)) = drawn(&[noisy, vec![split(), noise()], sum()]) else {
        panic!()
    };
    assert!(what.contains("before its last step"), "{what}");
    let inner = [node("RandomNormalLike mean -> r", &[]), field(12, &field(1, b"r"))].concat();
    let branch = |name: &str| field(5, &[field(1, name.as_bytes()), field(6, &inner)].concat());
    let condition = node("If yes -> noise", &[branch("then_branch"), branch("else_branch")]);
    let Err(Fault::Refused(what, _)) = drawn(&[common(), vec![split(), condition], sum()]) else {
        panic!()
    };
    assert!(what.contains("inner graph"), "{what}");
    // Random numbers that nothing uses are no draw.
    let unused =
        [common(), vec![split(), noise(), node("Identity m -> latent_parameters", &[])]].concat();
    assert_eq!(of(&model(&unused, &["latent_parameters"])), Ok(LatentOutput::Parameters));
    let used =
        [common(), vec![split(), noise(), node("Concat mean noise -> latent_parameters", &[])]]
            .concat();
    assert!(matches!(of(&model(&used, &["latent_parameters"])), Err(Fault::Refused(..))));
}

#[test]
fn a_latent_without_a_draw_is_one() {
    let parts = |last: Vec<Vec<u8>>| [common(), vec![split()], last].concat();
    let latent = parts(vec![node("Identity mean -> latent_sample", &[])]);
    assert_eq!(of(&model(&latent, &["latent_sample"])), Ok(LatentOutput::Latent));
    let scaled = parts(vec![node("Mul mean k -> latent_sample", &[]), real("k", 0.5)]);
    assert_eq!(
        of(&model(&scaled, &["latent_sample"])),
        Ok(LatentOutput::Scaled("mean".to_owned()))
    );
    let bias = parts(vec![node("Mul mean k -> latent_sample", &[]), real("k", 0.7)]);
    assert_eq!(of(&model(&bias, &["latent_sample"])), Ok(LatentOutput::Latent));
    assert_eq!(of(&model(&latent, &["m", "latent_sample"])), Err(Fault::Lacks));
    assert_eq!(of(&model(&latent, &["mean"])), Err(Fault::Lacks));
}

#[test]
fn damaged_graphs_and_rings_end() {
    let ring = [node("Identity latent_sample -> a", &[]), node("Cast a -> latent_sample", &[])];
    assert!(of(&model(&ring, &["latent_sample"])).is_ok());
    let whole = model(&[common(), vec![split(), noise()], sum()].concat(), &["latent_sample"]);
    for length in 0..whole.len() {
        let _ = of(&whole[..length]);
    }
    let mut bytes = whole.clone();
    for (at, byte) in whole.iter().enumerate() {
        bytes[at] = byte ^ 0x55;
        let _ = of(&bytes);
        bytes[at] = *byte;
    }
}

#[test]
fn a_cut_graph_has_what_the_tensor_needs_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.onnx");
    let entry = |key: &str, value: &str| {
        field(13, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat())
    };
    let outside = [
        number(1, 2),
        number(2, 1),
        field(8, b"b"),
        entry("location", "w.bin"),
        entry("offset", "4"),
        entry("length", "8"),
        number(14, 1),
    ];
    let mut parts = common();
    parts[0] = node("Conv sample w b -> m", &[]);
    parts.extend([field(5, &outside.concat()), split(), noise()]);
    parts.extend(sum());
    // Old graphs list their weights among the inputs.
    parts.extend(["w", "half"].map(|name| field(11, &field(1, name.as_bytes()))));
    std::fs::write(&path, [number(1, 7), model(&parts, &["latent_sample"])].concat()).unwrap();
    std::fs::write(dir.path().join("w.bin"), b"....12345678....").unwrap();
    let outline = Outline::read(&path).unwrap();
    let bytes = recut::cut(&outline, "m", PARAMETERS).unwrap();
    let at = |word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
    assert!(at(b"12345678") && !at(b"w.bin") && !at(b"half") && !at(b"RandomNormalLike"));
    std::fs::write(&path, &bytes).unwrap();
    let cut = Outline::read(&path).unwrap();
    assert_eq!(cut.outputs, [PARAMETERS]);
    let operators: Vec<&str> = cut.nodes.iter().map(|node| node.operator.as_str()).collect();
    assert_eq!(operators, ["Conv", "Identity"]);
    let mut weights: Vec<&str> = cut.weights.keys().map(String::as_str).collect();
    weights.sort_unstable();
    assert_eq!(weights, ["b", "w"]);
    // Weights that are cut short, and a name that is taken.
    std::fs::write(dir.path().join("w.bin"), b"....1234567").unwrap();
    assert!(recut::cut(&outline, "m", PARAMETERS).is_err());
    assert!(recut::cut(&outline, "m", "w").is_err());
}

#[test]
fn numbers_that_share_their_inputs_take_few_steps() {
    // Each doubles the one before: followed to its end, the last takes 2^30 steps.
    let mut parts = vec![node("Shape m -> n0", &[])];
    parts.extend((0..30).map(|at| node(&format!("Add n{at} n{at} -> n{}", at + 1), &[])));
    parts.extend([numbers("zero", &[0]), numbers("one", &[1])]);
    parts.push(node("Slice m zero n30 one -> mean", &[]));
    parts.push(node("Slice m n30 zero one -> logvar", &[]));
    let found = drawn(&[common(), parts, vec![noise()], sum()]);
    assert!(matches!(found, Err(Fault::Refused(..))), "{found:?}");
}

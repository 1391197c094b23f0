//! The comparison of a graph's tensors with those that its part must have.

use super::part::Part;
use super::wanted::{Kind, Wanted};
use crate::models::family::Family;
use crate::onnx::header::{Header, Outlet};
use crate::onnx::{Element, Port};

/// What is wrong with a graph's tensors, and the remedy.
pub(super) type PortFault = (String, String);

const AGAIN: &str = "export the model again with optimum 1.24 or later (docs/models.md)";

/// All that is wrong with the tensors of the graph in `part`'s place.
pub(super) fn compare(
    family: &'static Family,
    part: Part,
    inputs: &[Port],
    outputs: &[Port],
) -> Vec<PortFault> {
    let (wanted_in, wanted_out) = (part.inputs(), part.outputs());
    let lacking = |ports: &[Port], wanted: &[Wanted]| {
        let absent = |want: &&Wanted| !ports.iter().any(|port| port.name == want.name);
        wanted.iter().filter(|want| !want.optional).find(absent).map(|want| want.name)
    };
    if let Some(name) = lacking(inputs, &wanted_in) {
        return vec![missing(family, part, ("input", name, inputs), (inputs, outputs))];
    }
    if let Some(name) = lacking(outputs, &wanted_out) {
        return vec![missing(family, part, ("output", name, outputs), (inputs, outputs))];
    }
    let mut faults = Vec::new();
    for port in inputs {
        match wanted_in.iter().find(|want| want.name == port.name) {
            Some(want) => faults.extend(tensor("input", port, want).or_else(|| fixed(port))),
            None => faults.push((
                format!("it wants the input `{}`, which only other kinds of model have", port.name),
                misplaced(part, Part::recognise(family, inputs, outputs)).unwrap_or_else(|| {
                    format!("use plain {}: no ControlNet or inpainting export", Family::choice())
                }),
            )),
        }
    }
    for want in &wanted_out {
        let port = outputs.iter().find(|port| port.name == want.name);
        faults.extend(port.and_then(|port| tensor("output", port, want)));
    }
    faults
}

/// As [`compare`], by what the graph's file says; ranks that it doesn't tell are taken to be right.
pub(super) fn compare_header(
    family: &'static Family,
    part: Part,
    header: &Header,
) -> Vec<PortFault> {
    let ports = |outlets: &[Outlet], wanted: &[Wanted]| -> Vec<Port> {
        let rank = |outlet: &Outlet| {
            let want = wanted.iter().find(|want| want.name == outlet.name);
            want.and_then(|want| want.ranks.first().copied()).unwrap_or(0)
        };
        outlets.iter().map(|outlet| outlet.port(rank(outlet))).collect()
    };
    let inputs = ports(&header.inputs, &part.inputs());
    compare(family, part, &inputs, &ports(&header.outputs, &part.outputs()))
}

fn missing(
    family: &'static Family,
    part: Part,
    (role, name, among): (&str, &str, &[Port]),
    (inputs, outputs): (&[Port], &[Port]),
) -> PortFault {
    let names: Vec<&str> = among.iter().map(|port| port.name.as_str()).collect();
    let what = format!("it lacks the {role} `{name}` (it has: {})", names.join(", "));
    let other = misplaced(part, Part::recognise(family, inputs, outputs));
    let drawn = part == Part::VaeEncoder && names.contains(&"latent_sample");
    let remedy = match other {
        _ if drawn => {
            "optimum up to 1.22 let this graph draw a random latent; export the model again with 1.23 or later".to_owned()
        }
        Some(remedy) => format!("{remedy}, or {AGAIN}"),
        None => AGAIN.to_owned(),
    };
    (what, remedy)
}

/// What to do about a graph in `part`'s place that could be `other`.
fn misplaced(part: Part, other: Option<Part>) -> Option<String> {
    match (part, other?) {
        (Part::Denoiser(family), Part::Denoiser(other)) if family != other => Some(format!(
            "this is a graph of {}, the denoiser of {}: put the one of {} in its place",
            other.denoiser, other.name, family.name
        )),
        (_, other) if other.folder() != part.folder() => Some(format!(
            "this is a graph of {}: put the one of {} in its place",
            other.folder(),
            part.folder()
        )),
        _ => None,
    }
}

fn tensor(role: &str, port: &Port, want: &Wanted) -> Option<PortFault> {
    let name = want.name;
    let right = match port.element {
        Some(Element::F32 | Element::F16) => want.kind != Kind::Whole,
        Some(Element::I64 | Element::I32) => want.kind != Kind::Real,
        None => false,
    };
    if !right {
        let kind = match want.kind {
            Kind::Real => "float32 or float16",
            Kind::Whole => "int64 or int32",
            Kind::Either => "float32, float16, int64 or int32",
        };
        let what = format!("the {role} `{name}` is {}, not {kind}", port.declared);
        return Some((what, "export the model again with --dtype fp32 or fp16".to_owned()));
    }
    if want.ranks.contains(&port.rank()) {
        return None;
    }
    let ranks: Vec<String> = want.ranks.iter().map(ToString::to_string).collect();
    let what =
        format!("the {role} `{name}` has {} dimensions, not {}", port.rank(), ranks.join(" or "));
    Some((what, AGAIN.to_owned()))
}

/// Batches are of any number of images.
fn fixed(port: &Port) -> Option<PortFault> {
    let batch = port.dims.first().copied().flatten().filter(|_| port.rank() > 1)?;
    let what = format!("the input `{}` takes {batch} at a time and no other number", port.name);
    Some((what, "export the model again without --no-dynamic-axes".to_owned()))
}

/// An input for people to read: `sample float32 [?, 4, ?, ?]`.
pub(super) fn describe(port: &Port) -> String {
    let element = match port.element {
        Some(Element::F32) => "float32",
        Some(Element::F16) => "float16",
        Some(Element::I64) => "int64",
        Some(Element::I32) => "int32",
        None => port.declared.as_str(),
    };
    let length = |dim: &Option<usize>| dim.map_or("?".to_owned(), |dim| dim.to_string());
    let dims: Vec<String> = port.dims.iter().map(length).collect();
    format!("{} {element} [{}]", port.name, dims.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::family::FAMILIES;

    fn port(name: &str, element: Option<Element>, dims: &[Option<usize>]) -> Port {
        let declared = "Tensor<f64>".to_owned();
        Port { name: name.to_owned(), element, dims: dims.to_vec(), declared }
    }

    const REAL: Option<Element> = Some(Element::F32);
    const FREE: [Option<usize>; 4] = [None; 4];

    #[test]
    fn a_right_graph_has_no_fault_and_a_swapped_one_is_recognised() {
        let (image, latent) = (port("sample", REAL, &FREE), port("latent_sample", REAL, &FREE));
        let decoder = (vec![latent], vec![image]);
        assert!(compare(&FAMILIES[0], Part::VaeDecoder, &decoder.0, &decoder.1).is_empty());
        let faults = compare(&FAMILIES[0], Part::Denoiser(&FAMILIES[0]), &decoder.0, &decoder.1);
        let [(what, remedy)] = &faults[..] else { panic!("{faults:?}") };
        assert!(what.contains("`sample`") && what.contains("latent_sample"), "{what}");
        assert!(
            remedy.contains("a graph of vae_decoder") && remedy.contains("one of unet"),
            "{remedy}"
        );
    }

    #[test]
    fn types_ranks_fixed_batches_and_strange_inputs_are_faults() {
        let outputs = [port("sample", REAL, &FREE)];
        let fault = |input: Port| {
            let faults = compare(&FAMILIES[0], Part::VaeDecoder, &[input], &outputs);
            faults.into_iter().map(|(what, remedy)| format!("{what}; {remedy}")).collect::<String>()
        };
        assert!(fault(port("latent_sample", None, &FREE)).contains("is Tensor<f64>"));
        assert!(fault(port("latent_sample", Some(Element::I64), &FREE)).contains("not float32"));
        assert!(fault(port("latent_sample", REAL, &FREE[..3])).contains("has 3 dimensions, not 4"));
        let one = [Some(1), None, None, None];
        assert!(fault(port("latent_sample", REAL, &one)).contains("--no-dynamic-axes"));
        let two = [port("latent_sample", REAL, &FREE), port("control", REAL, &FREE)];
        let faults = compare(&FAMILIES[0], Part::VaeDecoder, &two, &outputs);
        assert!(faults[0].0.contains("`control`") && faults[0].1.contains("ControlNet"));
    }
}

//! Features of images from any encoder exported to ONNX (DINOv2, CLIP's vision tower, a ResNet), for discovery only.

use crate::imaging::{ImagingError, RgbImage, write_normalized};
use crate::onnx::{
    Element, ExternalData, Graph, GraphOptions, OnnxError, Port, Runtime, Tensor, header,
};
use std::path::{Path, PathBuf};

/// Images, channels, rows, columns.
const IMAGES: usize = 4;

/// Why features can't be computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeatureError {
    /// The graph itself.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// An image of another size.
    #[error(transparent)]
    Imaging(#[from] ImagingError),
    /// A graph that is no image encoder, or values that are none.
    #[error("{path}: {reason}")]
    Graph {
        /// The graph's file.
        path: PathBuf,
        /// What is wrong and what would be right.
        reason: String,
    },
}

/// How an image becomes the encoder's input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preprocessing {
    /// Side of the square image in pixels.
    pub size: usize,
    /// Subtracted from each channel's values (0 to 1).
    pub mean: [f64; 3],
    /// What they are then divided by.
    pub std: [f64; 3],
}

/// Refuses the graph in `path` if [`FeatureEncoder::load`] would, as far as its file tells without being opened.
///
/// # Errors
/// [`FeatureError::Graph`].
pub fn check_file(path: &Path, output: Option<&str>) -> Result<(), FeatureError> {
    let refuse = |reason: String| FeatureError::Graph { path: path.to_owned(), reason };
    if !path.is_file() {
        return Err(refuse(
            "it is missing: [features] model is an image encoder's .onnx file".into(),
        ));
    }
    let found = header::read(path).map_err(|damage| {
        refuse(format!("it could not be opened: {damage}: download or export it again"))
    })?;
    let external = ExternalData::of(path).map_err(|error| refuse(error.to_string()))?;
    for (file, needed) in external.paths(path) {
        let place = file.display();
        let there = std::fs::metadata(&file)
            .map_err(|error| refuse(format!("its weights in {place} can't be read: {error}")))?;
        if there.len() < needed {
            return Err(refuse(format!("its weights in {place} are cut short")));
        }
    }
    let ports = |outlets: &[header::Outlet], rank| -> Vec<Port> {
        outlets.iter().map(|outlet| outlet.port(rank)).collect()
    };
    choose(&ports(&found.inputs, IMAGES), &ports(&found.outputs, 0), output)
        .map(drop)
        .map_err(refuse)
}

/// A word on a mean or deviation that is meant for values from 0 to 255.
pub fn caution(mean: [f64; 3], std: [f64; 3]) -> Option<String> {
    let (name, values) = [("mean", mean), ("std", std)]
        .into_iter()
        .find(|(_, values)| values.iter().any(|value| value.abs() > 1.0))?;
    Some(format!(
        "[features] {name} is {values:?}, and values are 0 to 1 here: divide it by 255 if it is for 0 to 255"
    ))
}

/// The names of the input and of the output to take, if this is a graph of images alone.
fn choose(
    inputs: &[Port],
    outputs: &[Port],
    output: Option<&str>,
) -> Result<(String, String), String> {
    let names =
        |ports: &[Port]| ports.iter().map(|port| port.name.clone()).collect::<Vec<_>>().join(", ");
    let input = match inputs {
        [image] if image.rank() == IMAGES => image,
        inputs => {
            return Err(format!(
                "its inputs are {}, where one of rank 4 (images) is needed: export the image encoder alone",
                names(inputs)
            ));
        }
    };
    if !matches!(input.element, Some(Element::F32 | Element::F16)) {
        let (name, kind) = (&input.name, &input.declared);
        return Err(format!(
            "its input {name} is {kind}, where float32 or float16 is needed: export the image encoder without the \
             conversion from whole-number pixels"
        ));
    }
    let found = match output {
        None => outputs.first(),
        Some(name) => outputs.iter().find(|port| port.name == name),
    };
    let output = found.map(|port| port.name.clone()).ok_or_else(|| {
        let wanted = output.unwrap_or_default();
        format!("it has no output {wanted:?}; [features] output can be {}", names(outputs))
    })?;
    Ok((input.name.clone(), output))
}

/// An image encoder with a fixed batch.
pub struct FeatureEncoder {
    graph: Graph,
    input: String,
    output: String,
    preprocessing: Preprocessing,
    batch: usize,
    width: usize,
}

impl FeatureEncoder {
    /// Opens the graph at `path` and learns the length of its features from a blank batch. `output` names the output to
    /// take; the first if none is named.
    ///
    /// # Errors
    /// The graph's own, and [`FeatureError::Graph`] if it does not take images alone.
    pub fn load(
        path: &Path,
        (runtime, options): (&Runtime, &GraphOptions),
        preprocessing: Preprocessing,
        output: Option<&str>,
        batch: usize,
    ) -> Result<Self, FeatureError> {
        let graph = Graph::open(runtime, path, options)?;
        let (input, output) = choose(graph.inputs(), graph.outputs(), output)
            .map_err(|reason| FeatureError::Graph { path: path.to_owned(), reason })?;
        let mut encoder =
            Self { graph, input, output, preprocessing, batch: batch.max(1), width: 0 };
        let side = preprocessing.size as u32;
        let blank = encoder.encode(&[&RgbImage::new(side, side)])?;
        encoder.width = blank.first().map_or(0, Vec::len);
        if encoder.width == 0 {
            return Err(encoder.refuse("its output is empty"));
        }
        Ok(encoder)
    }

    /// Values of one feature.
    pub fn width(&self) -> usize {
        self.width
    }

    /// One feature an image, for at most `batch` images of `size` × `size` pixels. The last image is repeated to fill
    /// the batch: a feature's last bits never depend on how many images were left.
    ///
    /// # Errors
    /// The graph's own, and values that are not finite.
    pub fn encode(&mut self, images: &[&RgbImage]) -> Result<Vec<Vec<f32>>, FeatureError> {
        let Preprocessing { size, mean, std } = self.preprocessing;
        let mut pixels = vec![0.0; self.batch * 3 * size * size];
        for (slot, target) in pixels.chunks_exact_mut(3 * size * size).enumerate() {
            if let Some(image) = images.get(slot).or(images.last()) {
                write_normalized(image, (mean, std), target)?;
            }
        }
        let input = Tensor::f32([self.batch, 3, size, size], pixels);
        let outputs = self.graph.run(&[(self.input.as_str(), input)], &[self.output.as_str()])?;
        let output = outputs.into_iter().next().ok_or_else(|| self.refuse("it gave no output"))?;
        if output.shape.first() != Some(&self.batch) {
            let reason =
                format!("{} has shape {:?}, not one row an image", self.output, output.shape);
            return Err(self.refuse(&reason));
        }
        let values = output.into_f32();
        if values.iter().any(|value| !value.is_finite()) {
            return Err(self.refuse("it gives values that are not finite: use an fp32 export"));
        }
        let width = values.len() / self.batch;
        let rows = values.chunks_exact(width.max(1)).take(images.len());
        Ok(rows.map(<[f32]>::to_vec).collect())
    }

    fn refuse(&self, reason: &str) -> FeatureError {
        FeatureError::Graph { path: self.graph.path().to_owned(), reason: reason.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, element: Option<Element>, rank: usize) -> Port {
        Port { name: name.into(), element, dims: vec![None; rank], declared: "int64".into() }
    }

    #[test]
    fn images_of_whole_numbers_are_refused_whatever_their_width() {
        let outputs = [port("a", Some(Element::F32), 2), port("b", Some(Element::F32), 2)];
        let chosen = |element, output| choose(&[port("x", element, 4)], &outputs, output);
        assert_eq!(chosen(Some(Element::F16), Some("b")).unwrap(), ("x".into(), "b".into()));
        assert_eq!(chosen(Some(Element::F32), None).unwrap().1, "a");
        for whole in [Some(Element::I64), Some(Element::I32), None] {
            let error = chosen(whole, None).unwrap_err();
            assert!(error.contains("whole-number pixels"), "{error}");
        }
        assert!(chosen(Some(Element::F32), Some("c")).unwrap_err().contains("can be a, b"));
    }

    #[test]
    fn a_scale_of_bytes_is_told() {
        assert_eq!(caution([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]), None);
        assert_eq!(caution([0.0; 3], [1.0; 3]), None);
        let said = caution([123.7, 116.3, 103.5], [1.0; 3]).unwrap();
        assert!(said.contains("mean") && said.contains("values are 0 to 1"), "{said}");
        assert!(caution([0.5; 3], [58.4, 57.1, 57.4]).unwrap().contains("std"));
    }
}

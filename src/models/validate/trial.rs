//! One run of every graph, at an image's full size.

use std::path::Path;
use std::time::Instant;

use super::part::Part;
use super::ports;
use super::widths::{REMEDY, Widths, width_fault};
use super::{GraphReport, ModelReport, Problem, memory, unopened};
use crate::models::denoiser::{Conditions, Denoiser, Network};
use crate::models::error::DiffusionError;
use crate::models::family::ScaleInput;
use crate::models::folder::{ModelFolder, TextPart};
use crate::models::json::read_json;
use crate::models::latent_output::{Fault, LatentOutput};
use crate::models::noise::Noise;
use crate::models::text::{PromptEmbedding, PromptEncoder, TextEncoder};
use crate::models::vae::{Decoder, Encoder};
use crate::onnx::{Graph, GraphOptions, Runtime};

const PROMPT: &str = "a photo of a golden retriever";

struct Trial<'a> {
    folder: &'a ModelFolder,
    runtime: &'a Runtime,
    options: &'a GraphOptions,
    report: &'a mut ModelReport,
}

/// Opens and runs each graph, and adds to `report` what it cost and what went wrong. `shape` is that of the latent of an
/// image of `size` by `size` pixels.
pub(super) fn run(
    folder: &ModelFolder,
    runtime: &Runtime,
    options: &GraphOptions,
    (size, shape): (usize, [usize; 3]),
    report: &mut ModelReport,
) {
    let mut trial = Trial { folder, runtime, options, report };
    let latent = trial.encoder(size);
    if let Some(prompts) = trial.prompts()
        && trial.widths_agree(&prompts[0])
    {
        trial.part(Part::Denoiser(folder.family), &folder.denoiser, |graph| {
            let mut network = Network::from_graph(folder, graph)?;
            let [prompt, negative] = &prompts;
            let guided = folder.scale_input == ScaleInput::ClassifierFree;
            let conditions = Conditions {
                prompts: &[prompt],
                negatives: if guided { &[negative] } else { &[] },
                latent_shape: shape,
                size,
                scale: None,
            };
            let noise = Noise::Native.values(0, shape.iter().product());
            let last = (folder.scheduler.num_train_timesteps - 1) as f32;
            network.bind(&conditions)?.predict(0, last, &noise)
        });
    }
    let latent = latent.unwrap_or_else(|| vec![0.0; shape.iter().product()]);
    trial.part(Part::VaeDecoder, &folder.vae_decoder, |graph| {
        Decoder::from_graph(folder, graph).decode(&latent, shape)
    });
}

impl Trial<'_> {
    /// The latent of a picture.
    fn encoder(&mut self, size: usize) -> Option<Vec<f32>> {
        let (folder, file) = (self.folder, self.folder.vae_encoder.as_path());
        let output = match LatentOutput::of(file, &folder.vae) {
            Ok(output) => output,
            // Opening the graph says what it is.
            Err(Fault::Lacks | Fault::Unread(_)) => LatentOutput::Parameters,
            Err(Fault::Refused(what, remedy)) => {
                self.report.add(Problem { file: file.to_path_buf(), what, remedy });
                return None;
            }
        };
        self.opened(Part::VaeEncoder, file, &output, |graph| {
            Encoder::from_graph(folder, graph, &output).encode(&picture(size), 1, size)
        })
    }

    /// Opens a graph, compares its tensors, and does `work` with it; `None` where that failed.
    fn part<T>(
        &mut self,
        part: Part,
        file: &Path,
        work: impl FnOnce(Graph) -> Result<T, DiffusionError>,
    ) -> Option<T> {
        self.opened(part, file, &LatentOutput::Parameters, work)
    }

    /// As [`Trial::part`], of an image encoder that yields `output`.
    fn opened<T>(
        &mut self,
        part: Part,
        file: &Path,
        output: &LatentOutput,
        work: impl FnOnce(Graph) -> Result<T, DiffusionError>,
    ) -> Option<T> {
        let before = memory::start();
        let started = Instant::now();
        let opened = output.open(self.runtime, file, self.options);
        let mut about = GraphReport {
            part: part.folder(),
            file: file.to_path_buf(),
            bytes: bytes_beside(file),
            open_seconds: started.elapsed().as_secs_f64(),
            note: output.note(),
            ..GraphReport::default()
        };
        let result = match opened {
            Ok(graph) => {
                about.inputs = graph.inputs().iter().map(ports::describe).collect();
                self.compared(part, &graph, output).then(|| {
                    let started = Instant::now();
                    let result = work(graph);
                    let seconds = started.elapsed().as_secs_f64();
                    about.run_seconds = result.is_ok().then_some(seconds);
                    result
                })
            }
            Err(error) => Some(Err(error)),
        };
        about.peak_bytes = memory::peak_since(before);
        self.report.graphs.push(about);
        result.and_then(|result| self.kept(result))
    }

    /// The value of a result; its error becomes a problem.
    fn kept<T>(&mut self, result: Result<T, DiffusionError>) -> Option<T> {
        result.map_err(|error| self.report.fault(&self.folder.root, &error)).ok()
    }

    /// Whether a graph has the tensors that its place asks for.
    fn compared(&mut self, part: Part, graph: &Graph, output: &LatentOutput) -> bool {
        let outputs = output.ports(graph.outputs());
        let faults = ports::compare(self.folder.family, part, graph.inputs(), &outputs);
        let none = faults.is_empty();
        let problem = |(what, remedy)| Problem { file: graph.path().to_path_buf(), what, remedy };
        faults.into_iter().map(problem).for_each(|problem| self.report.add(problem));
        none
    }

    /// A prompt and the empty one through all text encoders.
    fn prompts(&mut self) -> Option<[PromptEmbedding; 2]> {
        let folder = self.folder;
        let tried: Vec<Option<TextEncoder>> = folder.text.iter().map(|t| self.text(t)).collect();
        let encoders = tried.into_iter().collect::<Option<Vec<_>>>()?;
        let encoded = PromptEncoder::from_parts(folder, encoders)
            .and_then(|mut encoder| Ok([encoder.encode(PROMPT)?, encoder.encode_negative("")?]));
        self.kept(encoded)
    }

    /// Tries one text encoder.
    fn text(&mut self, text: &TextPart) -> Option<TextEncoder> {
        if !self.vocabularies_agree(text) {
            return None;
        }
        self.part(Part::Text(text.role), &text.graph, |graph| {
            let mut encoder = TextEncoder::from_graph(text, graph)?;
            encoder.encode(PROMPT)?;
            Ok(encoder)
        })
    }

    /// Whether a tokenizer is that of its text encoder.
    fn vocabularies_agree(&mut self, text: &TextPart) -> bool {
        let found = unopened::vocabulary(&self.folder.root, text);
        found.map_err(|problem| self.report.add(problem)).is_ok()
    }

    /// Whether the text encoders give what the denoiser takes.
    fn widths_agree(&mut self, prompt: &PromptEmbedding) -> bool {
        let file = self.folder.denoiser.with_file_name("config.json");
        let config = read_json::<Widths>(&file, "the denoiser's configuration");
        let Some(config) = self.kept(config) else { return false };
        let found = (prompt.width(), Some(prompt.pooled.len()));
        let Some(what) = width_fault(&config, found, self.folder.requires_aesthetics_score) else {
            return true;
        };
        // The configurations of the text encoders may have told it already.
        let said = |known: &Problem| known.file == file && known.what.starts_with(&what);
        if !self.report.problems.iter().any(said) {
            self.report.problems.push(Problem { file, what, remedy: REMEDY.to_owned() });
        }
        false
    }
}

/// Bytes of a graph and of its external weights, which lie beside it.
fn bytes_beside(file: &Path) -> u64 {
    let entries = file.parent().and_then(|folder| std::fs::read_dir(folder).ok());
    let files = entries.into_iter().flatten().flatten();
    let weights = files.filter(|entry| entry.path().extension().is_none_or(|e| e != "json"));
    weights.filter_map(|entry| entry.metadata().ok()).filter(|m| m.is_file()).map(|m| m.len()).sum()
}

/// A picture without edges, three planes in −1..1.
fn picture(size: usize) -> Vec<f32> {
    let ramp = move |at: usize| at as f32 / size as f32 * 2.0 - 1.0;
    let pixels = move |plane: usize| {
        (0..size * size).map(move |at| match plane {
            0 => ramp(at / size),
            1 => ramp(at % size),
            _ => 0.0,
        })
    };
    (0..3).flat_map(pixels).collect()
}

//! FLUX.1's transformer: it works on tokens of 2 × 2 latent cells, and is told the place of each.

use super::Conditions;
use super::scale_input::OF_FLUX;
use super::wiring::{Batch, Inputs, Wiring, each_row, hidden_states, pooled};
use crate::models::folder::ModelFolder;
use crate::onnx::{Element, Graph, Port, Tensor};

/// Timesteps of a flow model at σ = 1; the graph takes σ itself.
const TIMESTEPS: f32 = 1000.0;
/// The scale of a model where none is given: the default of its pipeline.
const DEV_SCALE: f32 = 3.5;
/// Numbers that tell a token's place: none of text, row, column.
const PLACE: usize = 3;

/// Its inputs.
pub(super) struct Flux {
    patch: usize,
    timestep: Option<Port>,
    scale: Option<Port>,
    /// Whether places have a dimension of rows: exports of diffusers before 0.31.
    places_of_rows: [bool; 2],
}

impl Flux {
    /// Reads the inputs of the open graph.
    ///
    /// # Errors
    /// Why the graph can't be run.
    pub(super) fn new(folder: &ModelFolder, graph: &Graph) -> Result<Self, String> {
        let timestep = graph.input("timestep").cloned();
        let element = timestep.as_ref().and_then(|port| port.element);
        if matches!(element, Some(Element::I64 | Element::I32)) {
            return Err(
                "its input `timestep` takes whole numbers, and σ lies between 0 and 1".to_owned()
            );
        }
        let scale = graph.input(OF_FLUX).cloned();
        let of_rows = |name| graph.input(name).is_some_and(|port| port.rank() == PLACE);
        let places_of_rows = ["txt_ids", "img_ids"].map(of_rows);
        Ok(Self { patch: folder.patch, timestep, scale, places_of_rows })
    }
}

impl Wiring for Flux {
    fn inputs(&self) -> Vec<&'static str> {
        vec![
            "hidden_states",
            "encoder_hidden_states",
            "pooled_projections",
            "timestep",
            "txt_ids",
            "img_ids",
        ]
    }

    fn output(&self) -> &'static str {
        "out_hidden_states"
    }

    fn constant(&self, conditions: &Conditions<'_>, batch: Batch) -> Inputs {
        let rows = conditions.rows();
        let tokens = rows.first().map_or(0, |row| row.tokens);
        let [_, height, width] = batch.latent;
        let image = image_places(height / self.patch, width / self.patch);
        let [text_rows, image_rows] = self.places_of_rows;
        let mut constant = vec![
            ("encoder_hidden_states", hidden_states(&rows)),
            ("pooled_projections", pooled(&rows)),
            ("txt_ids", places(vec![0.0; tokens * PLACE], batch.rows, text_rows)),
            ("img_ids", places(image, batch.rows, image_rows)),
        ];
        if let Some(port) = &self.scale {
            let scale = conditions.scale.unwrap_or(DEV_SCALE);
            constant.push((OF_FLUX, each_row(Some(port), batch.rows, scale)));
        }
        constant
    }

    fn changing(&self, timestep: f32, samples: Vec<f32>, batch: Batch) -> Inputs {
        let packed: Vec<f32> = samples
            .chunks_exact(batch.row())
            .flat_map(|row| pack(row, batch.latent, self.patch))
            .collect();
        let [channels, height, width] = batch.latent;
        let each = channels * self.patch * self.patch;
        let tokens = (height / self.patch) * (width / self.patch);
        let timestep = each_row(self.timestep.as_ref(), batch.rows, timestep / TIMESTEPS);
        vec![
            ("hidden_states", Tensor::f32([batch.rows, tokens, each], packed)),
            ("timestep", timestep),
        ]
    }

    fn latents(&self, output: Vec<f32>, batch: Batch) -> Vec<f32> {
        if output.len() != batch.row() * batch.rows {
            return output;
        }
        let rows = output.chunks_exact(batch.row());
        rows.flat_map(|row| unpack(row, batch.latent, self.patch)).collect()
    }
}

/// Row and column of each token of an image.
fn image_places(height: usize, width: usize) -> Vec<f32> {
    let place =
        move |row: usize| (0..width).flat_map(move |column| [0.0, row as f32, column as f32]);
    (0..height).flat_map(place).collect()
}

/// Places as a tensor, once or for each of `rows`.
fn places(one: Vec<f32>, rows: usize, of_rows: bool) -> Tensor {
    let tokens = one.len() / PLACE;
    if of_rows {
        return Tensor::f32([rows, tokens, PLACE], one.repeat(rows));
    }
    Tensor::f32([tokens, PLACE], one)
}

/// For each value of a packed latent its place in the unpacked one: token by token, in each channel by channel, in each of
/// these the rows of the patch.
fn order([channels, height, width]: [usize; 3], patch: usize) -> impl Iterator<Item = usize> {
    let (down, across) = (height / patch, width / patch);
    let cell = channels * patch * patch;
    (0..down * across * cell).map(move |at| {
        let (token, within) = (at / cell, at % cell);
        let (channel, inner) = (within / (patch * patch), within % (patch * patch));
        let row = token / across * patch + inner / patch;
        let column = token % across * patch + inner % patch;
        (channel * height + row) * width + column
    })
}

/// A latent as tokens of `patch` × `patch` cells.
fn pack(latent: &[f32], shape: [usize; 3], patch: usize) -> Vec<f32> {
    order(shape, patch).filter_map(|place| latent.get(place)).copied().collect()
}

/// The latent of such tokens.
fn unpack(packed: &[f32], shape: [usize; 3], patch: usize) -> Vec<f32> {
    let mut latent = vec![0.0; shape.iter().product()];
    for (place, value) in order(shape, patch).zip(packed) {
        latent[place] = *value;
    }
    latent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_holds_its_cells_channel_by_channel() {
        // Two channels of 2 × 4 cells: two tokens.
        let latent: Vec<f32> = (0..16).map(|value| value as f32).collect();
        let packed = pack(&latent, [2, 2, 4], 2);
        assert_eq!(packed[..8], [0.0, 1.0, 4.0, 5.0, 8.0, 9.0, 12.0, 13.0]);
        assert_eq!(packed[8..], [2.0, 3.0, 6.0, 7.0, 10.0, 11.0, 14.0, 15.0]);
        assert_eq!(unpack(&packed, [2, 2, 4], 2), latent);
    }

    #[test]
    fn places_are_rows_and_columns_of_tokens() {
        let places = image_places(2, 2);
        assert_eq!(places, [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0]);
    }
}

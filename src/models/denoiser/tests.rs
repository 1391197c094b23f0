use super::scale_embedding::scale_embedding;

const EXPECTED_5: [f32; 5] = [-0.851236, 0.681639, -0.524783, 0.731689, 0.0];
const EXPECTED_8: [f32; 8] =
    [-0.851236, 0.562671, -0.435233, 0.681639, -0.524783, -0.826681, -0.900318, 0.731689];

/// torch's values of diffusers' `get_guidance_scale_embedding(torch.tensor([7.5]), width)`.
#[test]
fn a_scale_is_embedded_as_sines_and_cosines() {
    let close = |found: &[f32], expected: &[f32]| {
        assert_eq!(found.len(), expected.len());
        let off = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 2e-3, "{found:?} {expected:?}");
    };
    close(&scale_embedding(7.5, 5), &EXPECTED_5);
    close(&scale_embedding(7.5, 8), &EXPECTED_8);
}

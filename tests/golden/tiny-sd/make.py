"""Makes the miniature Stable Diffusion beside this file: random weights, exported by optimum in float32 and float16.

    python make.py      (needs torch, diffusers 0.35, transformers, optimum-onnx, onnxruntime, safetensors)

Leaves fp32/ and fp16/ (the layout of `optimum-cli export onnx`) and recorded.safetensors: a prompt's token ids and
embedding, initial latents, and what diffusers' own pipeline makes of them with DPM-Solver++ on Karras sigmas, for epsilon
and v-prediction.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    DPMSolverMultistepScheduler,
    PNDMScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

HERE = Path(__file__).parent
PROMPT = "a golden retriever, 2 dogs"
STEPS = 8


def tokenizer(folder):
    """CLIP's kind of tokenizer with single letters and a few merges for a vocabulary."""
    letters = [chr(c) for c in range(ord("!"), ord("~") + 1)]
    merges = [("g", "o"), ("l", "d"), ("go", "ld"), ("e", "n</w>"), ("d", "o"), ("r", "e"), ("e", "r</w>")]
    words = letters + [letter + "</w>" for letter in letters] + ["".join(pair) for pair in merges]
    words += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77), len(words)


def pipeline(folder):
    torch.manual_seed(1)
    tokens, words = tokenizer(folder)
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=words, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
            max_position_embeddings=77, bos_token_id=words - 2, eos_token_id=words - 1, pad_token_id=words - 1,
        )
    )
    unet = UNet2DConditionModel(
        sample_size=16, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(16, 32),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32, attention_head_dim=8, norm_num_groups=8,
    )
    vae = AutoencoderKL(
        in_channels=3, out_channels=3, block_out_channels=(16, 32), latent_channels=4, layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, norm_num_groups=8,
        sample_size=32, scaling_factor=0.18215,
    )
    scheduler = PNDMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1,
        set_alpha_to_one=False,
    )
    return StableDiffusionPipeline(
        vae, text.eval(), tokens, unet.eval(), scheduler, None, None, requires_safety_checker=False
    )


def record(pipe):
    latents = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(7))
    ids = pipe.tokenizer(PROMPT, padding="max_length", max_length=77, return_tensors="pt").input_ids
    tensors = {"initial_latents": latents, "ids": ids, "prompt_embeds": pipe.text_encoder(ids).last_hidden_state}
    for prediction in ("epsilon", "v_prediction"):
        pipe.scheduler = DPMSolverMultistepScheduler.from_config(
            pipe.scheduler.config, use_karras_sigmas=True, prediction_type=prediction
        )
        common = dict(latents=latents.clone(), num_inference_steps=STEPS, guidance_scale=5.0, height=32, width=32)
        tensors[f"{prediction}.final_latents"] = pipe(PROMPT, output_type="latent", **common).images
        image = pipe(PROMPT, output_type="np", **common).images[0]
        tensors[f"{prediction}.image_u8"] = torch.from_numpy((image * 255).round().astype("uint8"))
    save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, HERE / "recorded.safetensors")


def export(source, dtype):
    out = HERE / dtype
    shutil.rmtree(out, ignore_errors=True)
    command = [Path(sys.executable).with_name("optimum-cli"), "export", "onnx", "-m", source, "--task", "text-to-image"]
    # The exporter's own comparison with torch fails on half precision; what it wrote is whole all the same.
    subprocess.run([*command, "--dtype", dtype, out], check=dtype == "fp32")
    assert (out / "vae_encoder/model.onnx").exists()


def main():
    with tempfile.TemporaryDirectory() as folder:
        pipe = pipeline(Path(folder))
        pipe.save_pretrained(f"{folder}/model")
        for dtype in ("fp32", "fp16"):
            export(f"{folder}/model", dtype)
        with torch.no_grad():
            record(pipe)


if __name__ == "__main__":
    main()

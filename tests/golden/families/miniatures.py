"""Random-weight miniatures of the model families, as diffusers' own pipelines."""

import math

import torch
from diffusers import (
    AutoencoderDC, AutoencoderKL, DPMSolverMultistepScheduler, FlowMatchEulerDiscreteScheduler, FluxPipeline,
    FluxTransformer2DModel, LatentConsistencyModelPipeline, LCMScheduler, SanaPipeline, SanaTransformer2DModel,
    SD3Transformer2DModel, StableDiffusion3Pipeline, UNet2DConditionModel,
)
from transformers import (
    CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, Gemma2Config, Gemma2Model, T5Config, T5EncoderModel,
)

import small_tokenizers as tokenizers


def lively(module, seed):
    """Redraws the weights so that every input shows in the output: a fresh network hardly answers to its prompt."""
    draws = torch.Generator().manual_seed(seed)
    for name, weight in module.named_parameters():
        if weight.dim() >= 2:
            embedding = "shared" in name or "embedding" in name and "linear" not in name or "embed_tokens" in name
            deviation = 1 if embedding else 1 / math.sqrt(weight[0].numel())
            weight.data.copy_(torch.randn(weight.shape, generator=draws) * deviation)
        elif name.endswith("bias"):
            weight.data.copy_(torch.randn(weight.shape, generator=draws) * 0.1)
    return module.eval()


def clip_text(words, width, kind, seed):
    return lively(
        kind(CLIPTextConfig(
            vocab_size=words, hidden_size=width, intermediate_size=width, num_hidden_layers=2,
            num_attention_heads=width // 8, max_position_embeddings=77, bos_token_id=words - 2,
            eos_token_id=words - 1, pad_token_id=words - 1, projection_dim=width,
        )), seed)


def t5_text(words, width, seed):
    return lively(
        T5EncoderModel(T5Config(
            vocab_size=words, d_model=width, d_kv=8, num_heads=2, d_ff=32, num_layers=2, feed_forward_proj="gated-gelu",
            dropout_rate=0.0, tie_word_embeddings=False,
        )), seed)


def image_coder(channels, seed, **settings):
    """Returns a variational autoencoder that shrinks by 4; its last layers are scaled to give latents and images of size 1."""
    coder = lively(
        AutoencoderKL(
            block_out_channels=(8, 8, 16), latent_channels=channels, layers_per_block=1, norm_num_groups=4,
            down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3, sample_size=32,
            use_quant_conv=False, use_post_quant_conv=False, **settings,
        ), seed)
    coder.encoder.conv_out.weight.data *= 2
    return coder


def sd3(folder):
    one, words = tokenizers.clip(folder / "1")
    two, _ = tokenizers.clip(folder / "2", pad="!")
    three, pieces = tokenizers.t5(folder / "3")
    transformer = lively(
        SD3Transformer2DModel(
            sample_size=8, patch_size=2, in_channels=16, out_channels=16, num_layers=2, attention_head_dim=8,
            num_attention_heads=2, caption_projection_dim=16, joint_attention_dim=64, pooled_projection_dim=24 + 32,
            pos_embed_max_size=12, qk_norm="rms_norm", dual_attention_layers=(0,),
        ), 30)
    return StableDiffusion3Pipeline(
        transformer, FlowMatchEulerDiscreteScheduler(shift=3.0),
        image_coder(16, 31, scaling_factor=1.5305, shift_factor=0.0609),
        clip_text(words, 24, CLIPTextModelWithProjection, 32), one,
        clip_text(words, 32, CLIPTextModelWithProjection, 33), two, t5_text(pieces, 64, 34), three,
    )


def flux(folder, guidance=True):
    one, words = tokenizers.clip(folder / "1")
    two, pieces = tokenizers.t5(folder / "2", old=True)
    transformer = lively(
        FluxTransformer2DModel(
            in_channels=32, num_layers=1, num_single_layers=1, attention_head_dim=8, num_attention_heads=2,
            joint_attention_dim=32, pooled_projection_dim=24, guidance_embeds=guidance, axes_dims_rope=(2, 2, 4),
        ), 40 if guidance else 45)
    shift = dict(
        shift=3.0, use_dynamic_shifting=True, base_shift=0.5, max_shift=1.15, base_image_seq_len=256,
        max_image_seq_len=4096,
    )
    return FluxPipeline(
        FlowMatchEulerDiscreteScheduler(**(shift if guidance else {"shift": 1.0})),
        image_coder(8, 41, scaling_factor=0.3611, shift_factor=0.1159),
        clip_text(words, 24, CLIPTextModel, 42), one, t5_text(pieces, 32, 43), two, transformer,
    )


def sana(folder, instruction):
    tokens, words = tokenizers.gemma(folder / "1", instruction)
    text = lively(
        Gemma2Model(Gemma2Config(
            vocab_size=words, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, head_dim=8, query_pre_attn_scalar=8, sliding_window=4096,
        )), 50)
    coder = lively(
        AutoencoderDC(
            latent_channels=8, attention_head_dim=8, encoder_block_types=("ResBlock", "ResBlock", "EfficientViTBlock"),
            decoder_block_types=("ResBlock", "ResBlock", "EfficientViTBlock"), encoder_block_out_channels=(8, 8, 16),
            decoder_block_out_channels=(8, 8, 16), encoder_qkv_multiscales=((), (), (5,)),
            decoder_qkv_multiscales=((), (), (5,)), encoder_layers_per_block=(1, 1, 1),
            decoder_layers_per_block=(1, 1, 1), downsample_block_type="conv", upsample_block_type="interpolate",
            decoder_norm_types="rms_norm", decoder_act_fns="silu", scaling_factor=0.41407,
        ), 51)
    transformer = lively(
        SanaTransformer2DModel(
            in_channels=8, out_channels=8, num_attention_heads=2, attention_head_dim=8, num_layers=2,
            num_cross_attention_heads=2, cross_attention_head_dim=8, cross_attention_dim=16, caption_channels=32,
            sample_size=8, patch_size=1,
        ), 52)
    solver = DPMSolverMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)
    return SanaPipeline(tokens, text, coder, transformer, solver)


def lcm(base):
    """Returns a latent consistency model beside the text encoder and the image coder of the Stable Diffusion `base`."""
    unet = lively(
        UNet2DConditionModel(
            sample_size=16, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(8, 16),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=32, attention_head_dim=8, norm_num_groups=4, time_cond_proj_dim=32,
        ), 60)
    scheduler = LCMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", original_inference_steps=50,
        set_alpha_to_one=True, steps_offset=1, timestep_scaling=10.0,
    )
    return LatentConsistencyModelPipeline(
        base.vae, base.text_encoder, base.tokenizer, unet, scheduler, None, None, requires_safety_checker=False
    )

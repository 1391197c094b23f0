"""Schedulers of few-step and other models on the Stable Diffusion miniature of ../tiny-sd, as each model's own page says."""

import importlib.util
from pathlib import Path

import torch
from diffusers import (
    DDIMScheduler, DEISMultistepScheduler, DPMSolverMultistepScheduler, EDMDPMSolverMultistepScheduler,
    EDMEulerScheduler, EulerAncestralDiscreteScheduler, EulerDiscreteScheduler, HeunDiscreteScheduler,
    UniPCMultistepScheduler,
)

import families

TINY_SD = Path(__file__).parent.parent / "tiny-sd"


def tiny_sd(folder):
    """Returns the pipeline that ../tiny-sd was exported from: its weights are drawn again from the same seed."""
    spec = importlib.util.spec_from_file_location("tiny_sd", TINY_SD / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder.mkdir(parents=True, exist_ok=True)
    return module.pipeline(folder)


class StableDiffusion(families.Family):
    autoencoder_side = 16

    def encode(self):
        hidden, negative = self.pipe.encode_prompt(families.PROMPT, "cpu", 1, True, negative_prompt=families.NEGATIVE)
        return {"prompt.hidden": hidden, "negative.hidden": negative}

    def inputs(self, latents, timestep, scale):
        kinds = ("negative", "prompt") if scale > 1 else ("prompt",)
        hidden = torch.cat([families.rows(self.prompts[f"{kind}.hidden"], len(latents)) for kind in kinds])
        return dict(sample=torch.cat([latents] * len(kinds)), timestep=timestep, encoder_hidden_states=hidden)

    def predict(self, latents, timestep, scale):
        output = self.pipe.unet(**self.inputs(latents, timestep, scale)).sample
        return self.guide(output, scale) if scale > 1 else output

    def own_call(self, **common):
        return self.pipe(families.PROMPT, negative_prompt=families.NEGATIVE, **common).images

    def graphs(self, latents, timestep):
        text = {"input_ids": families.ids(self.pipe.tokenizer, families.PROMPT, 77)}
        yield "text_encoder", text, {"last_hidden_state": self.pipe.text_encoder(**text).last_hidden_state}
        inputs = self.inputs(latents, timestep, 1.0)
        yield "unet", inputs, {"out_sample": self.pipe.unet(**inputs).sample}


class Consistency(StableDiffusion):
    """A latent consistency model: the guidance scale is an input, there is no unconditional row."""

    scale = 8.5

    def set_steps(self, steps):
        self.pipe.scheduler.set_timesteps(steps, original_inference_steps=self.pipe.scheduler.config.original_inference_steps)

    def inputs(self, latents, timestep, scale=None):
        width = self.pipe.unet.config.time_cond_proj_dim
        weights = torch.full([len(latents)], self.scale - 1.0)
        return dict(
            sample=latents, timestep=timestep, timestep_cond=self.pipe.get_guidance_scale_embedding(weights, width),
            encoder_hidden_states=families.rows(self.prompts["prompt.hidden"], len(latents)),
        )

    def predict(self, latents, timestep, scale):
        self.scale = scale
        return self.pipe.unet(**self.inputs(latents, timestep)).sample

    def own_call(self, **common):
        return self.pipe(families.PROMPT, **common).images


class Standardised(StableDiffusion):
    """Latents with a mean and a deviation a channel, as Playground v2.5's; decoding is the SDXL pipeline's."""

    mean, deviation, factor = (-1.6574, 1.886, -1.383, 2.5155), (8.4927, 5.9022, 6.5498, 5.2299), 0.5

    def of_channels(self, values):
        return torch.tensor(values).view(1, 4, 1, 1)

    def anchor(self, image):
        pixels = (torch.from_numpy(image).float() / 127.5 - 1).permute(2, 0, 1)[None]
        latent = self.pipe.vae.encode(pixels).latent_dist.mode()
        return (latent - self.of_channels(self.mean)) * self.factor / self.of_channels(self.deviation)

    def decode(self, latents):
        latents = latents * self.of_channels(self.deviation) / self.factor + self.of_channels(self.mean)
        pixels = self.pipe.vae.decode(latents).sample
        return ((pixels / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)


def schedulers(base):
    """Returns by name: the scheduler as saved, how it is sampled, and the cases (steps, scale, pull)."""
    trailing = dict(timestep_spacing="trailing")
    own, ancestral = EulerDiscreteScheduler.from_config, EulerAncestralDiscreteScheduler.from_config
    zero = dict(rescale_betas_zero_snr=True, prediction_type="v_prediction", **trailing)
    edm = dict(sigma_min=0.002, sigma_max=80.0, sigma_data=0.5, prediction_type="epsilon")
    few = [(4, 1.0, "plain"), (4, 1.0, "stopped"), (4, 1.0, "half"), (4, 1.0, "early")]
    guided, saved = [(6, 2.0, "plain"), (6, 2.0, "stopped")], [(8, 2.0, "plain"), (8, 2.0, "stopped")]
    return {
        "turbo": (ancestral(base, **trailing), None, few + [(1, 1.0, "plain"), (1, 1.0, "stopped")]),
        "lightning": (own(base, **trailing), None, few),
        "hyper": (DDIMScheduler.from_config(base, clip_sample=False, **trailing), None, few),
        "zero-snr-ddim": (DDIMScheduler.from_config(base, clip_sample=False, **zero), None, guided),
        "zero-snr-euler": (own(base, **zero), None, guided),
        "zero-snr-dpm": (DDIMScheduler.from_config(base, clip_sample=False, **zero), karras, guided),
        "unipc": (UniPCMultistepScheduler.from_config(base, solver_order=3), karras, saved),
        "deis": (DEISMultistepScheduler.from_config(base, prediction_type="v_prediction"), karras, saved),
        "heun": (HeunDiscreteScheduler.from_config(base, **trailing), karras, saved),
        "pndm": (None, karras, saved),
        "edm-dpm": (EDMDPMSolverMultistepScheduler(**edm), None, guided + [(6, 2.0, "half")]),
        "edm-euler": (EDMEulerScheduler(**edm), None, guided),
        "edm-exponential": (
            EDMEulerScheduler(**{**edm, "sigma_data": 1.0, "prediction_type": "v_prediction", "sigma_schedule": "exponential"}),
            None, guided,
        ),
        "continuous": (
            EulerDiscreteScheduler.from_config(
                base, timestep_type="continuous", prediction_type="v_prediction", sigma_min=0.002, sigma_max=700.0,
                use_karras_sigmas=True, **trailing,
            ), None, guided,
        ),
    }


def karras(saved):
    """The solver that the published program builds from a saved configuration, whatever its class."""
    # DEIS's own algorithm is none of the solver's; with it diffusers 0.35 refuses to build one.
    algorithm = {"algorithm_type": "dpmsolver++"} if saved.get("algorithm_type") == "deis" else {}
    return DPMSolverMultistepScheduler.from_config(saved, use_karras_sigmas=True, **algorithm)

"""One class a family: prompts as its denoiser gets them, one guided prediction, and diffusers' own call to compare with."""

import inspect

import numpy as np
import torch
from diffusers import SanaPipeline

PROMPT = "A golden retriever, 2 dogs"
NEGATIVE = "gas pump from 1984"
INSTRUCTION = inspect.signature(SanaPipeline.__call__).parameters["complex_human_instruction"].default


def rows(tensor, count):
    return tensor.repeat_interleave(count, 0)


class Family:
    """Latents are C x H x W everywhere here, however the denoiser takes them."""

    autoencoder_side = 8

    def __init__(self, pipe):
        self.pipe = pipe
        self.prompts = self.encode()

    def set_steps(self, steps):
        self.pipe.scheduler.set_timesteps(steps)

    def image(self, number):
        """A picture to guide to: two waves of colour."""
        size = self.autoencoder_side * self.pipe.vae_scale_factor
        y, x = np.mgrid[0:size, 0:size] / size * 2 * np.pi
        planes = [np.sin(x + number), np.cos(y * (number + 1)), np.sin(x + y * 2)]
        return ((np.stack(planes, -1) + 1) * 127.5).round().astype(np.uint8)

    def anchor(self, image):
        pixels = (torch.from_numpy(image).float() / 127.5 - 1).permute(2, 0, 1)[None]
        latent = self.pipe.vae.encode(pixels).latent_dist.mode()
        config = self.pipe.vae.config
        return (latent - (config.get("shift_factor") or 0)) * config.scaling_factor

    def decode(self, latents):
        config = self.pipe.vae.config
        pixels = self.pipe.vae.decode(latents / config.scaling_factor + (config.get("shift_factor") or 0)).sample
        return ((pixels / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)

    def guide(self, both, scale):
        negative, conditional = both.chunk(2)
        return negative + scale * (conditional - negative)

    def call(self, noise, steps, scale):
        """What diffusers' own pipeline makes of the same noise."""
        size = noise.shape[-1] * self.pipe.vae_scale_factor
        return self.own_call(
            latents=noise.clone(), num_inference_steps=steps, guidance_scale=scale, output_type="latent", height=size,
            width=size, num_images_per_prompt=len(noise),
        )

    def coder_graphs(self, latents, images, encoded="latent_parameters"):
        pixels = torch.from_numpy(images).float().permute(0, 3, 1, 2) / 127.5 - 1
        encode = self.pipe.vae.encode(pixels)
        moments = encode.latent if encoded == "latent_sample" else encode.latent_dist.parameters
        yield "vae_encoder", {"sample": pixels}, {encoded: moments}
        yield "vae_decoder", {"latent_sample": latents}, {"sample": self.pipe.vae.decode(latents).sample}


def ids(tokenizer, prompt, length):
    return tokenizer(prompt, padding="max_length", max_length=length, truncation=True, return_tensors="pt").input_ids


class Sd3(Family):
    def encode(self):
        hidden, negative, pooled, negative_pooled = self.pipe.encode_prompt(PROMPT, None, None, negative_prompt=NEGATIVE)
        return {"prompt.hidden": hidden, "negative.hidden": negative, "prompt.pooled": pooled, "negative.pooled": negative_pooled}

    def inputs(self, latents, timestep):
        join = lambda part: torch.cat([rows(self.prompts[f"{kind}.{part}"], len(latents)) for kind in ("negative", "prompt")])
        return dict(
            hidden_states=torch.cat([latents] * 2), timestep=timestep.expand(2 * len(latents)).float(),
            encoder_hidden_states=join("hidden"), pooled_projections=join("pooled"),
        )

    def predict(self, latents, timestep, scale):
        return self.guide(self.pipe.transformer(**self.inputs(latents, timestep)).sample, scale)

    def own_call(self, **common):
        return self.pipe(PROMPT, negative_prompt=NEGATIVE, **common).images

    def graphs(self, latents, timestep):
        pipe = self.pipe
        for part, tokens in (("text_encoder", pipe.tokenizer), ("text_encoder_2", pipe.tokenizer_2)):
            text = {"input_ids": ids(tokens, PROMPT, 77)}
            out = getattr(pipe, part)(**text, output_hidden_states=True)
            yield part, text, {"text_embeds": out.text_embeds, "hidden_states.1": out.hidden_states[-2]}
        if pipe.text_encoder_3 is not None:
            text = {"input_ids": ids(pipe.tokenizer_3, PROMPT, 256)}
            yield "text_encoder_3", text, {"last_hidden_state": pipe.text_encoder_3(**text).last_hidden_state}
        inputs = self.inputs(latents, timestep)
        yield "transformer", inputs, {"out_hidden_states": pipe.transformer(**inputs).sample}


class Flux(Family):
    guidance = 3.5

    def encode(self):
        hidden, pooled, _ = self.pipe.encode_prompt(PROMPT)
        return {"prompt.hidden": hidden, "prompt.pooled": pooled}

    def set_steps(self, steps):
        scheduler, tokens = self.pipe.scheduler, (self.autoencoder_side // 2) ** 2
        config = scheduler.config
        slope = (config.max_shift - config.base_shift) / (config.max_image_seq_len - config.base_image_seq_len)
        mu = tokens * slope + config.base_shift - slope * config.base_image_seq_len
        scheduler.set_timesteps(sigmas=np.linspace(1, 1 / steps, steps), mu=mu)

    def inputs(self, latents, timestep):
        count, channels, height, width = latents.shape
        cells = torch.zeros(height // 2, width // 2, 3)
        cells[..., 1] += torch.arange(height // 2)[:, None]
        cells[..., 2] += torch.arange(width // 2)[None, :]
        hidden = rows(self.prompts["prompt.hidden"], count)
        inputs = dict(
            hidden_states=self.pipe._pack_latents(latents, count, channels, height, width),
            timestep=timestep.expand(count) / 1000, encoder_hidden_states=hidden,
            pooled_projections=rows(self.prompts["prompt.pooled"], count),
            txt_ids=torch.zeros(hidden.shape[1], 3), img_ids=cells.reshape(-1, 3),
        )
        if self.pipe.transformer.config.guidance_embeds:
            inputs["guidance"] = torch.full([count], float(self.guidance))
        return inputs

    def predict(self, latents, timestep, scale):
        self.guidance = scale
        packed = self.pipe.transformer(**self.inputs(latents, timestep)).sample
        size = latents.shape[-1] * self.pipe.vae_scale_factor
        return self.pipe._unpack_latents(packed, size, size, self.pipe.vae_scale_factor)

    def own_call(self, latents, height, **common):
        packed = self.pipe._pack_latents(latents, *latents.shape)
        packed = self.pipe(PROMPT, latents=packed, height=height, **common).images
        return self.pipe._unpack_latents(packed, height, height, self.pipe.vae_scale_factor)

    def graphs(self, latents, timestep):
        pipe = self.pipe
        text = {"input_ids": ids(pipe.tokenizer, PROMPT, 77)}
        yield "text_encoder", text, {"pooler_output": pipe.text_encoder(**text).pooler_output}
        text = {"input_ids": ids(pipe.tokenizer_2, PROMPT, 512)}
        yield "text_encoder_2", text, {"last_hidden_state": pipe.text_encoder_2(**text).last_hidden_state}
        inputs = self.inputs(latents, timestep)
        expected = {"out_hidden_states": pipe.transformer(**inputs).sample}
        yield "transformer", {**inputs, "txt_ids": inputs["txt_ids"].long(), "img_ids": inputs["img_ids"].long()}, expected


class Sana(Family):
    def encode(self):
        hidden, mask, negative, negative_mask = self.pipe.encode_prompt(
            PROMPT, negative_prompt=NEGATIVE, complex_human_instruction=INSTRUCTION
        )
        return {"prompt.hidden": hidden, "prompt.mask": mask, "negative.hidden": negative, "negative.mask": negative_mask}

    def anchor(self, image):
        pixels = (torch.from_numpy(image).float() / 127.5 - 1).permute(2, 0, 1)[None]
        return self.pipe.vae.encode(pixels).latent * self.pipe.vae.config.scaling_factor

    def inputs(self, latents, timestep):
        join = lambda part: torch.cat([rows(self.prompts[f"{kind}.{part}"], len(latents)) for kind in ("negative", "prompt")])
        return dict(
            hidden_states=torch.cat([latents] * 2), timestep=timestep.expand(2 * len(latents)).float(),
            encoder_hidden_states=join("hidden"), encoder_attention_mask=join("mask"),
        )

    def predict(self, latents, timestep, scale):
        return self.guide(self.pipe.transformer(**self.inputs(latents, timestep)).sample, scale)

    def own_call(self, **common):
        return self.pipe(PROMPT, negative_prompt=NEGATIVE, use_resolution_binning=False, clean_caption=False, **common).images

    def graphs(self, latents, timestep):
        words = "\n".join(INSTRUCTION)
        length = len(self.pipe.tokenizer.encode(words)) + 298
        text = self.pipe.tokenizer(
            words + PROMPT.lower(), padding="max_length", max_length=length, truncation=True, return_tensors="pt"
        )
        text = {"input_ids": text.input_ids, "attention_mask": text.attention_mask}
        yield "text_encoder", text, {"last_hidden_state": self.pipe.text_encoder(**text).last_hidden_state}
        inputs = self.inputs(latents, timestep)
        yield "transformer", inputs, {"out_hidden_states": self.pipe.transformer(**inputs).sample}

    def coder_graphs(self, latents, images):
        return super().coder_graphs(latents, images, "latent_sample")

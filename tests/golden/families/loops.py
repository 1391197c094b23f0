"""Writes a folder's guided loops: diffusers' own loop with a pull to an anchor between guidance and the scheduler's step."""

import json

import torch
from safetensors.torch import save_file

import levels
import noise as noises

# No pull, the full one until the noise is low, half of one to the end, the full one for the first steps alone.
PULLS = {"plain": (0.0, 0.0), "stopped": (1.0, 0.34), "half": (0.5, 0.0), "early": (1.0, 1.0)}
SEED = 0x1234_5678_9ABC_DEF0


def run(family, steps, scale, pull, stop, seeds):
    scheduler, side = family.pipe.scheduler, family.autoencoder_side
    channels = family.pipe.vae.config.latent_channels
    noise = torch.stack([noises.draw(seed, (channels, side, side)) for seed in seeds])
    images = [family.image(number) for number in range(len(seeds))]
    anchors = torch.cat([family.anchor(image) for image in images])
    with noises.of_steps(scheduler, seeds):
        family.set_steps(steps)
        # Flow matching has no scale of its own for the first noise or the model's input.
        latents, cleans = [noise * getattr(scheduler, "init_noise_sigma", 1.0)], []
        for step, timestep in enumerate(scheduler.timesteps):
            scaled = getattr(scheduler, "scale_model_input", lambda sample, _: sample)(latents[-1], timestep)
            output = family.predict(scaled, timestep, scale)
            at = levels.level(scheduler, step, timestep)
            output, clean = levels.pulled(output, latents[-1], at, anchors, pull, stop, side)
            latents.append(scheduler.step(output, timestep, latents[-1], return_dict=False)[0])
            cleans.append(clean)
        timesteps, sigmas = scheduler.timesteps.float(), getattr(scheduler, "sigmas", None)
        if pull == 0:
            own = family.call(noise, steps, scale)
            error = (own - latents[-1]).abs().max().item() / own.std().item()
            assert error < 1e-5, f"the loop is off diffusers' own by {error}"
    tensors = {
        "noise": noise, "anchors": anchors, "timesteps": timesteps, "latents": torch.stack(latents),
        "clean": torch.stack(cleans), "images": family.decode(latents[-1]),
    }
    # LCM and DDIM have a table of alphas in place of sigmas.
    return tensors if sigmas is None else {**tensors, "sigmas": sigmas.float()}


def save(tensors, path):
    save_file({name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}, path)
    path.chmod(0o644)


def write(family, out, cases, prefix="", **described):
    """Runs and saves `cases` of (name, steps, scale, pull's name, images); returns what loops.json says of them."""
    entries = []
    for name, steps, scale, pulled, images in cases:
        pull, stop = PULLS[pulled]
        seeds = [SEED + 7919 * number for number in range(images)]
        tensors = run(family, steps, scale, pull, stop, seeds)
        file = f"loop-{prefix}{name}.safetensors"
        save(tensors, out / file)
        spread = tensors["latents"].std(dim=(1, 2, 3, 4))
        print(f"  {out.name}/{file}: latents {spread[0]:.3g} to {spread[-1]:.3g}, pixels' deviation {tensors['images'].float().std():.1f}")
        entries.append(
            {
                "file": file, "side": family.autoencoder_side, "steps": steps, "scale": scale, "pull": pull, "stop": stop,
                "seeds": [str(seed) for seed in seeds], **described,
            }
        )
    return entries


def tokens(pipe, out):
    """Writes what T5's and Gemma's tokenizers make of texts that are easy to get wrong."""
    texts = [
        "", " ", "A golden retriever, 2 dogs", "  two   spaces ", "\ufb01sh \uff21\uff22", "\u00fcn\u00efc\u00f6de \u72ac \U0001f415",
        "don't", "line\nbreak\n\nand\ttab", "a</s> tag <extra_id_1> <pad>", "<bos>a<mask> b", "\u2581mark", "1984 in 12345", "a\u3000b",
    ]
    kinds = {name: getattr(pipe, name, None) for name in ("tokenizer", "tokenizer_2", "tokenizer_3")}
    kinds = {name: kind for name, kind in kinds.items() if kind is not None and "CLIP" not in type(kind).__name__}
    ids = {name: [{"text": text, "ids": kind(text).input_ids} for text in texts] for name, kind in kinds.items()}
    (out / "tokens.json").write_text(json.dumps(ids, indent=None, separators=(",", ":")) + "\n")


def describe(out, entries, **more):
    (out / "loops.json").write_text(json.dumps({**more, "loops": entries}, indent=1) + "\n")

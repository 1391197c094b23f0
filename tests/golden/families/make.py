"""Makes the miniatures beside this file and their recorded loops. README.md has the versions.

    python make.py [--loops] [NAME ...]      (--loops: the graphs that are there stay)
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler

import export
import families
import loops
import miniatures
import variants

HERE = Path(__file__).parent
GUIDED = [(name, 5, 2.0, name, 1) for name in loops.PULLS] + [("two-images", 3, 2.0, "early", 2)]


def check(family, out):
    side, channels = family.autoencoder_side, family.pipe.vae.config.latent_channels
    latents = torch.randn(2, channels, side, side, generator=torch.Generator().manual_seed(3))
    for part, inputs, expected in family.graphs(latents, torch.tensor(500.0)):
        if (out / part).exists():
            export.check(out, part, inputs, expected)
    if (out / "vae_encoder").exists():
        images = np.stack([family.image(0), family.image(1)])
        for part, inputs, expected in family.coder_graphs(latents, images):
            export.check(out, part, inputs, expected)


def finish(family, out, entries):
    loops.save(family.prompts, out / "prompts.safetensors")
    loops.tokens(family.pipe, out)
    texts = {"prompt": families.PROMPT, "negative": families.NEGATIVE, "size": family.autoencoder_side * family.pipe.vae_scale_factor}
    loops.describe(out, entries, **texts)


def keep(out, *parts):
    for path in out.iterdir():
        if path.is_dir() and path.name not in parts:
            shutil.rmtree(path)


def sd3(folder, out):
    family = families.Sd3(miniatures.sd3(folder))
    export.folder(family.pipe, out)
    check(family, out)
    entries = loops.write(family, out, GUIDED)
    finish(family, out, [])
    family.pipe.text_encoder_3 = family.pipe.tokenizer_3 = None
    short = families.Sd3(family.pipe)
    loops.save(short.prompts, out / "prompts-without-t5.safetensors")
    without = [("without-t5", 4, 2.0, "stopped", 1)]
    entries += loops.write(short, out, [("without-t5-plain", 4, 2.0, "plain", 1)] + without, prompts="prompts-without-t5.safetensors")
    loops.describe(out, entries, prompt=families.PROMPT, negative=families.NEGATIVE, size=32)


def flux_dev(folder, out):
    family = families.Flux(miniatures.flux(folder))
    export.folder(family.pipe, out)
    check(family, out)
    entries = loops.write(family, out, [(name, steps, 3.5, pull, count) for name, steps, _, pull, count in GUIDED])
    family.autoencoder_side = 16  # four times the tokens: another shift
    entries += loops.write(family, out, [("large-plain", 3, 3.5, "plain", 1), ("large", 3, 3.5, "early", 1)])
    family.autoencoder_side = 8
    finish(family, out, entries)


def flux_schnell(folder, out):
    family = families.Flux(miniatures.flux(folder, guidance=False))
    export.folder(family.pipe, out)
    check(family, out)
    keep(out, "transformer", "scheduler")
    finish(family, out, loops.write(family, out, [(name, 4, 1.0, name, 1) for name in loops.PULLS]))


def sana(folder, out):
    family = families.Sana(miniatures.sana(folder, families.INSTRUCTION))
    export.folder(family.pipe, out)
    check(family, out)
    entries = loops.write(family, out, GUIDED)
    euler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    euler.save_pretrained(out / "scheduler-euler")
    family.pipe.scheduler = euler
    entries += loops.write(family, out, [("euler-stopped", 4, 2.0, "stopped", 1), ("euler", 4, 2.0, "plain", 1)], scheduler="scheduler-euler")
    finish(family, out, entries)


def lcm(folder, out):
    family = variants.Consistency(miniatures.lcm(variants.tiny_sd(folder)))
    export.folder(family.pipe, out)
    check(family, out)
    keep(out, "unet", "scheduler")
    cases = [(name, 4, 8.5, name, 1) for name in loops.PULLS]
    cases += [("two-images", 3, 2.0, "early", 2), ("one-step", 1, 8.5, "plain", 1)]
    finish(family, out, loops.write(family, out, cases))


def sd_schedulers(folder, out):
    pipe = variants.tiny_sd(folder)
    check(variants.StableDiffusion(pipe), variants.TINY_SD / "fp32")
    shutil.rmtree(out, ignore_errors=True)
    base, entries = pipe.scheduler, []
    for name, (saved, sampled, cases) in variants.schedulers(base.config).items():
        saved = base if saved is None else saved
        saved.save_pretrained(out / name)
        config = json.loads((out / name / "scheduler_config.json").read_text())
        pipe.scheduler = saved if sampled is None else sampled(config)
        kind = variants.Standardised if name == "edm-dpm" else variants.StableDiffusion
        cases = [(f"{name}-{steps}-{pull}", steps, scale, pull, 1) for steps, scale, pull in cases]
        entries += loops.write(kind(pipe), out, cases, scheduler=name, sampled=type(pipe.scheduler).__name__)
    finish(variants.StableDiffusion(pipe), out, entries)
    standard = variants.Standardised
    values = {"latents_mean": standard.mean, "latents_std": standard.deviation, "scaling_factor": standard.factor}
    (out / "edm-dpm" / "vae.json").write_text(json.dumps(values) + "\n")


MAKERS = {"sd3": sd3, "flux-dev": flux_dev, "flux-schnell": flux_schnell, "sana": sana, "lcm": lcm, "sd-schedulers": sd_schedulers}


def main():
    torch.set_num_threads(1)
    export.keep_graphs = "--loops" in sys.argv
    for name in [name for name in sys.argv[1:] if name != "--loops"] or MAKERS:
        torch.manual_seed(0)
        with tempfile.TemporaryDirectory() as folder, torch.no_grad():
            MAKERS[name](Path(folder), HERE / name)


if __name__ == "__main__":
    main()

"""Replays recorded loops with the exported graphs in place of the modules: `python check.py` after make.py."""

import json
import tempfile
from pathlib import Path
from types import SimpleNamespace

import onnxruntime
import torch
from diffusers import DPMSolverMultistepScheduler
from safetensors.torch import load_file

import families
import loops
import miniatures
import variants
from make import HERE

TOLERANCE = 1e-4


class Graph:
    """A denoiser's graph that is called as its module is."""

    def __init__(self, path, module):
        self.session, self.config = onnxruntime.InferenceSession(str(path)), module.config
        self.whole = {value.name for value in self.session.get_inputs() if value.type == "tensor(int64)"}

    def __call__(self, **inputs):
        feeds = {name: (tensor.long() if name in self.whole else tensor.float()).numpy() for name, tensor in inputs.items()}
        return SimpleNamespace(sample=torch.from_numpy(self.session.run(None, feeds)[0]))


def replay(family, part, graph, folder, wanted=lambda entry: True):
    family.pipe.__dict__[part] = Graph(graph, getattr(family.pipe, part))
    own = family.pipe.scheduler
    for entry in json.loads((folder / "loops.json").read_text())["loops"]:
        if entry["pull"] == 0 or "prompts" in entry or not wanted(entry):
            continue
        family.pipe.scheduler, family.autoencoder_side = scheduler_of(entry, folder) or own, entry["side"]
        seeds = [int(seed) for seed in entry["seeds"]]
        tensors = loops.run(family, entry["steps"], entry["scale"], entry["pull"], entry["stop"], seeds)
        recorded = load_file(folder / entry["file"])
        errors = [
            ((a - b).abs().max() / b.std()).item() for a, b in zip(tensors["latents"], recorded["latents"], strict=True)
        ]
        grey = (tensors["images"].int() - recorded["images"].int()).abs().max().item()
        print(f"{folder.name}/{entry['file']}: {max(errors):.1e}, {grey} grey levels")
        assert max(errors) < TOLERANCE and grey <= 1


def scheduler_of(entry, folder):
    if "scheduler" not in entry:
        return None
    config = json.loads((folder / entry["scheduler"] / "scheduler_config.json").read_text())
    kind = getattr(__import__("diffusers"), entry.get("sampled", config["_class_name"]))
    return variants.karras(config) if kind is DPMSolverMultistepScheduler else kind.from_config(config)


def main():
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        folder = Path(folder)
        made = {
            "sd3": families.Sd3(miniatures.sd3(folder)),
            "flux-dev": families.Flux(miniatures.flux(folder)),
            "flux-schnell": families.Flux(miniatures.flux(folder, guidance=False)),
            "sana": families.Sana(miniatures.sana(folder, families.INSTRUCTION)),
        }
        for name, family in made.items():
            replay(family, "transformer", HERE / name / "transformer" / "model.onnx", HERE / name)
        base = variants.tiny_sd(folder)
        replay(variants.Consistency(miniatures.lcm(base)), "unet", HERE / "lcm" / "unet" / "model.onnx", HERE / "lcm")
        schedulers = HERE / "sd-schedulers"
        graph, standard = variants.TINY_SD / "fp32" / "unet" / "model.onnx", lambda entry: entry["scheduler"] == "edm-dpm"
        replay(variants.Standardised(variants.tiny_sd(folder)), "unet", graph, schedulers, standard)
        replay(variants.StableDiffusion(base), "unet", graph, schedulers, lambda entry: not standard(entry))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Trains the demo's UNet to four steps without classifier-free guidance, by its own sampling with 2.

    python train.py --model ../../models/demo --out few-steps

First pieces of the model's own sampling are computed: where each quarter of it begins and where it ends. Then
the UNet learns to go from one to the other in one step of Euler. No images are needed and no discriminator.
"""

import argparse
import json
import math
import shutil
import time
from pathlib import Path

import torch

import weights
from prompts import embed
from teacher import STEPS, Teacher, random_prompts


def main():
    options = parse()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    config = json.loads((options.model / "unet" / "config.json").read_text())
    shape = (config["in_channels"], config["sample_size"], config["sample_size"])
    student, original = (weights.load(options.model / "unet") for _ in range(2))
    teacher = Teacher(original, *embed(options.model), side=4 * config["sample_size"], parts=options.parts)
    options.out.mkdir(parents=True, exist_ok=True)
    pieces = collect(teacher, shape, options)
    held_out, pieces = divide(pieces)
    print(f"{len(pieces[0])} pieces; error of the untrained model {error(student, teacher, held_out):.4f}", flush=True)
    averaged = train(student, teacher, pieces, held_out, options)
    print(f"error of the trained model {error(averaged, teacher, held_out):.4f}", flush=True)
    save(averaged, options)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="models/demo")
    parser.add_argument("--out", type=Path, required=True, help="folder for the four-step model")
    parser.add_argument("--collect-minutes", type=float, default=8, help="time for the model's own sampling [default: 8]")
    parser.add_argument("--train-minutes", type=float, default=18, help="time for training [default: 18]")
    parser.add_argument("--parts", type=int, default=4, help="steps of the model in one of the four [default: 4]")
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--rate", type=float, default=3e-4, help="peak learning rate [default: 0.0003]")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def collect(teacher, shape, options):
    """Pieces (step, prompt, before, after): from noise, then from noised mixtures of results, an equal share of time each."""
    kept = options.out / "pieces.pt"
    if kept.exists():
        return torch.load(kept)
    found, results, begin = [], [], time.monotonic()
    while (share := (time.monotonic() - begin) / 60 / options.collect_minutes) < 1:
        if share < 0.67:
            prompts = random_prompts(options.batch)
            made = teacher.trajectory(prompts, shape)
            results.append((prompts, made[-1][2]))
        else:
            prompts, latents = mixtures(results, options.batch)
            made = [teacher.from_latents(latents, int(torch.randint(1, STEPS, ())), prompts)]
        found += [(torch.full_like(prompts, step), prompts, start, end) for step, start, end in made]
    pieces = [torch.cat(column) for column in zip(*found)]
    torch.save(pieces, kept)
    return pieces


def mixtures(results, count):
    """Latents between and beyond two results of one prompt, as means of a class's images and spread ones are."""
    prompts, latents = (torch.cat(column) for column in zip(*results))
    first = torch.randint(len(prompts), (count,))
    same = [torch.nonzero(prompts == prompt).flatten() for prompt in prompts[first]]
    second = torch.stack([rows[torch.randint(len(rows), ())] for rows in same])
    share = torch.rand(count, 1, 1, 1) * 2 - 0.5
    return prompts[first], latents[first] + share * (latents[second] - latents[first])


def divide(pieces, held_out=256):
    order = torch.randperm(len(pieces[0]))
    return [p[order[:held_out]] for p in pieces], [p[order[held_out:]] for p in pieces]


def loss(unet, teacher, piece):
    """The squared distance of the state after the step, over the variance of such states."""
    step, prompts, start, end = piece
    timestep, sigma, after = (torch.tensor([teacher.at(s)[i] for s in range(STEPS)])[step] for i in range(3))
    sigma, after = sigma.view(-1, 1, 1, 1), after.view(-1, 1, 1, 1)
    noise = teacher.predict(unet, start, sigma, timestep, prompts)
    return ((start + (after - sigma) * noise - end) ** 2 / (after**2 + 1)).mean()


@torch.no_grad()
def error(unet, teacher, pieces):
    return loss(unet, teacher, pieces).item()


def train(student, teacher, pieces, held_out, options):
    """The student after the given time, its weights averaged over the last steps."""
    student.train()
    averaged = weights.load(options.model / "unet")
    optimiser = torch.optim.AdamW(student.parameters(), options.rate, weight_decay=1e-3)
    begin, count, shown = time.monotonic(), 0, 0
    while (share := (time.monotonic() - begin) / 60 / options.train_minutes) < 1:
        for group in optimiser.param_groups:
            group["lr"] = options.rate * min(1, (count + 1) / 50) * 0.5 * (1 + math.cos(math.pi * share))
        rows = torch.randint(len(pieces[0]), (options.batch,))
        value = loss(student, teacher, [piece[rows] for piece in pieces])
        optimiser.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimiser.step()
        count += 1
        average(averaged, student, min(0.99, (count + 1) / (count + 10)))
        if share - shown > 0.1:
            shown = share
            torch.save(averaged.state_dict(), options.out / "checkpoint.pt")
            print(f"{count} steps: {error(averaged, teacher, held_out):.4f}", flush=True)
    return averaged


@torch.no_grad()
def average(averaged, student, kept):
    for mean, value in zip(averaged.parameters(), student.parameters()):
        mean.lerp_(value, 1 - kept)


def save(unet, options):
    """The model's folder with the new UNet, and the schedule that it was trained for."""
    model = options.out / "model"
    shutil.copytree(options.model, model, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.py", "README.md"))
    weights.write(unet, options.model / "unet" / "model.onnx", model / "unet" / "model.onnx")
    file = model / "scheduler" / "scheduler_config.json"
    config = json.loads(file.read_text())
    config |= {"_class_name": "EulerDiscreteScheduler", "timestep_spacing": "trailing", "use_karras_sigmas": False}
    file.write_text(json.dumps(config, indent=2) + "\n")
    print(f"wrote {model}: steps = 4, cfg = 1, scheduler = \"euler\", sigmas = \"plain\"")


if __name__ == "__main__":
    main()

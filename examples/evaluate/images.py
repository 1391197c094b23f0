"""Labelled images out of WebDataset tars, as tensors in memory, and batches changed at random."""

import glob
import io
import random

import numpy as np
import torch
import torch.nn.functional as F
import webdataset
from PIL import Image

MEAN, STD = (torch.tensor(v).view(3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
# Directions in which ImageNet's pixels vary most, and how much (Krizhevsky et al. 2012): the usual lighting noise.
LIGHT = torch.tensor([[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]])
LIGHT_STD = torch.tensor([0.2175, 0.0188, 0.0045])


def read(pattern, side, keys=None, source="cls"):
    """(n × 3 × side × side in 0..255, labels) of a glob or `pipe:COMMAND`."""
    found = [(decode(sample, side), label) for label, sample in labelled(pattern, keys, source)]
    if not found:
        raise SystemExit(f"no sample of the classes in {pattern}")
    pixels, labels = zip(*found)
    return torch.stack(pixels), torch.tensor(labels)


def draws(pattern, side, ipc, seeds, keys=None, source="cls"):
    """For each seed IPC random images of every class, in one pass that holds no more than these (reservoir sampling)."""
    kept = [{} for _ in range(seeds)]
    chances = [random.Random(seed) for seed in range(seeds)]
    seen = {}
    for label, sample in labelled(pattern, keys, source):
        seen[label] = seen.get(label, 0) + 1
        for chance, classes in zip(chances, kept):
            chosen, place = classes.setdefault(label, []), chance.randrange(seen[label])
            if len(chosen) < ipc:
                chosen.append(sample)
            elif place < ipc:
                chosen[place] = sample
    few = [label for label, count in seen.items() if count < ipc]
    if few:
        raise SystemExit(f"{pattern} has fewer than {ipc} images of the classes {few}")
    sets = []
    for classes in kept:
        rows = [(decode(sample, side), label) for label in sorted(classes) for sample in classes[label]]
        pixels, labels = zip(*rows)
        sets.append((torch.stack(pixels), torch.tensor(labels)))
    return sets


def labelled(pattern, keys, source):
    """(label, sample) of all samples; with `keys` (class keys in order), of those of their classes."""
    piped = str(pattern).startswith("pipe:")
    shards = [pattern] if piped else sorted(glob.glob(str(pattern)))
    if not shards:
        raise SystemExit(f"no shards match {pattern}")
    for sample in webdataset.WebDataset(shards, shardshuffle=False, empty_check=False):
        text = sample["__key__"].rsplit("/", 1)[-1].split("_")[0] if source == "key" else sample["cls"].decode().strip()
        if keys is None:
            yield int(text), sample
        elif text in keys:
            yield keys.index(text), sample


def decode(sample, side):
    image = next(sample[extension] for extension in ("png", "jpg", "jpeg", "webp") if extension in sample)
    return square(Image.open(io.BytesIO(image)).convert("RGB"), side)


def square(image, side):
    """The shorter side resized to `side`, the middle of the longer one."""
    scale = side / min(image.size)
    if scale != 1:
        size = [max(side, round(n * scale)) for n in image.size]
        image = image.resize(size, Image.BICUBIC)
    left, top = ((n - side) // 2 for n in image.size)
    image = image.crop((left, top, left + side, top + side))
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def normalise(images):
    return (images.float() / 255 - MEAN.to(images.device)) / STD.to(images.device)


def augment(images, flip, jitter):
    """Random resized crop (half to all of the area), flip, colour jitter, lighting; images in 0..255."""
    n, _, side, _ = images.shape
    x = images.float() / 255
    area = torch.empty(n).uniform_(0.5, 1)
    shape = torch.empty(n).uniform_(np.log(3 / 4), np.log(4 / 3)).exp()
    wide, high = (area * shape).sqrt().clamp(max=1), (area / shape).sqrt().clamp(max=1)
    mirror = torch.where(torch.rand(n) < 0.5, -1.0, 1.0) if flip else torch.ones(n)
    place = torch.zeros(n, 2, 3)
    place[:, 0, 0], place[:, 0, 2] = wide * mirror, (1 - wide) * torch.empty(n).uniform_(-1, 1)
    place[:, 1, 1], place[:, 1, 2] = high, (1 - high) * torch.empty(n).uniform_(-1, 1)
    grid = F.affine_grid(place.to(x.device), x.shape, align_corners=False)
    x = F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)
    if jitter:
        for change in random.sample([brightness, contrast, saturation], 3):
            x = change(x, torch.empty(n, 1, 1, 1).uniform_(0.6, 1.4).to(x.device)).clamp(0, 1)
        light = (torch.randn(n, 3) * 0.1 * LIGHT_STD) @ LIGHT.T
        x = x + light.view(n, 3, 1, 1).to(x.device)
    return (x - MEAN.to(x.device)) / STD.to(x.device)


def brightness(x, by):
    return x * by


def contrast(x, by):
    return (x - grey(x).mean((1, 2, 3), keepdim=True)) * by + grey(x).mean((1, 2, 3), keepdim=True)


def saturation(x, by):
    return grey(x) + (x - grey(x)) * by


def grey(x):
    return (x * torch.tensor([0.299, 0.587, 0.114], device=x.device).view(1, 3, 1, 1)).sum(1, keepdim=True)


def cut_mix(x):
    """Pastes a box of each image's partner into it: images, partners, the share that is left (Yun et al. 2019)."""
    n, _, high, wide = x.shape
    partner, share = torch.randperm(n), np.random.beta(1, 1)
    h, w = (int(side * np.sqrt(1 - share)) for side in (high, wide))
    y, z = np.random.randint(high), np.random.randint(wide)
    top, bottom = max(y - h // 2, 0), min(y + h // 2, high)
    left, right = max(z - w // 2, 0), min(z + w // 2, wide)
    x = x.clone()
    x[:, :, top:bottom, left:right] = x[partner, :, top:bottom, left:right]
    return x, partner, 1 - (bottom - top) * (right - left) / (high * wide)

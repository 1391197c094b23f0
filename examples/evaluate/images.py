"""Labelled images out of WebDataset tars, as tensors in memory, and batches changed at random."""

import glob
import io
import json
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


# Reading


def samples(pattern, class_of):
    """(class, image file) of every sample of a glob or `pipe:COMMAND`; `class_of` finds a sample's class, as text."""
    shards = [pattern] if str(pattern).startswith("pipe:") else sorted(glob.glob(str(pattern)))
    if not shards:
        raise SystemExit(f"no shards match {pattern}")
    for sample in webdataset.WebDataset(shards, shardshuffle=False, empty_check=False):
        image = next((sample[name] for name in ("png", "jpg", "jpeg", "webp") if name in sample), None)
        if image is None:
            raise SystemExit(f"{pattern}: sample {sample['__key__']} has no png, jpg, jpeg or webp")
        yield class_of(sample), image


def class_by_member(sample):
    return sample["cls"].decode().strip()


def class_by_key(sample):
    """`n01440764` of `train/n01440764_10026`."""
    return sample["__key__"].rsplit("/", 1)[-1].split("_")[0]


def class_by_run(sample):
    """The class key that coda-pipe leaves in `.json`: its `.cls` is a position where keys are words."""
    return json.loads(sample["json"])["class"] if "json" in sample else class_by_member(sample)


def draws(found, keys, ipc, seeds):
    """For each seed IPC random ones of (class, image file) of every class, in one pass that holds no more (a reservoir)."""
    kept = [{key: [] for key in keys} for _ in range(seeds)]
    chances = [random.Random(seed) for seed in range(seeds)]
    seen = dict.fromkeys(keys, 0)
    for key, image in found:
        if key not in seen:
            continue
        seen[key] += 1
        for chance, classes in zip(chances, kept):
            chosen, place = classes[key], chance.randrange(seen[key])
            if len(chosen) < ipc:
                chosen.append((key, image))
            elif place < ipc:
                chosen[place] = key, image
    few = [key for key, count in seen.items() if count < ipc]
    if few:
        raise SystemExit(f"the shards of --train have fewer than {ipc} images of these classes: {', '.join(few)}")
    return [[row for chosen in classes.values() for row in chosen] for classes in kept]


def tensors(found, keys, side):
    """(n × 3 × side × side in 0..255, labels) of (class, image file); classes that `keys` lacks are passed over."""
    numbers = {key: number for number, key in enumerate(keys)}
    # Grown by half where it is full: a list of images and their stack would be there twice.
    pixels, labels = torch.empty((256, 3, side, side), dtype=torch.uint8), []
    for key, image in found:
        if key not in numbers:
            continue
        if len(labels) == len(pixels):
            pixels.resize_(len(pixels) * 3 // 2, 3, side, side)
        pixels[len(labels)] = square(image, side)
        labels.append(numbers[key])
    if not labels:
        raise SystemExit(f"no sample of the classes {', '.join(keys[:3])} …: check --classes and --label")
    return pixels[:len(labels)], torch.tensor(labels)


def square(file, side):
    """The shorter side resized to `side`, the middle of the longer one."""
    image = Image.open(io.BytesIO(file)).convert("RGB")
    scale = side / min(image.size)
    if scale != 1:
        size = [max(side, round(n * scale)) for n in image.size]
        image = image.resize(size, Image.BILINEAR)
    left, top = ((n - side) // 2 for n in image.size)
    image = image.crop((left, top, left + side, top + side))
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def middle(images, side):
    """The middle of square images."""
    start = (images.shape[-1] - side) // 2
    return images[..., start:start + side, start:start + side]


def normalise(images):
    return (images.float() / 255 - MEAN.to(images.device)) / STD.to(images.device)


# Changing


def augment(images, side, flip, jitter):
    """Random crops (half to all of the area) resized to `side`, flip, colour jitter, lighting; images in 0..255.

    A crop that would stick out is cut at the edge.
    """
    n = len(images)
    x = images.float() / 255
    area = torch.empty(n).uniform_(0.5, 1)
    shape = torch.empty(n).uniform_(np.log(3 / 4), np.log(4 / 3)).exp()
    wide, high = (area * shape).sqrt().clamp(max=1), (area / shape).sqrt().clamp(max=1)
    mirror = torch.where(torch.rand(n) < 0.5, -1.0, 1.0) if flip else torch.ones(n)
    place = torch.zeros(n, 2, 3)
    place[:, 0, 0], place[:, 0, 2] = wide * mirror, (1 - wide) * torch.empty(n).uniform_(-1, 1)
    place[:, 1, 1], place[:, 1, 2] = high, (1 - high) * torch.empty(n).uniform_(-1, 1)
    grid = F.affine_grid(place.to(x.device), (n, 3, side, side), align_corners=False)
    x = F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)
    if jitter:
        for change in random.sample([brightness, contrast, saturation], 3):
            x = change(x, torch.empty(n, 1, 1, 1).uniform_(0.6, 1.4).to(x.device))
        light = (torch.randn(n, 3) * 0.1 * LIGHT_STD) @ LIGHT.T
        x = x + light.view(n, 3, 1, 1).to(x.device)
    return (x - MEAN.to(x.device)) / STD.to(x.device)


def brightness(x, by):
    return x * by


def contrast(x, by):
    mean = grey(x).mean((1, 2, 3), keepdim=True)
    return mean + (x - mean) * by


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
    mixed = x.clone()
    mixed[:, :, top:bottom, left:right] = x[partner, :, top:bottom, left:right]
    return mixed, partner, 1 - (bottom - top) * (right - left) / (high * wide)

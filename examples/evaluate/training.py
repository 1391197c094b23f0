"""The two protocols: hard labels for ImageNet's subsets, a teacher's soft labels for ImageNet-1K."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F

from images import augment, cut_mix, middle, normalise

TEMPERATURE = 20  # of the soft labels


class How(NamedTuple):
    """What a training depends on beside network, images and labels."""

    epochs: int
    classes: int
    ipc: int
    device: str
    flip: bool = True
    jitter: bool = True
    amp: bool = False  # bfloat16 where PyTorch takes it to be safe


def epochs_of(ipc, classes):
    """Epochs by IPC, as the code that the paper evaluates with has them; a third less for a hundred classes."""
    steps = ((1, 3000), (10, 2000), (50, 1500), (200, 1000), (500, 500))
    epochs = next((epochs for most, epochs in steps if ipc <= most), 300)
    return epochs * 2 // 3 // 100 * 100 if classes == 100 else epochs


def batches(images, labels, size, device):
    """All images once, in random order. They stay where they are; a batch alone lies on the device."""
    for rows in torch.randperm(len(labels)).split(size):
        yield images[rows].to(device), labels[rows].to(device)


def forward(network, x, how):
    with torch.autocast(x.device.type, torch.bfloat16, enabled=how.amp):
        return network(x).float()


def hard(network, images, labels, how):
    """SGD 0.01, momentum 0.9, weight decay 5e-4, a fifth at 2/3 and 5/6; batches of 64, crop, flip, colour, CutMix.

    Beyond a hundred classes rate 0.1, weight decay 1e-4, batches of 128.
    """
    rate, decay, size = (0.01, 5e-4, 64) if how.classes <= 100 else (0.1, 1e-4, 128)
    optimiser = torch.optim.SGD(network.parameters(), rate, momentum=0.9, weight_decay=decay)
    milestones = [2 * how.epochs // 3, 5 * how.epochs // 6]
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, milestones, gamma=0.2)
    network.train()
    for _ in range(how.epochs):
        for x, y in batches(images, labels, size, how.device):
            x, partner, share = cut_mix(augment(x, x.shape[-1], how.flip, how.jitter))
            guess = forward(network, x, how)
            loss = share * F.cross_entropy(guess, y) + (1 - share) * F.cross_entropy(guess, y[partner.to(y.device)])
            step(optimiser, loss)
        schedule.step()
    return network


def soft(network, images, labels, how, teacher):
    """RDED's: AdamW 0.001, weight decay 0.01, half a cosine down to a half; the teacher labels every changed batch.

    Kullback-Leibler divergence at temperature 20, without the factor of its square; crop to 7/8 of the side (224 of 256),
    flip, CutMix; no patches are shuffled.
    """
    optimiser = torch.optim.AdamW(decayed(network), 1e-3, weight_decay=0.01)
    fall = lambda epoch: 0.5 * (1 + math.cos(math.pi * epoch / how.epochs / 2))  # noqa: E731
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, fall)
    network.train()
    for _ in range(how.epochs):
        for x, _ in batches(images, labels, soft_batch(how), how.device):
            x, _, _ = cut_mix(augment(x, soft_side(images), how.flip, jitter=False))
            with torch.no_grad():
                wanted = F.softmax(forward(teacher, x, how) / TEMPERATURE, 1)
            guess = F.log_softmax(forward(network, x, how) / TEMPERATURE, 1)
            step(optimiser, F.kl_div(guess, wanted, reduction="batchmean"))
        schedule.step()
    return network


def soft_batch(how):
    """10, 50 or 100 by IPC, twice that from a hundred classes on."""
    size = 10 if how.ipc == 1 else 50 if how.ipc <= 10 else 100
    return size * 2 if how.classes >= 100 else size


def soft_side(images):
    return images.shape[-1] * 7 // 8


def decayed(network):
    """Weights that decay, and those that do not: biases and those of norms."""
    matrices = [p for p in network.parameters() if p.dim() > 1]
    return [{"params": matrices}, {"params": [p for p in network.parameters() if p.dim() <= 1], "weight_decay": 0.0}]


def step(optimiser, loss):
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


@torch.no_grad()
def accuracy(network, images, labels, how, side):
    """Share of right guesses on the middle `side` pixels, after the last epoch."""
    network.eval()
    parts = (normalise(middle(part, side).to(how.device)) for part in images.split(256))
    guesses = torch.cat([forward(network, part, how).argmax(1).cpu() for part in parts])
    return (guesses == labels).double().mean().item()

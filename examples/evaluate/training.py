"""The two protocols: hard labels for ImageNet's subsets, a teacher's soft labels for ImageNet-1K."""

import math

import torch
import torch.nn.functional as F

from images import augment, cut_mix, normalise


def epochs_of(ipc, classes):
    """Epochs by IPC, as the code that the paper evaluates with has them; a third less for a hundred classes."""
    steps = ((1, 3000), (10, 2000), (50, 1500), (200, 1000), (500, 500))
    epochs = next((epochs for most, epochs in steps if ipc <= most), 300)
    return epochs * 2 // 3 // 100 * 100 if classes == 100 else epochs


def batches(images, labels, size):
    order = torch.randperm(len(labels), device=labels.device)
    for rows in order.split(size):
        yield images[rows], labels[rows]


def hard(network, images, labels, epochs, flip=True, jitter=True):
    """SGD 0.01, momentum 0.9, weight decay 5e-4, a fifth at 2/3 and 5/6; batches of 64, crop, flip, colour, CutMix."""
    optimiser = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, [2 * epochs // 3, 5 * epochs // 6], gamma=0.2)
    for _ in range(epochs):
        network.train()
        for x, y in batches(images, labels, 64):
            x, partner, share = cut_mix(augment(x, flip, jitter))
            guess = network(x)
            loss = share * F.cross_entropy(guess, y) + (1 - share) * F.cross_entropy(guess, y[partner.to(y.device)])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        schedule.step()
    return network


def soft(network, images, labels, epochs, teacher, ipc, flip=True):
    """RDED's: AdamW 0.001, weight decay 0.01, half a cosine down to a half; the teacher labels every changed batch.

    Kullback-Leibler divergence at temperature 20, without the factor of its square; crop, flip, CutMix.
    """
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=0.01)
    fall = lambda epoch: 0.5 * (1 + math.cos(math.pi * epoch / epochs / 2))  # noqa: E731
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, fall)
    for _ in range(epochs):
        network.train()
        for x, _ in batches(images, labels, 50 if ipc <= 10 else 100):
            x, _, _ = cut_mix(augment(x, flip, jitter=False))
            with torch.no_grad():
                wanted = F.softmax(teacher(x) / 20, 1)
            loss = F.kl_div(F.log_softmax(network(x) / 20, 1), wanted, reduction="batchmean")
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        schedule.step()
    return network


@torch.no_grad()
def accuracy(network, images, labels):
    """Share of right guesses: after the last epoch, whatever it is."""
    network.eval()
    guesses = torch.cat([network(normalise(part)).argmax(1) for part in images.split(256)])
    return (guesses == labels).double().mean().item()

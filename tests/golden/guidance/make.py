"""Writes guidance.json: the edits of guidance's terms by NumPy, and by torch's autograd where an edit is a gradient.

    python make.py        needs numpy, torch
"""

import json
from pathlib import Path

import numpy as np
import torch

IMAGES, CHANNELS, SIDE = 3, 2, 4
SIGMAS = [8.0, 4.0, 2.0, 1.0, 0.5, 0.25, 0.0]
STEPS = len(SIGMAS) - 1
UNIT = SIDE / 8  # what 1 on a latent of 8 cells is on one of SIDE


def cell_means(x, cells):
    """Means over cells x cells by area, from an explicit matrix of overlaps."""
    edges = np.linspace(0, SIDE, cells + 1)
    share = np.zeros((cells, SIDE))
    for cell in range(cells):
        for pixel in range(SIDE):
            overlap = min(edges[cell + 1], pixel + 1) - max(edges[cell], pixel)
            share[cell, pixel] = max(overlap, 0) * cells / SIDE
    return np.einsum("ay,ncyx,bx->ncab", share, x.reshape(-1, CHANNELS, SIDE, SIDE), share)


def back_up(means):
    up = torch.nn.functional.interpolate(torch.from_numpy(means), (SIDE, SIDE), mode="bilinear", align_corners=False)
    return up.numpy().reshape(len(means), -1)


def low_frequency(x, s, strength, cells):
    return x + strength * back_up(cell_means(s, cells) - cell_means(x, cells))


def repulsion(x, strength):
    """Down the gradient of -log det(K + I/10), K the cosines, times half the squared length."""
    t = torch.from_numpy(x).requires_grad_()
    u = t / t.norm(dim=1, keepdim=True)
    loss = -torch.logdet(u @ u.T + 0.1 * torch.eye(len(x), dtype=t.dtype))
    (gradient,) = torch.autograd.grad(loss, t)
    return x - strength * (x**2).sum(1, keepdims=True) / 2 * gradient.numpy()


def transport(cost, mass):
    kernel = np.exp(-cost / 0.1)
    b = np.ones(len(mass))
    for _ in range(5):
        a = (1 / len(cost)) / (kernel @ b)
        b = mass / (kernel.T @ a)
    return a[:, None] * kernel * b


def distribution(x, centroids, mass, strength):
    """Down the gradient of the cost of a transport plan that is held, times images and squared length."""
    t = torch.from_numpy(x).requires_grad_()
    u = t / t.norm(dim=1, keepdim=True)
    k = torch.from_numpy(centroids / np.linalg.norm(centroids, axis=1, keepdims=True))
    cost = (u[:, None] - k[None]).norm(dim=2)
    plan = transport(cost.detach().numpy(), mass)
    (gradient,) = torch.autograd.grad((torch.from_numpy(plan) * cost).sum(), t)
    return x - strength * len(x) * (x**2).sum(1, keepdims=True) * gradient.numpy()


def prompt_noise(y, n, kept, strength):
    mixed = np.sqrt(kept) * y + strength * np.sqrt(1 - kept) * n
    return (mixed - mixed.mean()) / mixed.std() * y.std() + y.mean()


def main():
    rng = np.random.default_rng(18)
    draw = lambda *shape: rng.normal(size=shape).astype(np.float32).round(3).astype(np.float64)
    values = CHANNELS * SIDE * SIDE
    x, s, k, sizes = draw(IMAGES, values), draw(IMAGES, values), draw(4, values), np.array([5, 1, 9, 3])
    mass, mean = sizes / sizes.sum(), (k * (sizes / sizes.sum())[:, None]).sum(0)
    largest = np.argsort(-sizes, kind="stable")[:2]
    two = sizes[largest] / sizes[largest].sum()
    shaped = lambda step, strength: strength * min(1, SIGMAS[step] / UNIT)
    cases = []

    def case(term, step, edited, **settings):
        edited = None if edited is x else np.round(edited, 7).tolist()
        cases.append({"term": term, "step": step, "settings": settings, "edited": edited})

    case("anchor", 1, x + 0.7 * (s - x), strength=0.7, stop=0.34)
    case("anchor", 5, x, strength=0.7, stop=0.5)  # its noise is 0.25, half of the unit
    case("anchor", 4, x + shaped(4, 0.7) * (s - x), strength=0.7, stop=0, shape="sigma")
    case("anchor", 5, x + shaped(5, 0.7) * (s - x), strength=0.7, stop=0, shape="sigma")
    case("anchor", 2, x, strength=0.7, stop=0, **{"from": 0.5})
    case("anchor", 3, x + 0.7 * (s - x), strength=0.7, stop=0, **{"from": 0.5})
    case("anchor", 3, x, strength=0.7, stop=0, to=0.5)
    case("low-frequency", 1, low_frequency(x, s, 0.6, 2), strength=0.6, cells=2)
    case("low-frequency", 1, low_frequency(x, s, 0.6, 3), strength=0.6, cells=3)
    case("distribution", 0, distribution(x, k, mass, 0.3), strength=0.3, centroids=10)
    case("distribution", 0, distribution(x, k[largest], two, 0.3), strength=0.3, centroids=2)
    case("distribution", 3, x, strength=0.3, centroids=10)
    case("repulsion", 2, repulsion(x, 0.2), strength=0.2)
    case("class-mean", 2, x + 0.8 * (mean - x.mean(0)), strength=0.8)
    y, n = draw(24), draw(24)
    sigma = 1.75
    golden = {
        "shape": [CHANNELS, SIDE, SIDE],
        "sigmas": SIGMAS,
        "clean": x.tolist(),
        "anchors": s.tolist(),
        "pooled": cell_means(s, 2).reshape(IMAGES, -1).round(9).tolist(),
        "class": k.tolist(),
        "sizes": sizes.tolist(),
        "cases": cases,
        "prompt": y.tolist(),
        "noise": n.tolist(),
        "noised": {str(kept): prompt_noise(y, n, kept, 0.5).round(9).tolist() for kept in (0.0, 0.3)},
        "start": {"sigma": sigma, "noise": x[0].tolist(), "sample": ((s[0] + sigma * x[0]) / np.sqrt(1 + sigma**2)).round(9).tolist()},
    }
    path = Path(__file__).parent / "guidance.json"
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()

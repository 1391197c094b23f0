"""Writes zero_snr.safetensors: SDXL's noise levels stretched to end in noise alone (arXiv 2305.08891, algorithm 1).

    python make_zero_snr.py zero_snr.safetensors      (needs numpy, safetensors)

In float32 and step by step as the paper's program has it: betas to alphas, their running product, its root stretched, and
back to betas; the last product is then set to 2**-24, as schedulers do. `trailing.STEPS` are DPM-Solver++'s timesteps and
plain sigmas, `karras.STEPS` its sigmas with Karras spacing.
"""

import sys

import numpy as np
from safetensors.numpy import save_file

TRAIN = 1000


def stretched():
    roots = np.linspace(0.00085**0.5, 0.012**0.5, TRAIN, dtype=np.float32)
    betas = roots * roots
    bars = np.sqrt(np.cumprod((np.float32(1) - betas).astype(np.float32), dtype=np.float32))
    first, last = bars[0], bars[-1]
    bars = (bars - last) * (first / (first - last))
    bars = (bars * bars).astype(np.float32)
    alphas = np.concatenate([bars[:1], bars[1:] / bars[:-1]])
    betas = np.float32(1) - alphas
    product = np.cumprod(np.float32(1) - betas, dtype=np.float32)
    product[-1] = 2.0**-24
    return product


def trailing(steps):
    return np.round(np.arange(TRAIN, 0, -TRAIN / steps)).astype(np.int64) - 1


def karras(sigmas, steps):
    high, low = float(sigmas[-1]) ** (1 / 7), float(sigmas[0]) ** (1 / 7)
    return ((high + np.linspace(0, 1, steps) * (low - high)) ** 7).astype(np.float32)


def point(product, steps, target):
    """DDIM from noise alone, of a model that knows the one image there is."""
    steps_at = trailing(steps)
    sample = np.linspace(-1.5, 1.5, target.size)
    for at in steps_at:
        now = float(product[at])
        before = float(product[at - TRAIN // steps]) if at >= TRAIN // steps else 1.0
        noise = (sample - now**0.5 * target) / (1 - now) ** 0.5
        velocity = now**0.5 * noise - (1 - now) ** 0.5 * target
        clean = now**0.5 * sample - (1 - now) ** 0.5 * velocity
        rest = now**0.5 * velocity + (1 - now) ** 0.5 * sample
        sample = before**0.5 * clean + (1 - before) ** 0.5 * rest
    return sample


def main():
    product = stretched()
    sigmas = np.sqrt((1 - product) / product)
    tensors = {"alphas_cumprod": product}
    for steps in (4, 25):
        timesteps = trailing(steps)
        tensors[f"trailing.{steps}.timesteps"] = timesteps.astype(np.float32)
        tensors[f"trailing.{steps}.sigmas"] = sigmas[timesteps].astype(np.float32)
        tensors[f"karras.{steps}.sigmas"] = karras(sigmas, steps)
    target = np.array([0.7, -1.3, 0.0, 2.5])
    reached = point(product, 25, target)
    assert np.abs(reached - target).max() < 1e-6
    save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, sys.argv[1])


if __name__ == "__main__":
    main()

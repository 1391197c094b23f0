"""The noise of an image by its seed: at the start, and where a solver adds some at a step."""

import contextlib
import importlib
from unittest import mock

import torch

MASK = 2**64 - 1


def mix(value):
    """SplitMix64's step."""
    z = (value + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def solver_seed(seed, step):
    return mix(mix(seed ^ 0x534F4C564552) ^ step)


def draw(seed, shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed & 0xFFFFFFFF))


@contextlib.contextmanager
def of_steps(scheduler, seeds):
    """Gives the scheduler, where it asks for noise, each image's noise of the step that the scheduler is at."""

    def randn_tensor(shape, **_):
        return torch.stack([draw(solver_seed(seed, scheduler.step_index), shape[1:]) for seed in seeds])

    module = importlib.import_module(type(scheduler).__module__)
    if not hasattr(module, "randn_tensor"):
        yield
        return
    with mock.patch.object(module, "randn_tensor", randn_tensor):
        yield

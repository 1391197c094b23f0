"""What a model's output says about the clean latent at one step of a schedule, and the output that would say another."""

import torch
from diffusers import (
    DDIMScheduler, DPMSolverMultistepScheduler, EDMDPMSolverMultistepScheduler, EDMEulerScheduler,
    EulerAncestralDiscreteScheduler, EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler, LCMScheduler,
)


class Flow:
    """sample = (1 - sigma) clean + sigma noise; the model gives noise - clean."""

    def __init__(self, sigma):
        self.sigma, self.noise_over_signal = sigma, sigma / (1 - sigma) if sigma < 1 else float("inf")

    def clean(self, output, sample):
        return sample - self.sigma * output

    def output(self, clean, sample):
        return (sample - clean) / self.sigma


class Diffusion:
    """sample = scale (signal clean + spread noise) with signal² + spread² = 1; the model gives noise or velocity."""

    def __init__(self, signal, prediction, exploding):
        self.signal, self.spread, self.prediction = signal, (1 - signal**2) ** 0.5, prediction
        self.shrink = signal if exploding else 1.0  # brings a sample of clean + sigma noise to signal² + spread² = 1
        self.noise_over_signal = self.spread / signal if signal > 0 else float("inf")

    def clean(self, output, sample):
        sample = sample * self.shrink
        if self.prediction == "epsilon":
            return (sample - self.spread * output) / self.signal
        return self.signal * sample - self.spread * output

    def output(self, clean, sample):
        sample = sample * self.shrink
        if self.prediction == "epsilon":
            return (sample - self.signal * clean) / self.spread
        return (self.signal * sample - clean) / self.spread


class Preconditioned:
    """EDM: sample = clean + sigma noise; clean = skip sample + out model."""

    def __init__(self, sigma, data, prediction):
        self.noise_over_signal = sigma
        self.skip = data**2 / (sigma**2 + data**2)
        self.out = sigma * data / (sigma**2 + data**2) ** 0.5 * (1 if prediction == "epsilon" else -1)

    def clean(self, output, sample):
        return self.skip * sample + self.out * output

    def output(self, clean, sample):
        return (clean - self.skip * sample) / self.out


def level(scheduler, step, timestep):
    config = scheduler.config
    if isinstance(scheduler, (DDIMScheduler, LCMScheduler)):
        return Diffusion(scheduler.alphas_cumprod[int(timestep)].double().item() ** 0.5, config.prediction_type, False)
    sigma = scheduler.sigmas[step].double().item()
    if isinstance(scheduler, FlowMatchEulerDiscreteScheduler) or config.get("use_flow_sigmas"):
        return Flow(sigma)
    if isinstance(scheduler, (EDMEulerScheduler, EDMDPMSolverMultistepScheduler)):
        return Preconditioned(sigma, config.sigma_data, config.prediction_type)
    assert isinstance(
        scheduler, (DPMSolverMultistepScheduler, EulerDiscreteScheduler, EulerAncestralDiscreteScheduler)
    ), type(scheduler)
    exploding = not isinstance(scheduler, DPMSolverMultistepScheduler)
    return Diffusion((sigma**2 + 1) ** -0.5, config.prediction_type, exploding)


def pulled(output, sample, at, anchor, pull, stop, side):
    """Returns the output and the clean estimate, moved by `pull` of the way to the anchor while noise is above the stop."""
    clean = at.clean(output.double(), sample.double())
    if pull > 0 and at.noise_over_signal > stop * side / 8:
        clean = clean + pull * (anchor.double() - clean)
        output = at.output(clean, sample.double()).to(output.dtype)
    return output, clean.to(torch.float32)

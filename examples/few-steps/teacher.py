"""What the model does by itself: pieces of its own sampling, from which the four-step model learns.

Latents are x = z + sigma * noise here; the UNet is given x / sqrt(sigma^2 + 1).
"""

import torch

from prompts import DIGITS, PROMPTS

STEPS = 4
TRAINED = 1000
SCALE = 2.0


def noise_levels():
    """Sigma at each training timestep, of Stable Diffusion's schedule."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, TRAINED, dtype=torch.float64) ** 2
    kept = torch.cumprod(1 - betas, 0)
    return ((1 - kept) / kept).sqrt().float()


def trailing(steps):
    return [round(TRAINED - i * TRAINED / steps) - 1 for i in range(steps)]


class Teacher:
    """The model at classifier-free scale 2 under DPM-Solver++ (2M), each step of the student cut in `parts`."""

    def __init__(self, unet, hidden, pooled, side, parts):
        self.unet, self.hidden, self.pooled, self.parts = unet, hidden, pooled, parts
        self.size = torch.tensor([[side, side, 0.0, 0.0, side, side]])
        levels = noise_levels()
        self.timesteps = trailing(STEPS * parts)
        self.sigmas = torch.cat([levels[self.timesteps], torch.zeros(1)])

    def at(self, step):
        """Timestep, and sigma before and after, of a step of the student."""
        return self.timesteps[step * self.parts], self.sigmas[step * self.parts], self.sigmas[(step + 1) * self.parts]

    def predict(self, unet, x, sigma, timestep, prompts, conditional=True):
        """The noise that a UNet sees; without a prompt its embeddings are zero."""
        given = {"text_embeds": self.pooled[prompts], "time_ids": self.size.repeat(len(x), 1)}
        hidden = self.hidden[prompts]
        if not conditional:
            hidden, given["text_embeds"] = torch.zeros_like(hidden), torch.zeros_like(given["text_embeds"])
        scaled = x / (sigma**2 + 1).sqrt()
        return unet(scaled, timestep, hidden, added_cond_kwargs=given).sample

    @torch.no_grad()
    def clean(self, x, at, prompts):
        """The guided clean-latent estimate at part `at` of the whole sampling."""
        sigma, timestep = self.sigmas[at], self.timesteps[at]
        without, with_prompt = (self.predict(self.unet, x, sigma, timestep, prompts, c) for c in (False, True))
        return x - sigma * (without + SCALE * (with_prompt - without))

    def step(self, x, step, prompts, before=None):
        """Takes one step of the student in parts; `before` is the last estimate, of which the solver makes use."""
        for at in range(step * self.parts, (step + 1) * self.parts):
            estimate = self.clean(x, at, prompts)
            sigma, after = self.sigmas[at], self.sigmas[at + 1]
            aim = estimate
            if before is not None and after > 0:
                last, h = (self.sigmas[at - 1] / sigma).log(), (sigma / after).log()
                aim = estimate + h / (2 * last) * (estimate - before)
            x, before = aim + after / sigma * (x - aim), estimate
        return x, before

    def trajectory(self, prompts, shape):
        """Pieces (step, before, after) of one batch's sampling from noise."""
        x, before, found = torch.randn(len(prompts), *shape) * self.sigmas[0], None, []
        for step in range(STEPS):
            start = x
            x, before = self.step(x, step, prompts, before)
            found.append((step, start, x))
        return found

    def from_latents(self, latents, step, prompts):
        """A piece that starts at noised latents, as guidance towards an anchor leaves them."""
        start = latents + self.at(step)[1] * torch.randn_like(latents)
        return step, start, self.step(start, step, prompts)[0]


def random_prompts(count):
    """Half of them digits."""
    digits = torch.rand(count) < 0.5
    return torch.where(digits, torch.randint(len(DIGITS), (count,)), torch.randint(len(PROMPTS), (count,)))

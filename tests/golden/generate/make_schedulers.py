"""Writes schedulers.safetensors: schedules and solver steps of diffusers' own schedulers.

    python make_schedulers.py schedulers.safetensors      (needs diffusers, torch, safetensors)

A case is named SCHEDULER/SIGMAS/SPACING/PREDICTION/STEPS and has `timesteps`, `sigmas` (not DDIM), `sample` (steps + 1
rows of 6 values: the first is the start, each other what a step left) and `output` (the model's outputs fed to it).
"""

import json
import sys

import numpy as np
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler
from safetensors.numpy import save_file

SDXL = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
SIGMAS = {
    "plain": {},
    "karras": {"use_karras_sigmas": True},
    "exponential": {"use_exponential_sigmas": True},
}


def cases():
    for order in (1, 2, 3):
        for sigmas in SIGMAS:
            for spacing in ("leading", "trailing", "linspace"):
                yield f"dpm{order}", sigmas, spacing, "epsilon", 20
    for prediction in ("v_prediction", "sample"):
        for scheduler in ("dpm2", "dpm3", "euler", "ddim"):
            yield scheduler, "plain", "trailing", prediction, 9
    for sigmas in SIGMAS:
        for spacing in ("leading", "trailing", "linspace"):
            yield "euler", sigmas, spacing, "epsilon", 20
    for spacing in ("leading", "trailing", "linspace"):
        yield "ddim", "plain", spacing, "epsilon", 20
    yield "ddim", "plain", "leading", "epsilon", 7


def make(scheduler, sigmas, spacing, prediction):
    settings = dict(SDXL, timestep_spacing=spacing, prediction_type=prediction, steps_offset=1)
    if scheduler == "ddim":
        return DDIMScheduler(**settings, clip_sample=False, set_alpha_to_one=False)
    if scheduler == "euler":
        return EulerDiscreteScheduler(**settings, **SIGMAS[sigmas])
    return DPMSolverMultistepScheduler(**settings, **SIGMAS[sigmas], solver_order=int(scheduler[3]))


def run(scheduler, steps, seed):
    generator = np.random.default_rng(seed)
    scheduler.set_timesteps(steps)
    sample = torch.from_numpy(generator.standard_normal(6, dtype=np.float32)) * scheduler.init_noise_sigma
    samples, outputs = [sample.numpy().copy()], []
    for timestep in scheduler.timesteps:
        scheduler.scale_model_input(sample, timestep)
        output = torch.from_numpy(generator.standard_normal(6, dtype=np.float32))
        sample = scheduler.step(output, timestep, sample).prev_sample.to(torch.float32)
        samples.append(sample.numpy().copy())
        outputs.append(output.numpy())
    arrays = {
        "timesteps": np.asarray(scheduler.timesteps, dtype=np.float32),
        "sample": np.stack(samples),
        "output": np.stack(outputs),
        "init_noise_sigma": np.asarray([float(scheduler.init_noise_sigma)], dtype=np.float32),
    }
    if hasattr(scheduler, "sigmas"):
        arrays["sigmas"] = np.asarray(scheduler.sigmas, dtype=np.float32)
    return arrays


def main():
    tensors = {}
    for seed, case in enumerate(cases()):
        *settings, steps = case
        for name, array in run(make(*settings), steps, seed).items():
            tensors["/".join(map(str, case)) + "/" + name] = np.ascontiguousarray(array)
    save_file(tensors, sys.argv[1])
    print(json.dumps({"cases": seed + 1, "tensors": len(tensors)}))


if __name__ == "__main__":
    main()

"""Times image generation beside optimum's ONNX pipeline and bare UNet calls, on the same ONNX files, in one run.

    python benches/against_optimum.py --model models/demo --coda-pipe target/release/coda-pipe

Needs optimum-onnx, diffusers, transformers, onnxruntime. All three sides use the CPU with the same number of threads,
classifier-free guidance (two UNet halves), the same steps and image size; loading is not counted. Ours and optimum's
include prompts and decoding, the bare calls only the UNet. Prints a Markdown table of milliseconds an image.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort


def session_options(threads):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    return options


def ours(args, batch):
    command = [args.coda_pipe, "sample", args.model, "--prompt", "seven", "--device", "cpu", "--steps", args.steps]
    command += ["--threads", args.threads, "--count", args.images, "--batch", batch, "--out", os.devnull]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    return float(re.search(r"([\d.]+) ms an image", done.stderr).group(1))


def optimum_pipeline(args):
    from diffusers import DPMSolverMultistepScheduler
    from optimum.onnxruntime import ORTStableDiffusionXLPipeline

    pipe = ORTStableDiffusionXLPipeline.from_pretrained(args.model, session_options=session_options(args.threads))
    pipe.scheduler = DPMSolverMultistepScheduler.from_config(pipe.scheduler.config, use_karras_sigmas=True)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def optimum(args, pipe, batch):
    def make(count):
        prompts = ["seven"] * count
        pipe(prompts, num_inference_steps=args.steps, guidance_scale=5.0, height=args.size, width=args.size)

    make(batch)
    started = time.perf_counter()
    for _ in range(args.images // batch):
        make(batch)
    return 1e3 * (time.perf_counter() - started) / args.images


def bare(args, batch):
    graph = Path(args.model) / "unet/model.onnx"
    session = ort.InferenceSession(graph, session_options(args.threads), providers=["CPUExecutionProvider"])
    free = {"sample": (2 * batch, 4, args.size // args.scale, args.size // args.scale), "timestep": ()}
    feed = {}
    for port in session.get_inputs():
        shape = free.get(port.name)
        if shape is None:
            shape = [side if isinstance(side, int) else None for side in port.shape]
            shape = [2 * batch] + [args.widths[port.name][i] if s is None else s for i, s in enumerate(shape[1:])]
        feed[port.name] = np.zeros(shape, np.float32)
    session.run(None, feed)
    started = time.perf_counter()
    for _ in range(args.images // batch * args.steps):
        session.run(None, feed)
    return 1e3 * (time.perf_counter() - started) / args.images


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="models/demo")
    parser.add_argument("--coda-pipe", default="coda-pipe")
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--repeat", type=int, default=3)
    args = parser.parse_args()

    import json

    unet = json.loads((Path(args.model) / "unet/config.json").read_text())
    vae = json.loads((Path(args.model) / "vae_decoder/config.json").read_text())
    args.scale = 2 ** (len(vae["block_out_channels"]) - 1)
    args.size = unet["sample_size"] * args.scale
    text = json.loads((Path(args.model) / "text_encoder_2/config.json").read_text())
    tokens = text.get("max_position_embeddings", 77)
    args.widths = {
        "encoder_hidden_states": (tokens, unet["cross_attention_dim"]),
        "text_embeds": (text["projection_dim"],),
        "time_ids": (6,),
    }
    pipe = optimum_pipeline(args)
    print(f"{args.images} images of {args.size} pixels, {args.steps} steps, {args.threads} threads; ms an image\n")
    print("| batch | coda-pipe | optimum | bare UNet | optimum / ours | bare / ours |")
    print("|---|---|---|---|---|---|")
    for batch in args.batch:
        rounds = []
        for number in range(args.repeat):
            rounds.append((ours(args, batch), optimum(args, pipe, batch), bare(args, batch)))
            print(f"batch {batch}, round {number + 1}: {rounds[-1]}", file=sys.stderr)
        a, b, c = (statistics.median(column) for column in zip(*rounds))
        print(f"| {batch} | {a:.1f} | {b:.1f} | {c:.1f} | {b / a:.2f} | {c / a:.2f} |")


if __name__ == "__main__":
    main()

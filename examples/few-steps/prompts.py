"""What the demo's text encoders make of its prompts."""

import json

import numpy as np
import onnxruntime
import torch

DIGITS = "zero one two three four five six seven eight nine".split()
LETTERS = "abcdefghijklmnopqrstuvwxyz"
PROMPTS = [*DIGITS, *(f"letter {c}" for c in LETTERS), *(f"capital {c}" for c in LETTERS)]


def embed(model):
    """Embeddings of all prompts [n, tokens, width] and their pooled ones [n, width]."""
    first, second = (states(model, end) for end in ("", "_2"))
    hidden = [np.concatenate(pair, axis=-1) for pair in zip(first["hidden"], second["hidden"])]
    return torch.from_numpy(np.stack(hidden)), torch.from_numpy(np.stack(second["pooled"]))


def states(model, end):
    """The last hidden state but one of a text encoder, and its pooled output."""
    session = onnxruntime.InferenceSession(str(model / f"text_encoder{end}" / "model.onnx"))
    (place,) = session.get_inputs()
    names = [output.name for output in session.get_outputs()]
    hidden = sorted((n for n in names if n.startswith("hidden_states.")), key=lambda n: int(n.split(".")[1]))[-2]
    pooled = "text_embeds" if "text_embeds" in names else names[0]
    found = {"hidden": [], "pooled": []}
    for tokens in tokenize(model / f"tokenizer{end}", np.int64 if "int64" in place.type else np.int32):
        values = session.run([hidden, pooled], {place.name: tokens})
        found["hidden"].append(values[0][0])
        found["pooled"].append(values[1][0])
    return found


def tokenize(folder, dtype):
    """One row of tokens a prompt. The demo's tokenizer merges nothing: a letter is a token, a word's last one another."""
    if (folder / "merges.txt").read_text().splitlines()[1:]:
        raise SystemExit(f"{folder}/merges.txt has merges; this script is for models/demo")
    vocabulary = json.loads((folder / "vocab.json").read_text())
    about = json.loads((folder / "tokenizer_config.json").read_text())
    for prompt in PROMPTS:
        letters = [token for word in prompt.split() for token in (*word[:-1], word[-1] + "</w>")]
        named = [about["bos_token"], *letters, about["eos_token"]]
        named += [about["pad_token"]] * (about["model_max_length"] - len(named))
        yield np.array([[vocabulary[token] for token in named]], dtype)

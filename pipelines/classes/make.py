#!/usr/bin/env python3
"""Writes the class lists of ImageNet and its subsets from the two tables beside this file:

    python3 pipelines/classes/make.py

NAME.txt has our prompts, published/NAME.txt the first WordNet synonym, as the published program prompts.
"""

from pathlib import Path

HERE = Path(__file__).resolve().parent


def rows(name):
    """The rows of a table, its comments left out."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def main():
    classes = {wnid: (words.split(",")[0].strip(), ours) for wnid, words, ours in rows("imagenet-1k.tsv")}
    subsets = {name: wnids.split() for name, wnids in rows("imagenet-subsets.tsv")}
    for name, wnids in {"imagenet": list(classes), **subsets}.items():
        ours = [(wnid, classes[wnid][1] or classes[wnid][0]) for wnid in wnids]
        published = [(wnid, classes[wnid][0]) for wnid in wnids]
        title = f"# {name}: {len(wnids)} classes, made by pipelines/classes/make.py. WordNet id, prompt"
        write(HERE / f"{name}.txt", f"{title}.", ours)
        write(HERE / "published" / f"{name}.txt", f"{title} of the published program.", published)


def write(path, title, pairs):
    path.parent.mkdir(exist_ok=True)
    lines = [title, *(f"{wnid}, {prompt}" for wnid, prompt in pairs)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

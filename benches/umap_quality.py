#!/usr/bin/env python3
"""How good core discovery's embedding is, measured against umap-learn and hdbscan.

Each class is embedded and clustered three ways: by umap-learn + hdbscan with every reference seed, by
`coda-pipe discover`, and by `coda-pipe discover --embedded` on umap-learn's own embedding. Reported are

- trustworthiness: how far the 15 nearest neighbours in the embedding are near in the standardised input too;
- overlap: the share of a row's 15 nearest neighbours that two embeddings have in common;
- agreement: adjusted Rand index (ARI) between two labellings;
- same embedding: the least ARI between our HDBSCAN and the exact one, both on umap-learn's embedding.

UMAP is random, so overlap and agreement of ours with umap-learn ("both") are to be seen beside those between
umap-learn's own seeds ("theirs") and between our own ("ours"). If the first is below the other two, the embeddings
differ by more than chance; overlap shows it with little noise, while a small change can tip HDBSCAN's choice of
clusters. The claims: the median agreement of both is no less than umap-learn's own, and trustworthiness is no less than
umap-learn's minus 0.01.

    pip install umap-learn==0.5.12 hdbscan==0.8.44 scikit-learn pillow
    python benches/umap_quality.py --coda-pipe target/release/coda-pipe --cache ~/.cache/umap-quality

Classes come from the shards under --data (pixels, divided by 255) and from folders given by --npy-dir, with one
`CLASS.npy` a class (any features). Nothing finished is computed again with the same --cache.
"""

import argparse
import functools
import hashlib
import io
import itertools
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import types
import warnings
from pathlib import Path

import numpy as np

DATA_SETS = ("mnist", "cifar10", "tiny-imagenet10")
NEAREST = 15


def main():
    options = parse_arguments()
    warnings.filterwarnings("ignore")
    rows = []
    for data_set, class_name, features in classes(options):
        row = {"data_set": data_set, "class": class_name, "n": len(features)} | compare(features, options)
        print(f"{data_set} {class_name}: trust {row['trust_ours']:.3f} (umap-learn {row['trust_theirs']:.3f}), "
              f"agreement {row['agreement_both']:.2f} (umap-learn's own {row['agreement_theirs']:.2f})",
              file=sys.stderr, flush=True)
        rows.append(row)
    if not rows:
        sys.exit("no classes found: check --data, --data-sets and --npy-dir")
    report(rows, options)
    if options.json:
        settings = {k: v for k, v in vars(options).items() if k not in ("json", "cache")}
        Path(options.json).write_text(json.dumps({"settings": settings, "classes": rows}, indent=1, default=str) + "\n")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=default_data(), help="folder of labelled WebDataset shards")
    parser.add_argument("--data-sets", nargs="*", default=list(DATA_SETS), help="folders in it to use")
    parser.add_argument("--npy-dir", type=Path, action="append", default=[], help="folder of CLASS.npy files")
    parser.add_argument("--coda-pipe", default="coda-pipe", help="the binary")
    parser.add_argument("--n-neighbors", type=int, default=30)
    parser.add_argument("--min-cluster-size", type=int, default=15)
    parser.add_argument("--min-samples", type=int, default=3)
    parser.add_argument("--components", type=int, default=50)
    parser.add_argument("--neighbors", default="auto", choices=("exact", "hnsw", "auto"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2], help="umap-learn's seeds, at least two")
    parser.add_argument("--our-seeds", type=int, nargs="+", default=[1, 2], help="ours, at least two")
    parser.add_argument("--cache", type=Path, help="folder for finished embeddings and labels")
    parser.add_argument("--json", help="also write every number to this file")
    options = parser.parse_args()
    if min(len(options.seeds), len(options.our_seeds)) < 2:
        parser.error("--seeds and --our-seeds need at least two each")
    return options


def default_data():
    shared = os.environ.get("CODA_SHARED")
    return Path(shared or Path(__file__).resolve().parents[2] / "shared") / "data"


def classes(options):
    """Yields (data set, class, features) one class at a time."""
    for data_set in options.data_sets:
        images = {}
        for shard in sorted((options.data / data_set).glob("*-train-*.tar")):
            for label, pixels in read_shard(shard, "L" if data_set == "mnist" else "RGB"):
                images.setdefault(label, []).append(pixels)
        for label in sorted(images):
            yield data_set, str(label), np.stack(images[label])
    for folder in options.npy_dir:
        for path in sorted(folder.glob("*.npy")):
            features = np.load(path)
            yield folder.name, path.stem, features.reshape(len(features), -1).astype(np.float32)


def read_shard(path, mode):
    """Yields (label, pixels in 0..1) of each sample of a WebDataset shard, in order."""
    from PIL import Image

    samples = {}
    with tarfile.open(path) as tar:
        for member in tar:
            key, _, extension = member.name.partition(".")
            samples.setdefault(key, {})[extension] = tar.extractfile(member).read()
    for sample in samples.values():
        image = Image.open(io.BytesIO(sample.get("png") or sample["jpg"])).convert(mode)
        yield int(sample["cls"]), np.asarray(image, np.float32).ravel() / 255


def compare(features, options):
    standard = standardise(features)
    theirs = [reference(standard, seed, options) for seed in options.seeds]
    ours = [discover(features, seed, options) for seed in options.our_seeds]
    on_theirs = [discover(one["embedding"], 0, options, embedded=True) for one in theirs]
    row = {"same_embedding": min(agreement(pair) for pair in zip(on_theirs, theirs))}
    for name, results in (("ours", ours), ("theirs", theirs)):
        for one in results:
            one["nearest"] = nearest(one["embedding"])
        row |= {
            f"clusters_{name}": np.mean([one["labels"].max() + 1 for one in results]),
            f"noise_{name}": np.mean([np.mean(one["labels"] < 0) for one in results]),
            f"trust_{name}": np.mean([trust(standard, one["embedding"]) for one in results]),
        }
    pairs = {"both": itertools.product(ours, theirs), "theirs": itertools.combinations(theirs, 2),
             "ours": itertools.combinations(ours, 2)}
    for name, pairs in pairs.items():
        pairs = list(pairs)
        row |= {f"overlap_{name}": np.mean([overlap(pair) for pair in pairs]),
                f"agreement_{name}": np.mean([agreement(pair) for pair in pairs])}
    return {key: float(value) for key, value in row.items()}


def agreement(pair):
    from sklearn.metrics import adjusted_rand_score

    return adjusted_rand_score(*(one["labels"] for one in pair))


def overlap(pair):
    return np.mean([len(np.intersect1d(*rows)) / NEAREST for rows in zip(*(one["nearest"] for one in pair))])


def nearest(embedding):
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=NEAREST).fit(embedding).kneighbors(return_distance=False)


def standardise(features):
    scale = features.std(axis=0, dtype=np.float64)
    scale[scale == 0] = 1
    return ((features - features.mean(axis=0, dtype=np.float64)) / scale).astype(np.float32)


def trust(standard, embedding):
    from sklearn.manifold import trustworthiness

    return trustworthiness(standard, embedding, n_neighbors=NEAREST)


def cached(compute):
    """Keeps the arrays that `compute(features, seed, options, …)` returns in the cache folder, if there is one."""

    @functools.wraps(compute)
    def wrapper(features, seed, options, **more):
        if not options.cache:
            return compute(features, seed, options, **more)
        key = [compute.__name__, seed, options.n_neighbors, options.min_cluster_size, options.min_samples,
               options.components, more]
        if compute is not reference.__wrapped__:
            binary = Path(options.coda_pipe)
            key += [options.neighbors, binary.stat().st_mtime if binary.exists() else options.coda_pipe]
        digest = hashlib.sha256(json.dumps(key).encode() + np.ascontiguousarray(features).tobytes())
        path = options.cache / f"{digest.hexdigest()[:32]}.npz"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".tmp.npz")
            np.savez(partial, **compute(features, seed, options, **more))
            partial.replace(path)
        return dict(np.load(path))

    return wrapper


@cached
def reference(standard, seed, options):
    """The embedding and labels of umap-learn and the exact hdbscan."""
    import hdbscan
    import umap

    # Ties among the edges decide much: the published program's golden numbers sort them stably.
    stable = types.SimpleNamespace(**vars(np))
    stable.argsort = functools.partial(np.argsort, kind="stable")
    hdbscan.hdbscan_.np = stable
    embedding = umap.UMAP(n_components=options.components, n_neighbors=options.n_neighbors, min_dist=0.0,
                          random_state=seed, n_jobs=1).fit_transform(standard)
    labels = hdbscan.HDBSCAN(min_cluster_size=options.min_cluster_size, min_samples=options.min_samples,
                             algorithm="prims_kdtree").fit_predict(embedding)
    return {"embedding": embedding, "labels": labels}


@cached
def discover(features, seed, options, embedded=False):
    """The embedding and labels of `coda-pipe discover`."""
    with tempfile.TemporaryDirectory() as folder:
        table, out = Path(folder, "features.npy"), Path(folder, "embedding.npy")
        np.save(table, features)
        command = [options.coda_pipe, "discover", table, "--json", "--ipc", 1, "--algorithm", "coda",
                   "--n-neighbors", options.n_neighbors, "--min-cluster-size", options.min_cluster_size,
                   "--min-samples", options.min_samples, "--components", options.components,
                   "--neighbors", options.neighbors, "--seed", seed]
        command += ["--embedded"] if embedded else ["--embedding", out]
        result = subprocess.run([str(c) for c in command], capture_output=True, text=True)
        if result.returncode:
            sys.exit(result.stderr)
        embedding = features if embedded else np.load(out)
    return {"embedding": embedding, "labels": np.array(json.loads(result.stdout)["labels"])}


def report(rows, options):
    print(f"n_neighbors {options.n_neighbors}, min_cluster_size {options.min_cluster_size}, "
          f"min_samples {options.min_samples}, {options.components} components; seeds of umap-learn "
          f"{options.seeds}, ours {options.our_seeds}\n")
    table(["data set", "classes", "trustworthiness (ours, theirs)", "worst difference", "overlap (both, ours, theirs)",
           "agreement (both, ours, theirs)", "worst agreement", "same embedding, worst"])
    groups = {row["data_set"]: [r for r in rows if r["data_set"] == row["data_set"]] for row in rows}
    for name, group in (groups | {"all": rows}).items():
        column = {key: np.array([r[key] for r in group]) for key in rows[0] if key not in ("data_set", "class")}
        median = {key: np.median(values) for key, values in column.items()}
        least = {key: min(values) for key, values in column.items()}
        worst = min(column["trust_ours"] - column["trust_theirs"])
        table_row([name, len(group), numbers(median, "trust", 3), f"{worst:+.3f}", numbers(median, "overlap", 3),
                   numbers(median, "agreement", 2), numbers(least, "agreement", 2), f"{least['same_embedding']:.3f}"])
    print("\nMedians over the classes, and:\n")
    table(["data set", "class", "rows", "clusters (ours, theirs)", "noise (ours, theirs)",
           "trustworthiness (ours, theirs)", "overlap (both, ours, theirs)", "agreement (both, ours, theirs)"])
    for row in rows:
        table_row([row["data_set"], row["class"], row["n"], numbers(row, "clusters", 1), numbers(row, "noise", 2),
                   numbers(row, "trust", 3), numbers(row, "overlap", 3), numbers(row, "agreement", 2)])


def numbers(row, what, digits):
    keys = [key for key in (f"{what}_{name}" for name in ("both", "ours", "theirs")) if key in row]
    return ", ".join(f"{row[key]:.{digits}f}" for key in keys)


def table(titles):
    table_row(titles)
    print("|---" * len(titles) + "|")


def table_row(cells):
    print("| " + " | ".join(map(str, cells)) + " |")


if __name__ == "__main__":
    main()

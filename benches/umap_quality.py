#!/usr/bin/env python3
"""How good core discovery's embedding is, measured against umap-learn and hdbscan.

Each class is embedded and clustered three ways: by umap-learn + hdbscan with every reference seed, by
`coda-pipe discover`, and by `coda-pipe discover --embedded` on umap-learn's own embedding. Reported are

- trustworthiness: how far the 15 nearest neighbours in the embedding are near in the standardised input too;
- self-agreement: adjusted Rand index (ARI) of umap-learn + hdbscan between two of its own seeds;
- agreement: ARI between our labels and those of umap-learn + hdbscan;
- same embedding: the least ARI between our HDBSCAN and the exact one, both on umap-learn's embedding.

UMAP is random, so agreement can't be expected above self-agreement. The claims: the median agreement is no less than
the median self-agreement, and trustworthiness is no less than umap-learn's minus 0.01.

    pip install umap-learn==0.5.12 hdbscan==0.8.44 scikit-learn pillow
    python benches/umap_quality.py --coda-pipe target/release/coda-pipe --cache /var/tmp/umap-quality

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
TRUST_NEIGHBOURS = 15


def main():
    options = parse_arguments()
    warnings.filterwarnings("ignore")
    rows = []
    for data_set, class_name, features in classes(options):
        row = {"data_set": data_set, "class": class_name, "n": len(features)} | judge(features, options)
        print(f"{data_set} {class_name}: trust {row['trust']:.3f} (umap-learn {row['trust_ref']:.3f}), "
              f"agreement {row['agreement']:.2f} (self {row['self_agreement']:.2f})", file=sys.stderr)
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
    parser.add_argument("--our-seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--cache", type=Path, help="folder for finished embeddings and labels")
    parser.add_argument("--json", help="also write every number to this file")
    options = parser.parse_args()
    if len(options.seeds) < 2:
        parser.error("--seeds needs at least two")
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


def judge(features, options):
    from sklearn.metrics import adjusted_rand_score as ari

    standard = standardise(features)
    references = [reference(standard, seed, options) for seed in options.seeds]
    ours = [discover(features, seed, options) for seed in options.our_seeds]
    on_theirs = [discover(r["embedding"], 0, options, embedded=True) for r in references]
    return {
        "clusters_ref": float(np.mean([clusters(r["labels"]) for r in references])),
        "clusters": float(np.mean([clusters(o["labels"]) for o in ours])),
        "noise_ref": float(np.mean([np.mean(r["labels"] < 0) for r in references])),
        "noise": float(np.mean([np.mean(o["labels"] < 0) for o in ours])),
        "trust_ref": float(np.mean([r["trust"] for r in references])),
        "trust": float(np.mean([trust(standard, o["embedding"]) for o in ours])),
        "self_agreement": float(np.mean(
            [ari(a["labels"], b["labels"]) for a, b in itertools.combinations(references, 2)])),
        "agreement": float(np.mean([ari(o["labels"], r["labels"]) for o in ours for r in references])),
        "same_embedding": float(min(ari(o["labels"], r["labels"]) for o, r in zip(on_theirs, references))),
    }


def standardise(features):
    scale = features.std(axis=0, dtype=np.float64)
    scale[scale == 0] = 1
    return ((features - features.mean(axis=0, dtype=np.float64)) / scale).astype(np.float32)


def clusters(labels):
    return int(labels.max()) + 1


def trust(standard, embedding):
    from sklearn.manifold import trustworthiness

    return trustworthiness(standard, embedding, n_neighbors=TRUST_NEIGHBOURS)


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
    """The embedding and labels of umap-learn and the exact hdbscan, and the embedding's trustworthiness."""
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
    return {"embedding": embedding, "labels": labels, "trust": trust(standard, embedding)}


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
    print("| data set | classes | trustworthiness: ours, umap-learn (medians) | worst difference "
          "| agreement: median, worst | self-agreement: median, worst | same embedding, worst |\n" + "|---" * 7 + "|")
    groups = {row["data_set"]: [r for r in rows if r["data_set"] == row["data_set"]] for row in rows}
    for name, group in (groups | {"all": rows}).items():
        column = {key: np.array([r[key] for r in group]) for key in rows[0] if key not in ("data_set", "class")}
        print(f"| {name} | {len(group)} | {np.median(column['trust']):.3f}, {np.median(column['trust_ref']):.3f} "
              f"| {min(column['trust'] - column['trust_ref']):+.3f} "
              f"| {np.median(column['agreement']):.2f}, {min(column['agreement']):.2f} "
              f"| {np.median(column['self_agreement']):.2f}, {min(column['self_agreement']):.2f} "
              f"| {min(column['same_embedding']):.3f} |")
    print("\n| data set | class | rows | clusters: ours, umap-learn | noise: ours, umap-learn "
          "| trustworthiness: ours, umap-learn | agreement | self-agreement |\n" + "|---" * 8 + "|")
    for r in rows:
        print(f"| {r['data_set']} | {r['class']} | {r['n']} | {r['clusters']:.1f}, {r['clusters_ref']:.1f} "
              f"| {r['noise']:.0%}, {r['noise_ref']:.0%} | {r['trust']:.3f}, {r['trust_ref']:.3f} "
              f"| {r['agreement']:.2f} | {r['self_agreement']:.2f} |")


if __name__ == "__main__":
    main()

"""Open what `coda-pipe export` wrote as other programs do, and print what they see, as JSON.

    python check_export.py imagefolder|parquet DIR

`imagefolder`: the rules of torchvision's ImageFolder by its documentation (classes are the subfolders, sorted; a file with an
image's extension at any depth is a sample), torchvision itself where it is installed, `datasets`, and Pillow.
`parquet`: `datasets.load_dataset`, offline, from a cache of its own, and pyarrow.
Needs: datasets, pillow.
"""

import hashlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path

CACHE = tempfile.TemporaryDirectory()
os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", HF_HOME=CACHE.name)

import datasets  # noqa: E402
from PIL import Image as Pillow  # noqa: E402

datasets.disable_progress_bars()


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def image_folder(root: Path) -> dict:
    classes = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
    seen = {}
    for label, name in enumerate(classes):
        files = sorted(path for path in (root / name).rglob("*") if path.suffix.lower() in (".png", ".jpg", ".jpeg"))
        if not files:
            raise SystemExit(f"class folder {name} is empty")
        for path in files:
            with Pillow.open(path) as image:
                image.load()
                size = image.size
            seen[path.stem] = {"label": label, "sha256": digest(path.read_bytes()), "size": size}
    loaded = datasets.load_dataset(str(root), split="train")
    by_torchvision = None
    try:
        from torchvision.datasets import ImageFolder
    except ImportError:
        pass
    else:
        folder = ImageFolder(str(root))
        by_torchvision = {"classes": folder.classes, "labels": {Path(path).stem: label for path, label in folder.samples}}
    return {
        "classes": classes,
        "samples": seen,
        "datasets": {"rows": loaded.num_rows, "names": loaded.features["label"].names},
        "torchvision": by_torchvision,
    }


def parquet(root: Path) -> dict:
    loaded = datasets.load_dataset(str(root), split="train")
    features = loaded.features
    sizes = {row["key"]: row["image"].size for row in loaded}
    raw = loaded.cast_column("image", datasets.Image(decode=False))
    samples = {}
    for row in raw:
        data = row["image"]["bytes"]
        Pillow.open(io.BytesIO(data)).load()
        samples[row["key"]] = {
            "label": row["label"],
            "name": features["label"].int2str(row["label"]),
            "sha256": digest(data),
            "path": row["image"]["path"],
            "size": sizes[row["key"]],
            **{name: row[name] for name in features if name not in ("image", "label", "key")},
        }
    return {
        "features": {name: type(feature).__name__ for name, feature in features.items()},
        "names": features["label"].names,
        "rows": loaded.num_rows,
        "samples": samples,
    }


if __name__ == "__main__":
    kind, folder = sys.argv[1:]
    print(json.dumps({"imagefolder": image_folder, "parquet": parquet}[kind](Path(folder))))

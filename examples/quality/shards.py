"""WebDataset shards of labelled images, in and out."""

import hashlib
import io
import json
import tarfile
from typing import NamedTuple

import numpy as np
from PIL import Image

IMAGES = ("png", "jpg", "jpeg")


class Sample(NamedTuple):
    key: str
    label: int
    image: bytes
    extension: str = "png"


def read(paths):
    """The samples of some shards, in their order."""
    members = {}
    for path in paths:
        with tarfile.open(path) as tar:
            for member in tar:
                key, _, extension = member.name.partition(".")
                members.setdefault((path, key), {})[extension] = tar.extractfile(member).read()
    samples = []
    for (path, key), parts in members.items():
        extension = next((e for e in IMAGES if e in parts), None)
        if extension is None or "cls" not in parts:
            raise SystemExit(f"{path}: {key} has no image ({', '.join(IMAGES)}) or no .cls")
        samples.append(Sample(key, int(parts["cls"]), parts[extension], extension))
    return samples


def write(path, samples):
    """One shard; the same samples give the same bytes."""
    partial = path.with_suffix(".tmp")
    with tarfile.open(partial, "w") as tar:
        for sample in samples:
            for extension, data in ((sample.extension, sample.image), ("cls", b"%d" % sample.label)):
                member = tarfile.TarInfo(f"{sample.key}.{extension}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    partial.replace(path)


def pixels(samples, side, channels):
    """Images as n × channels × side × side, 0..1, in float32."""
    return np.stack([picture(sample.image, side, channels) for sample in samples]).astype(np.float32) / 255


def picture(data, side, channels):
    image = Image.open(io.BytesIO(data)).convert("L" if channels == 1 else "RGB")
    if image.size != (side, side):
        image = image.resize((side, side), Image.Resampling.LANCZOS)
    return np.asarray(image).reshape(side, side, channels).transpose(2, 0, 1)


def png(values):
    """A grey image from height × width values of 0..255."""
    data = io.BytesIO()
    Image.fromarray(values.astype(np.uint8)).save(data, "png")
    return data.getvalue()


def labels(samples):
    return np.array([sample.label for sample in samples])


def digest(paths):
    """A digest of files' bytes."""
    total = hashlib.sha256()
    for path in paths:
        total.update(path.read_bytes())
    return total.hexdigest()[:24]


def facts(path):
    """What the JSON of every sample says."""
    with tarfile.open(path) as tar:
        return [json.loads(tar.extractfile(m).read()) for m in tar if m.name.endswith(".json")]

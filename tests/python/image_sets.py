"""Writes the first images of each class of tar shards as an image folder and as Hugging Face's `datasets` writes Parquet.

    image_sets.py OUT PER_CLASS SHARD…

Both have the classes sorted by name, and the images of a class by file name, as `coda-pipe shards pack --no-shuffle` has
them. Prints {"images": N, "classes": [names]}.
"""

import json
import sys
import tarfile
from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

out, per_class, shards = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
names = [line.split(",")[-1].strip() for line in (Path(shards[0]).parent / "classnames.txt").read_text().splitlines()]

found = defaultdict(list)
for shard in shards:
    samples = defaultdict(dict)
    with tarfile.open(shard) as tar:
        for member in tar:
            key, ending = member.name.rsplit("/", 1)[-1].split(".", 1)
            samples[key][ending] = tar.extractfile(member).read()
    for key, members in samples.items():
        label = int(members["cls"])
        ending = next(e for e in ("jpg", "jpeg", "png") if e in members)
        if len(found[label]) < per_class:
            found[label].append((f"{names[label]}_{key}.{ending}", members[ending]))

rows = []
for label in sorted(found, key=lambda label: names[label]):
    folder = out / "folder" / names[label]
    folder.mkdir(parents=True)
    for name, image in sorted(found[label]):
        (folder / name).write_bytes(image)
        rows.append((name, image, label))

features = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
image = pa.StructArray.from_arrays(
    [pa.array([row[1] for row in rows], pa.binary()), pa.array([row[0] for row in rows], pa.string())], ["bytes", "path"]
)
table = pa.table({"image": image, "label": pa.array([row[2] for row in rows], pa.int64())})
table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
(out / "hf").mkdir()
# `datasets` writes a hundred rows a group where there are images.
pq.write_table(table, out / "hf" / "train-00000-of-00001.parquet", row_group_size=100)
print(json.dumps({"images": len(rows), "classes": sorted(names)}))

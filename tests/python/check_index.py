"""Print the DALI index of a plain tar as Python's own `tarfile` sees it, by the rules of DALI's `wds2idx`.

    python check_index.py SHARD

Consecutive regular files that share a key (folder and base name up to its first dot) are a sample;
hidden files belong to none.
"""

import itertools
import sys
import tarfile


def split(name: str) -> tuple[str, str]:
    start = name.rfind("/") + 1
    dot = name.find(".", start)
    return (name[:dot], name[dot + 1 :]) if dot > start else ("", "")


with tarfile.open(sys.argv[1], "r:") as archive:
    members = [(*split(m.name), m) for m in archive if m.isreg() and split(m.name)[0]]
samples = [list(group) for _, group in itertools.groupby(members, key=lambda member: member[0])]
print(f"v1.2 {len(samples)}")
for sample in samples:
    print(" ".join(f"{ext} {m.offset_data} {m.size} {m.name}" for _, ext, m in sample))

"""Accuracies that are there already, in a folder."""

import hashlib
import json

PROTOCOL = 2  # goes up when the training changes: what a folder has is of one protocol


class Results:
    """Accuracies by all that they depend on; without `--cache` none."""

    def __init__(self, options, how, test):
        self.folder = options.cache
        weights = options.teacher_weights
        teacher = [options.teacher, weights and hashlib.sha256(weights.read_bytes()).hexdigest()]
        self.settings = [PROTOCOL, *how._replace(device=""), options.width, options.side, *teacher, digest(test)]

    def of(self, network, seed, content, compute):
        if self.folder is None:
            return compute()
        name = hashlib.sha256(json.dumps([*self.settings, network, seed, digest(content)]).encode()).hexdigest()[:24]
        path = self.folder / f"{name}.json"
        if not path.exists():
            share = compute()
            self.folder.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".tmp")
            partial.write_text(json.dumps(share))
            partial.replace(path)
        return json.loads(path.read_text())


def digest(arrays):
    content = hashlib.sha256()
    for array in arrays:
        content.update(array.contiguous().numpy().data)
    return content.hexdigest()

"""The module `coda_pipe` over a finished run: check_module.py FINISHED_RUN PIPELINE, the program on PATH.

PIPELINE lies in the current folder and its run directory is `run`. Prints what it found as JSON for the test to compare.
"""

import io
import json
import multiprocessing
import pickle
import subprocess
import sys
import tarfile
from pathlib import Path

import pyarrow
from PIL import Image

import coda_pipe


def told(kind, call):
    """The message of the error of this kind that `call` raises."""
    try:
        call()
    except kind as error:
        return str(error)
    raise AssertionError(f"no {kind.__name__}")


def pixels(item):
    image, label = item
    return image.mode, image.size, image.tobytes(), label


def fetch(arguments):
    data, index = arguments
    return pixels(data[index])


def check_images(run):
    found = {}
    for name, data in (("distilled", run.distilled()), ("cores", run.core_images())):
        # The same samples as a reader of tars finds that knows nothing of offsets.
        seen = {}
        for path in sorted((run.path / name).glob("*.tar")):
            with tarfile.open(path) as tar:
                for member in tar:
                    seen[member.name] = tar.extractfile(member).read()
        assert len(data) * 3 == len(seen), (len(data), len(seen))
        for index in range(len(data)):
            key = data.keys[index]
            image = Image.open(io.BytesIO(seen[f"{key}.png"])).convert("RGB")
            label = int(seen[f"{key}.cls"])
            assert pixels(data[index]) == (image.mode, image.size, image.tobytes(), label), key
            about = data.metadata(index)
            assert about == json.loads(seen[f"{key}.json"])
            assert data.class_to_idx[about["class"]] == label == data.targets[index]
        # In other processes, with forks of this one's open files and with copies.
        everything = [pixels(data[index]) for index in range(len(data))]
        jobs = [(data, index) for index in reversed(range(len(data)))]
        for method in ("fork", "spawn"):
            with multiprocessing.get_context(method).Pool(2) as pool:
                assert pool.map(fetch, jobs)[::-1] == everything, method
        again = pickle.loads(pickle.dumps(data))
        assert pixels(again[0]) == everything[0]
        changed = run.distilled(transform=lambda image: image.size, target_transform=lambda label: -label)
        assert changed[1] == ((32, 32), -changed.targets[1])
        found[name] = {"images": len(data), "classes": data.classes, "names": data.class_names}
    return found


def check_tables(run):
    cores, embedding = run.cores(), run.embedding()
    assert isinstance(cores, pyarrow.Table)
    for one in run.classes:
        rows = [row for row in cores.to_pylist() if row["class"] == one.key]
        assert rows == run.cores(one.key).to_pylist() and rows
        assert [row["rank"] for row in rows] == list(range(len(rows)))
    # A core of a run is a sample of its class.
    samples = {(row["class"], row["shard"], row["key"]) for row in embedding.to_pylist()}
    assert all((row["class"], row["shard"], row["key"]) in samples for row in cores.to_pylist())
    assert "no class 'x'" in told(LookupError, lambda: run.cores("x"))
    return {"core_rows": len(cores), "embedding_rows": len(embedding), "quarantine": len(run.quarantine())}


def check_calls(pipeline):
    # Nothing is left to do: `run` opens what is there.
    run = coda_pipe.run(pipeline, quiet=True)
    assert run.summary and all(stage["processed"] == 0 for stage in run.summary["stages"]), run.summary
    settings = {"gamma": 0.3, "devices": ["cpu"], "max_bad": 3, "generate.preview": True}
    planned = coda_pipe.plan(pipeline, set=settings, run_dir=Path("elsewhere"), quiet=True)
    assert planned["run_dir"] == "elsewhere" and planned["images"] == 90, planned
    assert not Path("elsewhere").exists()

    def wrong():
        coda_pipe.run(pipeline, set=["ipc=0"], quiet=True)

    message = told(coda_pipe.CodaPipeError, wrong)
    assert "`discover.ipc`" in message and not message.startswith("error:"), message
    try:
        wrong()
    except coda_pipe.CodaPipeError as error:
        assert error.code == 2 and pickle.loads(pickle.dumps(error)).code == 2
    unfinished = coda_pipe.run(pipeline, until="encode", run_dir="part", quiet=True)
    assert "not finished" in told(FileNotFoundError, unfinished.distilled)
    assert unfinished.classes == []
    assert "run.json" in told(FileNotFoundError, lambda: coda_pipe.open_run("."))
    assert "object store" in told(ValueError, lambda: coda_pipe.open_run("s3://bucket/run"))
    shown = subprocess.run([sys.executable, "-m", "coda_pipe", "--version"], capture_output=True, text=True)
    assert shown.stdout.startswith("coda-pipe "), shown
    wrong = subprocess.run([sys.executable, "-m", "coda_pipe", "run"], capture_output=True, text=True)
    assert wrong.returncode == 2, wrong


if __name__ == "__main__":
    run = coda_pipe.open_run(sys.argv[1])
    found = {**check_images(run), **check_tables(run), "ipc": run.settings["discover"]["ipc"]}
    check_calls(sys.argv[2])
    print(json.dumps(found))

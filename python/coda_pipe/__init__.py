"""coda-pipe from Python: run a pipeline, read what a run left, train on the images.

    import coda_pipe

    run = coda_pipe.run("mine.toml", set={"ipc": 10})
    data = run.distilled(transform=...)     # a map-style data set for torch.utils.data.DataLoader
    cores = run.cores()                     # a pyarrow table

`python -m coda_pipe ARGS` is the program `coda-pipe ARGS`.
"""

from ._images import ImageSet
from ._program import CodaPipeError, find_program, plan, run
from ._run import Class, Run, open_run

__all__ = [
    "Class",
    "CodaPipeError",
    "ImageSet",
    "Run",
    "find_program",
    "open_run",
    "plan",
    "run",
]

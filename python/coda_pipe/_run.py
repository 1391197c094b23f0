"""A run directory: settings, classes, tables, images."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, List, Optional
from urllib.parse import unquote

from ._images import ImageSet
from ._program import PathLike

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True)
class Class:
    """A class of a run: `key` is its label in the data, `folder` the name of its folder in the run directory."""

    key: str
    folder: str


class Run:
    """A run directory on this machine. `open_run` opens one."""

    def __init__(self, path: PathLike, summary: Optional[dict[str, Any]] = None) -> None:
        self.location: str = os.fspath(path)
        #: What `run` said of itself, where `coda_pipe.run` made this object.
        self.summary = summary

    def __repr__(self) -> str:
        return f"Run({self.location!r})"

    @property
    def path(self) -> Path:
        """The folder. Raises ValueError for a run in an object store, whose files must be copied first."""
        if re.match(r"[a-z0-9+.-]+://", self.location):
            raise ValueError(f"{self.location}: files of a run in an object store can't be opened; copy the folder first")
        return Path(self.location)

    @property
    def record(self) -> dict[str, Any]:
        """`run.json`: the program's version, the command, all settings, and what the models ran on."""
        return dict(_read_json(self.path / "run.json"))

    @property
    def settings(self) -> dict[str, Any]:
        """All settings of the run by section, as `settings["discover"]["ipc"]`."""
        return dict(self.record["settings"])

    @property
    def classes(self) -> List[Class]:
        """The classes whose cores were chosen so far, numbers by value, then others by name."""
        folder = self.path / "discover"
        if not folder.is_dir():
            return []
        names = [entry.name for entry in folder.iterdir() if entry.is_dir()]
        # Bytes other than letters, digits, - and _ are written as %xx.
        found = [Class(unquote(name), name) for name in names]
        return sorted(found, key=lambda one: _order(one.key))

    def cores(self, key: Optional[str] = None) -> pyarrow.Table:
        """The chosen samples of all classes, or of the class `key`, by rank, with a column `class`."""
        return self._class_tables("cores.parquet", key)

    def members(self, key: Optional[str] = None) -> pyarrow.Table:
        """The images that each anchor is made of, by rank and position. Raises FileNotFoundError where anchors are images."""
        return self._class_tables("members.parquet", key)

    def embedding(self, key: Optional[str] = None) -> pyarrow.Table:
        """Every sample of all classes, or of the class `key`, with coordinates and cluster."""
        return self._class_tables("embedding.parquet", key)

    def purity(self) -> pyarrow.Table:
        """What the comparison of all classes says of each sample. Raises FileNotFoundError where the run has no such stage."""
        return _parquet().read_table(self._file(self.path / "purity" / "purity.parquet"))

    def quarantine(self) -> pyarrow.Table:
        """Samples and images that were left out, with the reason."""
        return _parquet().read_table(self._file(self.path / "quarantine.parquet"))

    def distilled(
        self,
        transform: Optional[Callable[[Any], Any]] = None,
        target_transform: Optional[Callable[[int], Any]] = None,
    ) -> ImageSet:
        """The distilled images (G) as a map-style data set of `(PIL image, label)`."""
        return ImageSet(self._tars("distilled"), transform, target_transform)

    def core_images(
        self,
        transform: Optional[Callable[[Any], Any]] = None,
        target_transform: Optional[Callable[[int], Any]] = None,
    ) -> ImageSet:
        """The real cores (R), under the keys of the distilled images, as a map-style data set of `(PIL image, label)`."""
        return ImageSet(self._tars("cores"), transform, target_transform)

    def _tars(self, name: str) -> List[Path]:
        """The tars of a set, from the receipts: a run that is not finished has some of them."""
        receipts = sorted((self.path / "assemble").glob("*.receipt.json"))
        units = self.record.get("stages", {}).get("assemble", {}).get("units")
        if not receipts or units is None or len(receipts) < units:
            raise FileNotFoundError(f"{self.location}: the run is not finished: coda-pipe run continues it")
        own = [path for path in receipts if path.name.startswith(f"{name}-")]
        files = [output["file"] for path in own for output in _read_json(path)["outputs"]]
        return [self.path / file for file in files if file.endswith(".tar")]

    def _class_tables(self, name: str, key: Optional[str]) -> pyarrow.Table:
        parquet = _parquet()
        import pyarrow

        classes = [one for one in self.classes if key is None or one.key == key]
        if not classes:
            what = "cores of any class" if key is None else f"class {key!r} among {[one.key for one in self.classes]}"
            raise LookupError(f"{self.location}: no {what}")
        tables = []
        for one in classes:
            path = self._file(self.path / "discover" / one.folder / name)
            # Metadata name the class of each file: they are not those of all.
            table = parquet.read_table(path).replace_schema_metadata(None)
            table = _with_plain_lists(table)
            tables.append(table.add_column(0, "class", pyarrow.array([one.key] * len(table), pyarrow.string())))
        return pyarrow.concat_tables(tables)

    def _file(self, path: Path) -> Path:
        if not path.is_file():
            raise FileNotFoundError(f"{path}: the run has no such file, or has not come so far")
        return path


def open_run(path: PathLike) -> Run:
    """Opens a run directory. Raises FileNotFoundError where there is no run."""
    run = Run(path)
    if not (run.path / "run.json").is_file():
        raise FileNotFoundError(f"{run.location}: no run directory: there is no run.json")
    return run


def _with_plain_lists(table: pyarrow.Table) -> pyarrow.Table:
    """Lists of a fixed length as lists: small classes have fewer coordinates than others."""
    import pyarrow

    for at, field in enumerate(table.schema):
        if pyarrow.types.is_fixed_size_list(field.type):
            plain = table.column(at).cast(pyarrow.list_(field.type.value_type))
            table = table.set_column(at, field.name, plain)
    return table


def _order(key: str) -> Any:
    """Whole numbers by value, before all else."""
    return (0, int(key), key) if re.fullmatch(r"[+-]?\d+", key) else (1, 0, key)


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _parquet() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError("tables of a run need pyarrow: pip install pyarrow") from error
    return pyarrow.parquet

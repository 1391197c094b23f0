"""The images of finished tars as a data set for PyTorch. Needs Pillow to decode them, and nothing else."""

from __future__ import annotations

import io
import json
import os
import tarfile
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple, Union

from ._program import PathLike


class _Place(NamedTuple):
    """Where a member's bytes lie: number of the tar, offset, length."""

    tar: int
    offset: int
    length: int


class ImageSet:
    """A map-style data set over tars that a run wrote: `data[i]` is `(PIL image, label)`.

    `torch.utils.data.DataLoader` takes it as it is, with any number of workers. Images are read by their offsets, so the
    order of reading is free. Labels are those in the tars: the class's own number where classes are whole numbers, else its
    position in the run's list of classes.

    `keys` are the sample keys, `targets` the labels of all samples, `classes` the class keys in the order of their labels,
    `class_names` their names, `class_to_idx` the label of each class key.
    """

    def __init__(
        self,
        tars: Union[PathLike, Iterable[PathLike]],
        transform: Optional[Callable[[Any], Any]] = None,
        target_transform: Optional[Callable[[int], Any]] = None,
    ) -> None:
        given = [tars] if isinstance(tars, (str, os.PathLike)) else list(tars)
        self.tars: List[str] = [os.path.abspath(os.fspath(tar)) for tar in given]
        self.transform = transform
        self.target_transform = target_transform
        self._open: Dict[int, int] = {}
        samples = [sample for number in range(len(self.tars)) for sample in self._index(number)]
        self.keys: List[str] = [key for key, _ in samples]
        self._members: List[Dict[str, _Place]] = [members for _, members in samples]
        self.targets: List[int] = [int(self._read(members["cls"])) for members in self._members]
        classes: Dict[int, Tuple[str, str]] = {}
        for at, label in enumerate(self.targets):
            if label not in classes:
                about = self.metadata(at)
                classes[label] = (about["class"], about["class_name"])
        labels = sorted(classes)
        self.classes: List[str] = [classes[label][0] for label in labels]
        self.class_names: List[str] = [classes[label][1] for label in labels]
        self.class_to_idx: Dict[str, int] = {classes[label][0]: label for label in labels}

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: int) -> Tuple[Any, Any]:
        """The image, decoded to RGB, and the label, through the transforms."""
        image = self.image(index)
        label: Any = self.targets[index]
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            label = self.target_transform(label)
        return image, label

    def image(self, index: int) -> Any:
        """The image as a `PIL.Image.Image` in RGB, without transforms."""
        try:
            from PIL import Image
        except ImportError as error:
            message = "images are decoded by Pillow: pip install pillow (`raw` gives the bytes of the PNG file)"
            raise ImportError(message) from error
        with Image.open(io.BytesIO(self.raw(index))) as image:
            return image.convert("RGB")

    def raw(self, index: int) -> bytes:
        """The bytes of the PNG file."""
        return self._read(self._members[index]["png"])

    def metadata(self, index: int) -> Dict[str, Any]:
        """What the run wrote beside the image: class and name, rank, anchor, prompt, seed, settings."""
        return dict(json.loads(self._read(self._members[index]["json"])))

    def __repr__(self) -> str:
        return f"ImageSet({len(self)} images of {len(self.classes)} classes in {len(self.tars)} tars)"

    def __getstate__(self) -> Dict[str, Any]:
        # Open files are not another process's.
        return {**self.__dict__, "_open": {}}

    def __del__(self) -> None:
        for descriptor in self.__dict__.get("_open", {}).values():
            os.close(descriptor)

    def _index(self, number: int) -> List[Tuple[str, Dict[str, _Place]]]:
        """Key and members of each sample of a tar, which stand one after another."""
        path = self.tars[number]
        samples: List[Tuple[str, Dict[str, _Place]]] = []
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                if not member.isfile():
                    continue
                key, _, extension = member.name.partition(".")
                if not samples or samples[-1][0] != key:
                    samples.append((key, {}))
                samples[-1][1][extension] = _Place(number, member.offset_data, member.size)
        for key, members in samples:
            lacking = {"cls", "json", "png"} - members.keys()
            if lacking:
                raise ValueError(f"{path}: {key}: no .{', .'.join(sorted(lacking))}: not a set that a run wrote")
        return samples

    def _read(self, place: _Place) -> bytes:
        """Bytes at a place, without a position that processes could share."""
        if place.tar not in self._open:
            self._open[place.tar] = os.open(self.tars[place.tar], os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        parts: List[bytes] = []
        left, offset = place.length, place.offset
        while left > 0:
            part = os.pread(self._open[place.tar], left, offset)
            if not part:
                raise EOFError(f"{self.tars[place.tar]}: ends before byte {place.offset + place.length}")
            parts.append(part)
            left, offset = left - len(part), offset + len(part)
        return b"".join(parts)

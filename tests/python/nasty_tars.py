"""Write tars as real tools write them, and some that are wrong, into a folder.

    python nasty_tars.py FOLDER

Files whose names begin with `same-` hold what `webdataset` and `coda-pipe` read alike; `odd-` those
that the two take differently on purpose. Tools that are not installed are printed, one a line.
"""

import io
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile

import webdataset

FILES = [
    ("0.jpg", b"first image"),
    ("0.cls", b"3"),
    ("dir/1.seg.PNG", bytes(range(256)) * 5),
    ("dir/1.cls", b""),
    ("v1.0/sub.dir/2.tar.gz", b"x" * 512),
    ("v1.0/sub.dir/2.json", b'{"a": 1}'),
    ("v1.0/README", b"no extension"),
    ("with space/\u00fcml\u00e4ut.txt", b"y" * 511),
    ("3.jpg", b"z" * 513),
]
LONG = [
    ("a" * 90 + "/" + "b" * 90 + ".jpg", b"fits ustar's prefix"),
    ("c" * 120 + ".jpg", b"too long for ustar"),
    ("c" * 120 + ".cls", b"1"),
    ("/".join(["d" * 60] * 8) + "/e.f.g.jpg", b"very long"),
    ("short.jpg", b"after the long ones"),
]


def entry(name: str, data: bytes, **fields) -> tuple[tarfile.TarInfo, io.BytesIO]:
    """A member for `TarFile.addfile`."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, io.BytesIO(data)


def python_tar(files, mode: str = "w", **options) -> bytes:
    """A tar by Python's `tarfile`."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode=mode, **options) as tar:
        for file in files:
            tar.addfile(*entry(*file))
    return sink.getvalue()


def special_members() -> bytes:
    """Folders, links, a pipe and metadata between the files."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(*entry("__info__", b"metadata"))
        tar.addfile(*entry("__meta__/x.json", b"metadata"))
        tar.addfile(entry("d.x/", b"", type=tarfile.DIRTYPE)[0])
        tar.addfile(*entry("d.x/0.jpg", b"image", mtime=1.5))
        tar.addfile(entry("d.x/0.png", b"", type=tarfile.SYMTYPE, linkname="0.jpg")[0])
        tar.addfile(entry("d.x/0.gif", b"", type=tarfile.LNKTYPE, linkname="d.x/0.jpg")[0])
        tar.addfile(entry("d.x/0.fifo", b"", type=tarfile.FIFOTYPE)[0])
        tar.addfile(*entry("d.x/0.cls", b"1", type=tarfile.CONTTYPE))
        tar.addfile(*entry("1.txt", b"old", type=tarfile.AREGTYPE))
    return sink.getvalue()


def base_256(tar: bytes) -> bytes:
    """The first member's size as a binary number, as for members of 8 GiB and more."""
    header = bytearray(tar[:512])
    size = int(header[124:135], 8)
    header[124:136] = b"\x80" + size.to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + tar[512:]


def run(*command, **options) -> bytes:
    """What a command prints."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, **options).stdout


def tool(name: str) -> str | None:
    """Where a tool is; prints its name if it is nowhere."""
    found = shutil.which(name)
    if not found:
        print(name)
    return found


def gnu_tar(tar: str, out: pathlib.Path, tree: pathlib.Path) -> None:
    """What GNU tar makes of folders, in all its formats, and of files with holes."""
    for kind in ["gnu", "posix", "ustar", "v7", "oldgnu"]:
        names = ["short", "long"] if kind in ("gnu", "posix", "oldgnu") else ["short"]
        for name in names:
            target = out / f"same-gnutar-{kind}-{name}.tar"
            run(tar, f"--format={kind}", "--sort=name", "-cf", target, "-C", tree / name, ".")
    run(tar, "-czf", out / "same-gnutar.tar.gz", "-C", tree / "short", "0.jpg", "dir")
    # A record of one block: no padding behind the end; and one file appended to another's tar.
    run(tar, "-b1", "-cf", out / "same-gnutar-b1.tar", "-C", tree / "short", "0.jpg", "0.cls")
    appended = out / "same-gnutar-append.tar"
    run(tar, "-cf", appended, "-C", tree / "short", "0.jpg")
    run(tar, "-rf", appended, "-C", tree / "short", "3.jpg")
    holes = tree / "holes"
    holes.mkdir()
    for name, parts in [("0.cls", 0), ("1.bin", 1), ("2.bin", 40), ("3.cls", 0)]:
        with (holes / name).open("wb") as file:
            file.write(b"start")
            for part in range(parts):
                file.seek(100_000 * (part + 1))
                file.write(b"part")
            if parts:
                file.truncate(100_000 * (parts + 2))
    sparse = ["--sparse", "--hole-detection=raw", "--sort=name"]
    for kind in [["gnu"], ["posix", "--sparse-version=0.0"], ["posix", "--sparse-version=0.1"], ["posix"]]:
        target = out / f"odd-sparse-{'-'.join(kind).replace('--sparse-version=', '')}.tar"
        run(tar, f"--format={kind[0]}", *kind[1:], *sparse, "-cf", target, "-C", holes, *sorted(os.listdir(holes)))


def bsd_tar(tar: str, out: pathlib.Path, tree: pathlib.Path) -> None:
    """What libarchive's tar makes of the same folders."""
    for kind in ["ustar", "pax", "gnutar"]:
        for name in ["short"] if kind == "ustar" else ["short", "long"]:
            target = out / f"same-bsdtar-{kind}-{name}.tar"
            run(tar, f"--format={kind}", "-cf", target, "-C", tree / name, ".")
    run(tar, "-czf", out / "same-bsdtar.tgz", "-C", tree / "short", ".")


def plant(folder: pathlib.Path, files) -> None:
    """The files, for tools that pack what they find."""
    for name, data in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def shard_writers(out: pathlib.Path) -> None:
    """`webdataset.ShardWriter` and `TarWriter`."""
    with webdataset.ShardWriter(str(out / "same-shardwriter-%03d.tar"), maxcount=4, verbose=0) as sink:
        for number in range(10):
            key = f"part{number % 3}/sample-{number:06d}"
            sink.write({"__key__": key, "cls": number % 4, "json": {"n": number}, "x.jpg": b"i" * number})
    with webdataset.TarWriter(str(out / "same-tarwriter.tar.gz")) as sink:
        sink.write({"__key__": "0", "txt": "h\u00e9", "cls": 1})


def main() -> None:
    out = pathlib.Path(sys.argv[1])
    tree = out / "tree"
    plant(tree / "short", FILES)
    plant(tree / "long", LONG)
    shard_writers(out)
    for name, format in [("ustar", tarfile.USTAR_FORMAT), ("gnu", tarfile.GNU_FORMAT), ("pax", tarfile.PAX_FORMAT)]:
        (out / f"same-python-{name}.tar").write_bytes(python_tar(FILES, format=format))
        if name != "ustar":
            (out / f"same-python-{name}-long.tar").write_bytes(python_tar(LONG, format=format))
    pax_global = python_tar(FILES, format=tarfile.PAX_FORMAT, pax_headers={"comment": "c", "mtime": "1.5"})
    good = python_tar(FILES, format=tarfile.GNU_FORMAT)
    small = python_tar(FILES[:2], format=tarfile.GNU_FORMAT)
    files = {
        "same-pax-global": pax_global,
        "odd-special": special_members(),
        "same-base-256": base_256(good),
        "same-empty": python_tar([]),
        "same-named-plain-is-gzip": python_tar(FILES, mode="w:gz"),
        "odd-no-end": small[: 4 * 512],
        "odd-truncated": good[: 512 * 7 + 100],
        "odd-garbage": small + b"garbage" * 100,
        "odd-two-tars": small + python_tar(FILES[-1:]),
        "odd-repeated": python_tar([*FILES[:2], ("0.CLS", b"4"), ("9.cls", b"5")]),
        "odd-strays": python_tar([FILES[0], FILES[-1], FILES[1], ("9.cls", b"5")]),
        "odd-hidden": python_tar([("a/0.jpg", b"i"), ("a/._0.jpg", b"mac"), ("a/0.cls", b"1"), (".x", b"")]),
        "odd-not-utf8": python_tar([("\udcff0.cls", b"1"), ("1.cls", b"2")], format=tarfile.GNU_FORMAT, encoding="utf-8"),
        "odd-no-tar": b"this is no tar at all" * 100,
        "odd-nothing": b"",
    }
    for name, data in files.items():
        (out / f"{name}.tar").write_bytes(data)
    plain = out / "same-python-pax.tar"
    for name, ending in [("gzip", "gz"), ("zstd", "zst"), ("lz4", "lz4")]:
        if tool(name):
            # Not standard input: only for a file is its length written in front.
            (out / f"same-{name}.tar.{ending}").write_bytes(run(name, "-c", plain))
    if tool("tar"):
        gnu_tar("tar", out, tree)
    if tool("bsdtar"):
        bsd_tar("bsdtar", out, tree)
    shutil.rmtree(tree)


if __name__ == "__main__":
    main()

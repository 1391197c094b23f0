"""The report of a run of many classes: how large it is, how long it takes to make, and how long Chromium takes to open it.

    python benches/report.py target/release/coda-pipe FOLDER [--classes 1000] [--ipc 50]

Classes are made of the demo's digits, each used several times; cores are found for real, and the "generated" images are
the cores of other ranks, as making 50,000 of them would take hours. Needs `zstd`; with `playwright` and a Chromium
(CHROMIUM names it) the page is opened, paged and turned dark as well.
"""

import argparse
import io
import json
import os
import pathlib
import subprocess
import tarfile
import time

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent


def digits():
    images = []
    for number in range(4):
        shard = CHECKOUT / f"pipelines/demo/train-{number:06d}.tar.zst"
        raw = subprocess.run(["zstd", "-dc", shard], capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
            members = [m for m in tar if not m.name.endswith(".cls")]
            images += [(pathlib.Path(m.name).suffix, tar.extractfile(m).read()) for m in members]
    return images


def add(tar, name, content):
    about = tarfile.TarInfo(name)
    about.size = len(content)
    tar.addfile(about, io.BytesIO(content))


def write_shards(folder, classes, images_each):
    images = digits()
    for shard in range(10):
        with tarfile.open(folder / f"train-{shard:06d}.tar", "w") as tar:
            for at in range(shard, classes * images_each, 10):
                label = at // images_each
                ending, content = images[(at * 61 + label * 37) % len(images)]
                add(tar, f"{at:07d}.cls", f"c{label:04d}".encode())
                add(tar, f"{at:07d}{ending}", content)


def make_run(program, folder, classes, ipc):
    write_shards(folder, classes, ipc + 20)
    names = "".join(f"c{c:04d}, class number {c} <b>&amp; \"more\"</b>\n" for c in range(classes))
    (folder / "classes.txt").write_text(names)
    (folder / "p.toml").write_text(
        f'[data]\nshards = "train-{{000000..000009}}.tar"\nclasses = "classes.txt"\n'
        f'[model]\npath = "{CHECKOUT}/models/demo"\n[encode]\nsize = 32\n'
        f'[discover]\nipc = {ipc}\nalgorithm = "kmeans"\nneighbors = "exact"\n'
        f'[generate]\nsize = 32\n[output]\nname = "many"\nsize = 32\nrun_dir = "run"\n'
    )
    subprocess.run([program, "run", "p.toml", "--until", "anchor"], cwd=folder, check=True)
    for part in sorted((folder / "run/fetch").glob("part-*.tar")):
        with tarfile.open(part) as tar:
            for member in tar:
                label, rank = pathlib.Path(member.name).stem.rsplit("_", 1)
                png = folder / f"run/generate/{label}/{(int(rank) + 1) % ipc:04d}.png"
                png.parent.mkdir(parents=True, exist_ok=True)
                png.write_bytes(tar.extractfile(member).read())


def look(path):
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("playwright is not installed: the page was not opened")
        return
    with sync_playwright() as playwright:
        chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        faults = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        timed("open", lambda: page.goto(f"file://{path}") and page.wait_for_selector(".gallery a"))
        timed("next page of the gallery", lambda: page.click(".pager button:nth-child(2)"))
        timed("open a class", lambda: (page.click("#class-list li:nth-child(500) a"), page.wait_for_selector(".card")))
        timed("ten classes on", lambda: [page.keyboard.press("j") for _ in range(10)])
        timed("dark", lambda: page.keyboard.press("t"))
        timed("back to the run", lambda: (page.keyboard.press("g"), page.wait_for_selector(".gallery")))
        timed("to the end", lambda: page.evaluate("scrollTo(0, document.body.scrollHeight)"))
        heap = page.evaluate("performance.memory.usedJSHeapSize")
        print(f"{heap / 2**20:.0f} MiB of script memory, faults: {faults}")
        browser.close()


def timed(what, act):
    start = time.perf_counter()
    act()
    print(f"{what}: {time.perf_counter() - start:.2f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--ipc", type=int, default=50)
    arguments = parser.parse_args()
    folder, program = arguments.folder.resolve(), arguments.program.resolve()
    # What `make runtime` fetched, which the program looks for above the folder that it is started in.
    for library in CHECKOUT.glob(".onnxruntime/onnxruntime/capi/libonnxruntime.so.*"):
        os.environ.setdefault("ORT_DYLIB_PATH", str(library))
    if not (folder / "run/generate").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        make_run(program, folder, arguments.classes, arguments.ipc)
    page = folder / "run/report/index.html"
    timed("report", lambda: subprocess.run([program, "report", folder / "run"], check=True))
    print(f"{page.stat().st_size / 2**20:.1f} MiB")
    look(page)


if __name__ == "__main__":
    main()

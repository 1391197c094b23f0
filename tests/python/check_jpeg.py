#!/usr/bin/env python3
"""Writes JPEG files of every legal kind, and what Pillow makes of them, for tests/it/other_programs/image_decoders.rs to compare with.

    .venv/bin/python tests/python/check_jpeg.py FOLDER [all]

FOLDER/NAME.jpg are the files, FOLDER/NAME.rgb Pillow's pixels (no such file: Pillow refuses it), and the last line of
stdout is JSON: how many of each. Without `all`, every kind is there once or a few times; with it, about 2,500 files.
The encoder is the one below, as no program writes all of these: any sampling, any scan script, baseline, extended and
progressive, restart intervals, markers. It computes coefficients in floating point; that they are exact matters to no
one, for both decoders read the same file.
"""

import io
import itertools
import json
import struct
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ZIGZAG = sorted(range(64), key=lambda i: (i // 8 + i % 8, (i // 8 if (i // 8 + i % 8) % 2 else i % 8)))
DCT = np.array([[np.sqrt((2 if u else 1) / 8) * np.cos((2 * x + 1) * u * np.pi / 16) for x in range(8)] for u in range(8)])
# Every symbol in a code of 8 bits (one of them may not be all ones), which needs no statistics: 255 symbols at most.
DC_SYMBOLS = list(range(12))
AC_SYMBOLS = [r << 4 | s for r in range(16) for s in range(11)]


class Bits:
    """Entropy-coded data: bits, a zero behind each 0xff."""

    def __init__(self):
        self.text = []

    def put(self, value, count):
        if count:
            self.text.append(format(value & (1 << count) - 1, f"0{count}b"))

    def take(self):
        bits = "".join(self.text)
        bits += "1" * (-len(bits) % 8)
        self.text = []
        data = int(bits, 2).to_bytes(len(bits) // 8, "big") if bits else b""
        return data.replace(b"\xff", b"\xff\0")


def segment(marker, content):
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def huffman_table(kind, number, symbols):
    """All symbols in codes of one length: four bits for DC's, eight for AC's."""
    lengths = [0] * 16
    lengths[3 if kind == 0 else 7] = len(symbols)
    return bytes([kind << 4 | number]) + bytes(lengths) + bytes(symbols)


def dc_code(bits, symbol):
    bits.put(DC_SYMBOLS.index(symbol), 4)


def ac_code(bits, symbol):
    bits.put(AC_SYMBOLS.index(symbol), 8)


def magnitude(bits, value, size):
    bits.put(value if value >= 0 else value - 1, size)


class Component:
    def __init__(self, plane, number, sampling, most, size, quantizer):
        """`plane` is at full size: it is averaged to this component's."""
        self.id = number
        self.h, self.v = sampling
        width, height = size
        self.width, self.height = -(-width * self.h // most[0]), -(-height * self.v // most[1])
        mcus = -(-width // (8 * most[0])), -(-height // (8 * most[1]))
        across, down = mcus[0] * self.h, mcus[1] * self.v
        ys = np.minimum(np.arange(down * 8) * most[1] // self.v, height - 1)
        xs = np.minimum(np.arange(across * 8) * most[0] // self.h, width - 1)
        blocks = plane[np.ix_(ys, xs)].astype(float).reshape(down, 8, across, 8).swapaxes(1, 2) - 128
        quantized = np.round(DCT @ blocks @ DCT.T / quantizer).astype(int)
        self.blocks = quantized.reshape(down, across, 64)[:, :, ZIGZAG].tolist()

    def own(self):
        """Blocks in a scan of this component alone: none that are only there to fill units up."""
        return [[(y, x)] for y in range(-(-self.height // 8)) for x in range(-(-self.width // 8))]


def units(components, indices, most, size):
    """The units of a scan: for each, pairs of component and block."""
    if len(indices) == 1:
        return [[(indices[0], *unit[0])] for unit in components[indices[0]].own()]
    width, height = size
    found = []
    for my, mx in itertools.product(range(-(-height // (8 * most[1]))), range(-(-width // (8 * most[0])))):
        unit = []
        for index in indices:
            component = components[index]
            for v, h in itertools.product(range(component.v), range(component.h)):
                unit.append((index, my * component.v + v, mx * component.h + h))
        found.append(unit)
    return found


class Scan:
    """A scan's encoder; end-of-band runs are one block long."""

    def __init__(self, first, last, high, low, progressive):
        self.first, self.last, self.high, self.low = first, last, high, low
        self.progressive = progressive
        self.bits = Bits()
        self.before = {}

    def block(self, index, block):
        if self.first == 0:
            self.dc(index, block[0])
        if self.last > 0:
            first = max(self.first, 1)
            if self.high:
                self.refine(block, first)
            else:
                self.ac(block, first)

    def dc(self, index, value):
        if self.high:
            self.bits.put(value >> self.low, 1)
            return
        value >>= self.low
        difference = value - self.before.get(index, 0)
        self.before[index] = value
        size = abs(difference).bit_length()
        dc_code(self.bits, size)
        magnitude(self.bits, difference, size)

    def ac(self, block, first):
        run = 0
        for k in range(first, self.last + 1):
            value = abs(block[k]) >> self.low
            if value == 0:
                run += 1
                continue
            while run > 15:
                ac_code(self.bits, 0xF0)
                run -= 16
            size = value.bit_length()
            ac_code(self.bits, run << 4 | size)
            magnitude(self.bits, value if block[k] > 0 else -value, size)
            run = 0
        if run:
            ac_code(self.bits, 0)

    def refine(self, block, first):
        """Correction bits of known coefficients go with the next symbol behind which they stand."""
        run, corrections = 0, []
        end = max((k for k in range(first, self.last + 1) if abs(block[k]) >> self.low == 1), default=0)
        for k in range(first, self.last + 1):
            value = abs(block[k]) >> self.low
            if value == 0:
                run += 1
                continue
            while run > 15 and k <= end:
                ac_code(self.bits, 0xF0)
                self.flush(corrections)
                run -= 16
            if value > 1:
                corrections.append(value & 1)
                continue
            ac_code(self.bits, run << 4 | 1)
            self.bits.put(block[k] > 0, 1)
            self.flush(corrections)
            run = 0
        if run or corrections:
            ac_code(self.bits, 0)
            self.flush(corrections)

    def flush(self, corrections):
        for bit in corrections:
            self.bits.put(bit, 1)
        corrections.clear()


def encode(planes, sampling, script, frame=0xC0, restart=0, jfif=True, adobe=None, ids=None, quality=6,
           tables=True, extra=b""):
    """`script`: (components, first, last, high, low) for each scan."""
    height, width = planes[0].shape
    size = width, height
    most = max(h for h, _ in sampling), max(v for _, v in sampling)
    ids = ids or list(range(1, len(planes) + 1))
    quantizer = quality + np.add.outer(np.arange(8), np.arange(8))
    components = [Component(*part, most, size, quantizer) for part in zip(planes, ids, sampling)]
    out = [b"\xff\xd8"]
    if jfif:
        out.append(segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\0\0"))
    if adobe is not None:
        out.append(segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([adobe])))
    out.append(extra)
    zigzag = quantizer.reshape(64)[ZIGZAG].astype(np.uint8).tobytes()
    out.append(segment(0xDB, b"\0" + zigzag))
    parts = b"".join(bytes([c.id, c.h << 4 | c.v, 0]) for c in components)
    out.append(segment(frame, struct.pack(">BHHB", 8, height, width, len(components)) + parts))
    if tables:
        out.append(segment(0xC4, huffman_table(0, 0, DC_SYMBOLS) + huffman_table(1, 0, AC_SYMBOLS)))
    if restart:
        out.append(segment(0xDD, struct.pack(">H", restart)))
    for indices, first, last, high, low in script:
        scan = Scan(first, last, high, low, frame == 0xC2)
        listed = b"".join(bytes([ids[index], 0]) for index in indices)
        out.append(segment(0xDA, bytes([len(indices)]) + listed + bytes([first, last, high << 4 | low])))
        for number, unit in enumerate(units(components, indices, most, size)):
            if restart and number and number % restart == 0:
                out += [scan.bits.take(), bytes([0xFF, 0xD0 + (number // restart - 1) % 8])]
                scan.before = {}
            for index, y, x in unit:
                scan.block(index, components[index].blocks[y][x])
        out.append(scan.bits.take())
    out.append(b"\xff\xd9")
    return b"".join(out)


def baseline(*groups):
    return [(list(group), 0, 63, 0, 0) for group in groups]


def progressive(count, interleaved=True, refined=True, last_first=False):
    """DC of all or of one component a scan, AC in two bands, each refined where asked for."""
    everyone = list(range(count))
    groups = [everyone] if interleaved else [[index] for index in everyone]
    low = 1 if refined else 0
    script = [(group, 0, 0, 0, low) for group in groups]
    order = everyone[::-1] if last_first else everyone
    script += [([index], *band, 0, low) for index in order for band in [(1, 5), (6, 63)]]
    if refined:
        script += [(group, 0, 0, 1, 0) for group in groups]
        script += [([index], 1, 63, 1, 0) for index in order]
    return script


def planes(count, width, height, seed):
    """Smooth shapes with edges, another for each component."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    found = []
    for number in range(count):
        a, b, c = random.uniform(0.03, 0.25, 3)
        plane = 128 + 70 * np.sin(a * x + number) * np.cos(b * y) + 40 * (((x * c + y * b).astype(int)) % 2)
        found.append(np.clip(plane, 0, 255))
    return found


THREE = [[[0, 1, 2]], [[0], [1], [2]], [[0], [1, 2]], [[0, 1], [2]], [[1], [2], [0]], [[1, 2], [0]], [[2], [0, 1]],
         [[2], [1], [0]], [[0, 2], [1]]]
ORDINARY = [((2, 2), (1, 1), (1, 1)), ((1, 1),) * 3, ((2, 1), (1, 1), (1, 1)), ((1, 2), (1, 1), (1, 1))]
RARE = [((4, 1), (1, 1), (1, 1)), ((1, 4), (1, 1), (1, 1)), ((4, 2), (1, 1), (1, 1)), ((2, 4), (1, 1), (1, 1)),
        ((3, 1), (1, 1), (1, 1)), ((1, 3), (1, 1), (1, 1)), ((3, 2), (1, 1), (1, 1)), ((2, 3), (1, 1), (1, 1)),
        ((2, 2), (2, 1), (1, 2)), ((2, 2), (2, 2), (2, 2)), ((2, 1), (2, 1), (2, 1)), ((1, 2), (1, 2), (1, 2)),
        ((2, 2), (2, 1), (2, 1)), ((2, 2), (1, 2), (1, 2)), ((4, 1), (2, 1), (2, 1)), ((4, 1), (2, 1), (1, 1)),
        ((2, 2), (1, 1), (2, 2)), ((3, 3), (1, 1), (1, 1)), ((4, 4), (1, 1), (1, 1)), ((3, 1), (2, 1), (1, 1)),
        ((3, 2), (1, 1), (3, 1)), ((2, 1), (1, 2), (1, 1))]
SIZES = [(32, 32), (75, 50), (17, 65), (1, 1), (8, 9), (100, 75)]


def colour_kinds():
    """Markers and identifiers that tell colours, for one to four components."""
    for jfif, adobe, ids in itertools.product([True, False], [None, 0, 1, 2], [None, [0, 1, 2], list(b"RGB"), [5, 7, 9], [1, 3, 2]]):
        yield f"colour-{jfif:d}-{adobe}-{bytes(ids or b'').hex()}", 3, dict(jfif=jfif, adobe=adobe, ids=ids)
    for jfif, adobe in itertools.product([True, False], [None, 0, 1, 2]):
        yield f"four-{jfif:d}-{adobe}", 4, dict(jfif=jfif, adobe=adobe)
        yield f"grey-{jfif:d}-{adobe}", 1, dict(jfif=jfif, adobe=adobe)
        yield f"two-{jfif:d}-{adobe}", 2, dict(jfif=jfif, adobe=adobe)


def files(whole):
    """Names and bytes."""
    sizes = SIZES if whole else SIZES[1:3]
    seeds = itertools.count()

    def made(name, sampling, script, size, **settings):
        settings.setdefault("quality", 4 + next(seeds) % 17)
        return name, encode(planes(len(sampling), *size, next(seeds)), sampling, script, **settings)

    label = lambda sampling: "-".join(f"{h}x{v}" for h, v in sampling)
    # Sampling by sampling: everything of 1 and 2, and rarer ones.
    twos = [(1, 1), (2, 1), (1, 2), (2, 2)]
    samplings = list(dict.fromkeys([*ORDINARY, *RARE, *itertools.product(twos, twos, twos)]))
    for number, sampling in enumerate(samplings):
        for turn, size in enumerate(sizes if whole else [sizes[number % 2]]):
            name = f"{label(sampling)}-{size[0]}x{size[1]}"
            restart = [0, 1, 3, 0][(number + turn) % 4]
            yield made(f"base-{name}", sampling, baseline([0, 1, 2]), size, restart=restart)
            if whole or number % 3 == 0:
                yield made(f"prog-{name}", sampling, progressive(3), size, frame=0xC2, restart=restart)
            if whole:
                yield made(f"split-{name}", sampling, baseline([0], [1], [2]), size, restart=restart)
    # Orders of scans.
    for number, (groups, sampling) in enumerate(itertools.product(THREE, [*ORDINARY, *RARE[:4], RARE[8]])):
        order = "_".join("".join(map(str, group)) for group in groups)
        for turn, size in enumerate(sizes if whole else [sizes[number % 2]]):
            if whole or number % 2 == 0 or len(groups) == 1:
                name = f"scans-{order}-{label(sampling)}-{size[0]}x{size[1]}"
                restart, frame = [(0, 0xC0), (2, 0xC0), (0, 0xC1)][(number + turn) % 3]
                yield made(name, sampling, baseline(*groups), size, restart=restart, frame=frame)
    # Progressive scripts.
    scripts = list(itertools.product([True, False], repeat=3))
    for number, (script, sampling) in enumerate(itertools.product(scripts, [*ORDINARY, *RARE[:6]])):
        for size in sizes if whole else [sizes[number % 2]]:
            if whole or number % 3 == 0:
                name = f"script-{''.join(str(+flag) for flag in script)}-{label(sampling)}-{size[0]}x{size[1]}"
                yield made(name, sampling, progressive(3, *script), size, frame=0xC2, restart=number % 3)
    # Colours, one to four components, and markers.
    for name, count, settings in colour_kinds():
        shapes = [((1, 1),) * count, ((2, 2),) + ((1, 1),) * (count - 1)]
        if count == 4:
            shapes.append(((2, 2), (1, 1), (1, 1), (2, 2)))
        for turn, sampling in enumerate(shapes):
            if whole or turn == 0 or count != 3:
                full = f"{name}-{label(sampling)}"
                yield made(full, sampling, baseline(list(range(count))), sizes[0], **settings)
                if whole:
                    yield made(full + "-p", sampling, progressive(count), sizes[0], frame=0xC2, **settings)
                    apart = [[index] for index in range(count)]
                    yield made(full + "-s", sampling, baseline(*apart), sizes[0], **settings)
    # Grey has one kind of scan, whatever its sampling factors say.
    for (h, v), size in itertools.product([(1, 1), (2, 2), (4, 4), (1, 2), (3, 1)], sizes):
        yield made(f"grey-{h}x{v}-{size[0]}x{size[1]}", ((h, v),), baseline([0]), size, restart=h)
        yield made(f"grey-p-{h}x{v}-{size[0]}x{size[1]}", ((h, v),), progressive(1), size, frame=0xC2)
    # What is read though something is missing or odd, and what is refused.
    size = (75, 50)
    name, plain = made("odd-plain", ORDINARY[0], baseline([0, 1, 2]), size, restart=4)
    yield name, plain
    yield "odd-zero-padded", plain[:-2] + bytes(64)
    yield "odd-no-end", plain[:-2]
    yield "odd-behind-the-end", plain + b"more" * 9
    yield "odd-fill-bytes", plain.replace(b"\xff\xc0", b"\xff\xff\xff\xc0", 1)
    yield "odd-padded-and-cut", plain[: len(plain) * 2 // 3] + bytes(len(plain) // 3)
    yield "odd-cut", plain[: len(plain) * 2 // 3]
    yield made("odd-thumbnail", ORDINARY[0], baseline([0], [1], [2]), size, extra=segment(0xE1, b"Exif\0\0" + plain))
    for frame in [0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7]:
        yield f"frame-{frame:x}", plain.replace(b"\xff\xc0", bytes([0xFF, frame]), 1)
    yield "frame-12-bits", plain.replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c", 1)
    yield "frame-no-height", plain.replace(b"\xff\xc0\0\x11\x08\0\x32", b"\xff\xc0\0\x11\x08\0\0", 1)
    picture = Image.fromarray(np.stack(planes(3, 75, 50, 5), 2).astype(np.uint8))
    for sampling, quality, form in itertools.product([0, 1, 2], [30, 75, 95], [False, True]):
        out = io.BytesIO()
        picture.save(out, "JPEG", subsampling=sampling, quality=quality, progressive=form)
        yield f"pillow-{sampling}-{quality}-{form:d}", out.getvalue()
        if not form and not sampling:
            yield f"mjpeg-{quality}", without_tables(out.getvalue())


def without_tables(jpeg):
    """Frames of Motion JPEG have no Huffman tables: the standard's are meant."""
    kept, at = [jpeg[:2]], 2
    while jpeg[at + 1] != 0xDA:
        length = 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if jpeg[at + 1] != 0xC4:
            kept.append(jpeg[at : at + length])
        at += length
    return b"".join([*kept, jpeg[at:]])


def main():
    folder, whole = Path(sys.argv[1]), sys.argv[2:] == ["all"]
    folder.mkdir(parents=True, exist_ok=True)
    written = refused = 0
    for name, jpeg in files(whole):
        path = folder / f"{name}.jpg"
        assert not path.exists(), name
        path.write_bytes(jpeg)
        written += 1
        try:
            pixels = Image.open(io.BytesIO(jpeg)).convert("RGB")
        except (OSError, SyntaxError, ValueError, KeyError):
            refused += 1
            continue
        (folder / f"{name}.rgb").write_bytes(struct.pack("<II", *pixels.size) + pixels.tobytes())
    print(json.dumps({"files": written, "refused_by_pillow": refused}))


if __name__ == "__main__":
    main()

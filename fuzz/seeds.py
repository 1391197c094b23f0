#!/usr/bin/env python3
"""Writes the seeds in corpus/: small, made by hand, each near one branch of the code.

    .venv/bin/python fuzz/seeds.py

Takes pyarrow and Pillow (of `make test`'s .venv) for the Parquet files and JPEGs, and the programs zstd and lz4.
"""

import gzip
import io
import json
import shutil
import struct
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
CORPUS = HERE / "corpus"


def seed(target, name, content):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def tar(members, form=tarfile.USTAR_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    # Without the padding to 10 KiB.
    whole = out.getvalue()
    return whole[: len(whole.rstrip(b"\0")) + 511 & -512] + bytes(1024)


def header(name, kind, size, extra=b""):
    block = bytearray(512)
    block[: len(name)] = name
    block[100:108] = b"0000444\0"
    block[124:136] = b"%011o\0" % size
    block[156:157] = kind
    block[257:265] = b"ustar  \0"
    block[386 : 386 + len(extra)] = extra
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def through(program, content):
    return subprocess.run([program, "-c"], input=content, stdout=subprocess.PIPE, check=True).stdout


def tar_reader():
    plain = tar([("a.cls", b"7"), ("a.jpg", b"x" * 30), ("d/b.cls", b"cat\n"), ("d/b.json", b"{}")])
    seed("tar_reader", "plain.tar", plain)
    seed("tar_reader", "gnu.tar", tar([("d/" + "n" * 120 + ".cls", b"1")], tarfile.GNU_FORMAT))
    seed("tar_reader", "pax.tar", tar([("é" * 60 + ".cls", b"1")], tarfile.PAX_FORMAT))
    seed("tar_reader", "plain.tar.gz", gzip.compress(plain, mtime=0))
    seed("tar_reader", "plain.tar.zst", through("zstd", plain))
    seed("tar_reader", "plain.tar.lz4", through("lz4", plain))
    seed("tar_reader", "cut.tar", plain[:1300])
    seed("tar_reader", "no-end.tar", plain[:-1024])
    seed("tar_reader", "two.tar", plain + plain)
    seed("tar_reader", "returns.tar", tar([("a.x", b"1"), ("b.x", b"2"), ("a.y", b"3"), ("c.x", b"4")]))
    seed("tar_reader", "repeated.tar", tar([("a.x", b"1"), ("a.X", b"2")]))
    large = header(b"a.x", b"0", 70000) + bytes(70144) + plain
    seed("tar_reader", "large.tar.gz", gzip.compress(large, mtime=0))
    holes = header(b"a.x", b"S", 5, b"%011o\0%011o\0" % (0, 5)) + b"holes" + bytes(507) + plain
    seed("tar_reader", "sparse.tar", holes)
    record = b"22 GNU.sparse.name=b.x\n"
    record = b"%d" % len(record) + record[2:]
    sparse = header(b"p", b"x", len(record)) + record.ljust(512, b"\0") + header(b"q", b"0", 0) + plain
    seed("tar_reader", "sparse-pax.tar", sparse)
    base256 = bytearray(header(b"a.x", b"0", 0))
    base256[124:136] = b"\x80" + bytes(10) + b"\x05"
    base256[148:156] = b" " * 8
    base256[148:156] = b"%06o\0 " % sum(base256)
    seed("tar_reader", "base256.tar", bytes(base256) + b"12345" + bytes(507 + 1024))
    seed("tar_reader", "empty", b"\0" * 1024)
    # What other programs write: zeros or text behind the stream, skippable frames, long windows, links, old checksums.
    skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc"
    packed = {"gz": gzip.compress(plain, mtime=0), "zst": through("zstd", plain), "lz4": through("lz4", plain)}
    for ending, content in packed.items():
        seed("tar_reader", f"padded.tar.{ending}", content + bytes(700))
        seed("tar_reader", f"tail.tar.{ending}", content + b"some text")
        if ending != "gz":
            seed("tar_reader", f"skippable.tar.{ending}", skippable + content + skippable + content + skippable)
    for log in [29, 31]:
        frame = b"\x28\xb5\x2f\xfd\0" + bytes([(log - 10) << 3]) + struct.pack("<I", len(plain) << 3 | 1)[:3]
        seed("tar_reader", f"long{log}.tar.zst", frame + plain)
    for name, kind in [("hard-link", b"1"), ("symbolic-link", b"2")]:
        link = header(b"b.jpg", kind, 0)
        seed("tar_reader", f"{name}.tar", plain[:-1024] + link + plain[-1024:])
    seed("tar_reader", "latin1.tar", header(b"caf\xe9%.cls", b"0", 1) + b"7" + bytes(511 + 1024))
    signed = bytearray(header("é.cls".encode(), b"0", 1))
    signed[257:265] = bytes(8)
    signed[148:156] = b" " * 8
    signed[148:156] = b"%06o\0 " % sum(byte - 256 if byte > 127 else byte for byte in signed)
    seed("tar_reader", "signed-checksum.tar", bytes(signed) + b"7" + bytes(511 + 1024))
    junk = [("a/.ipynb_checkpoints/1.jpg", b"x"), ("__MACOSX/a/1.jpg", b"x"), ("@eaDir/1.jpg", b"x")]
    seed("tar_reader", "junk-alone.tar", tar(junk))
    seed("tar_reader", "junk.tar", tar([*junk, ("a/1.cls", b"7")]))
    for name, head in [("page", b"<!DOCTYPE html><html>"), ("table", b"PAR1"), ("packed.xz", b"\xfd7zXZ\0")]:
        seed("tar_reader", name, head)
        seed("tar_reader", name + "-long", head + b"x" * 600)


def grouping():
    def members(*entries):
        return b"".join(bytes([flags, size, len(name)]) + name for flags, size, name in entries)

    ustar, gnu, pax, folder, link = 9, 10, 11, 0, 3
    seed("grouping", "plain", members((ustar, 1, b"a.cls"), (ustar, 30, b"a.jpg"), (ustar, 1, b"b.cls")))
    seed("grouping", "returns", members((ustar, 1, b"a.x"), (ustar, 1, b"b.x"), (ustar, 1, b"a.y")))
    seed("grouping", "repeated", members((ustar, 1, b"a.x"), (gnu, 1, b"a.X"), (pax, 1, b"b.x")))
    seed("grouping", "paths", members((gnu, 3, b"../../evil.jpg"), (pax, 3, b"/abs/evil.jpg"), (pax, 3, b"a/../b.c.d")))
    seed("grouping", "no-sample", members((ustar, 1, b"__x__/a.b"), (ustar, 1, b"README"), (ustar, 1, b"d/._a.x")))
    seed("grouping", "kinds", members((folder, 0, b"d.x/"), (link, 0, b"a.x"), (ustar, 0, b"a.x/"), (ustar, 1, b"a.y")))
    seed("grouping", "bytes", members((pax, 3, b"a\0b\n.jpg"), (gnu, 3, b"\xff\xfe.jpg"), (pax, 250, b"large.bin")))
    seed("grouping", "links", members((ustar, 1, b"a.x"), (3, 0, b"b.x"), (6, 0, b"b.y"), (7, 0, b"c.x"), (ustar, 1, b"c.y")))
    seed("grouping", "latin1", members((ustar, 1, b"caf\xe9%.x"), (gnu, 1, b"caf\xe9%.y"), (pax, 1, b"caf%e9.x")))
    seed("grouping", "system", members((ustar, 1, b"a/.git/x.y"), (pax, 1, b"$RECYCLE.BIN/x.y"), (ustar, 1, b"./a.x")))
    seed("grouping", "system-alone", members((ustar, 1, b"__MACOSX/x.y"), (ustar, 1, b"README")))
    seed("grouping", "long", members((gnu, 1, b"n" * 200 + b".x"), (pax, 1, b"d/" * 100 + b"e.y")))


def config():
    def parts(pipeline, classes="", template="", *sets):
        return "\0".join([pipeline, classes, template, *sets]).encode()

    good = '[data]\nshards = "a-{000..003}.tar"\n[model]\npath = "m"\n'
    seed("config", "demo", parts((ROOT / "pipelines/demo.toml").read_text(), "0, zero\n1, one\n"))
    seed("config", "sets", parts(good, "a, b | c\n", "a {name}, {supercategory} {key}{", "ipc=3", "generate.size=64"))
    seed("config", "set-values", parts(good, "# x\n\nk\n", "{", "shards=[1, 2]", "gamma=1e9", 'name="x"', "size"))
    seed("config", "preset", parts('preset = "published"\n' + good, "a, b\na, c\n", "", "features={ grid = 4 }"))
    seed("config", "refiner", parts(good + '[generate]\ndenoising_factor = 0.8\n', "a,\n", "", "refiner=../r/../s"))
    seed("config", "wrong", parts("[data]\nshards = 3.5\nmax_bd = 2\n[modle]\n[encode]\nsize = 33\n"))
    seed("config", "values", parts("[data]\nshards = [1, 0x7f, 1979-05-27, {a = 'b'}, '''c''']\nlabel = 'json:x'\n"))
    seed("config", "no-such-day", parts("[data]\nshards = [1979-05-67]\n", "", "", "max_bad=1979-13-01"))
    seed("config", "devices", parts(good + '[runtime]\ndevices = ["cuda:0", "tensorrt:1"]\nworkers = 0\n'))
    seed("config", "classes", parts("", (ROOT / "pipelines/classes/template.txt").read_text() + "é, ü\n" + "Ä" * 14))


def class_list():
    plain = "0, zero\n1, one | digit\n"
    seed("class_list", "plain", plain.encode())
    seed("class_list", "packed", b'"#7", #7\na|b, "a|b"\ndog, dog\n"tabby, cat", tabby, cat\n')
    seed("class_list", "odd", '"say ""hi""", x\n" led", led\n"two\nlines", two lines\n"\ufeffm", m\n'.encode())
    seed("class_list", "bom", b"\xef\xbb\xbf" + plain.encode())
    seed("class_list", "crlf", plain.replace("\n", "\r\n").encode())
    seed("class_list", "utf16", plain.encode("utf-16"))
    seed("class_list", "latin1", "0, zéro\n".encode("latin-1"))
    seed("class_list", "quoted", b'"0","zero"\n"1","one"\n')
    seed("class_list", "tabs", b"0\tzero\n1\tone, two\n")
    seed("class_list", "blanks", b"0 zero\n1 one\n")
    seed("class_list", "synsets", b"n01440764 tench, Tinca tinca\nn01443537 goldfish, Carassius auratus\n")
    seed("class_list", "json", b'{"0": "zero",\n "1": "one"}\n')
    seed("class_list", "yaml", b"0: zero\n1: one\n")
    seed("class_list", "unclosed", b'"0, zero\n1, "one\n')
    seed("class_list", "keys", 'tabby, cat\0#7\0a|b\0"q"\0 led\0two\nlines\0n01440764 tench\0[1]'.encode())


def model_json():
    def parts(*values):
        return b"\0".join(v if isinstance(v, bytes) else json.dumps(v).encode() for v in values)

    names = ["CLIPTextModel", "x"]
    index = {"text_encoder": names, "text_encoder_2": names, "force_zeros_for_empty_prompt": True}
    vae = {"latent_channels": 4, "block_out_channels": [16, 32, 48], "scaling_factor": 0.13}
    unet = {"sample_size": 8, "in_channels": 4}
    text = {"max_position_embeddings": 77}
    schedule = {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    seed("model_json", "sdxl", parts(index, schedule, vae, unet, text, text))
    demo = ["model_index", "scheduler/scheduler_config", "vae_decoder/config", "unet/config"]
    files = [(ROOT / f"models/demo/{name}.json").read_bytes() for name in demo]
    seed("model_json", "demo", parts(*files, text, text))
    one = {"text_encoder": names, "text_encoder_2": [None, None], "requires_aesthetics_score": True}
    for spacing in ["leading", "trailing", "linspace"]:
        spaced = schedule | {"timestep_spacing": spacing, "steps_offset": 1, "solver_order": 3, "solver_type": "heun"}
        seed("model_json", spacing, parts(one, spaced, vae, unet, text))
    cosine = schedule | {"beta_schedule": "squaredcos_cap_v2", "final_sigmas_type": "sigma_min", "use_karras_sigmas": True}
    wide = vae | {"latents_mean": [0, 1, 2, 3], "latents_std": [1, 1, 1, 1], "shift_factor": 0.1}
    seed("model_json", "cosine", parts(one, cosine | {"prediction_type": "v_prediction"}, wide, unet, text))
    betas = {"num_train_timesteps": 6, "trained_betas": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], "lower_order_final": False}
    seed("model_json", "betas", parts(one, betas | {"prediction_type": "sample"}, vae, unet, text))
    huge = {"num_train_timesteps": 10**18}
    seed("model_json", "huge-schedule", parts(one, huge, vae, unet, text))
    seed("model_json", "huge-image", parts(one, schedule, vae, unet | {"sample_size": 2**63 - 1}, text))
    seed("model_json", "broken", parts(index, {"num_train_timesteps": 1}, vae, b"{", text))
    # As Python and diffusers write them.
    python = b'\xef\xbb\xbf{"_class_name": "UniPCMultistepScheduler", "solver_type": "bh2", "lambda_min_clipped": -Infinity, '
    python += b'"num_train_timesteps": 1000.0, "prediction_type": null, "sigma_max": null, "x": [NaN, "NaN \\" Infinity"]}'
    seed("model_json", "python", parts(one, python, vae, unet | {"sample_size": [8, 8]}, text))
    deis = schedule | {"_class_name": "DEISMultistepScheduler", "solver_type": "logrho", "algorithm_type": "deis"}
    seed("model_json", "deis", parts(one, deis, {"block_out_channels": [1, 2.0]}, {}, text))
    zero = schedule | {"rescale_betas_zero_snr": True, "prediction_type": "v_prediction", "timestep_spacing": "trailing"}
    seed("model_json", "zero-snr", parts(one, zero, vae, unet | {"sample_size": None}, {}))
    flat = {"rescale_betas_zero_snr": True, "beta_start": 0.0, "beta_end": 0.0, "num_train_timesteps": 2}
    seed("model_json", "zero-snr-flat", parts(one, flat, vae, unet, text))
    other = schedule | {"_class_name": "FlowMatchEulerDiscreteScheduler", "use_flow_sigmas": True, "sigma_min": 0.002}
    other |= {"thresholding": True, "clip_sample": True, "timestep_type": "continuous", "lambda_min_clipped": -5.1}
    seed("model_json", "other-kind", parts(one | {"_class_name": "FluxPipeline"}, other, vae, unet, text))


def graph():
    def field(number, content):
        length, size = len(content), b""
        while length >= 0x80:
            size, length = size + bytes([length & 0x7F | 0x80]), length >> 7
        tag = number << 3 | 2
        tag = bytes([tag]) if tag < 0x80 else bytes([tag & 0x7F | 0x80, tag >> 7])
        return tag + size + bytes([length]) + content

    def tensor(location, offset=0, length=64):
        entries = {"location": location, "offset": str(offset), "length": str(length)}
        pairs = [field(13, field(1, key.encode()) + field(2, value.encode())) for key, value in entries.items()]
        return b"\x08\x10\x10\x01" + field(8, b"w") + b"".join(pairs) + b"\x70\x01"

    def attribute(number, content):
        return field(1, field(5, field(number, content)))

    top = field(5, tensor("model.onnx_data")) + field(15, field(1, tensor("values")) + field(2, tensor("indices")))
    seed("graph", "plain", b"\x08\x08" + field(7, field(5, tensor("model.onnx_data"))))
    seed("graph", "inline", field(7, field(5, field(8, b"w") + field(9, bytes(300)))))
    nested = attribute(6, field(5, tensor("sub/w.bin"))) + attribute(10, tensor("../w", 4096)) + attribute(5, tensor("/w"))
    sparse = attribute(22, field(1, tensor("a"))) + attribute(23, field(2, tensor("b")))
    function = field(25, field(7, field(5, field(5, tensor("f")))) + field(11, field(5, tensor("g"))))
    seed("graph", "everywhere", field(7, top + nested + sparse) + function + field(20, field(1, top)))
    seed("graph", "group", b"\xf3\x01" + field(5, b"?") + b"\xf4\x01" + field(7, field(5, tensor("w"))))
    deep = field(5, tensor("deep"))
    for _ in range(30):
        deep = attribute(6, deep)
    seed("graph", "deep", field(7, deep))
    seed("graph", "cut", field(7, field(5, tensor("w")))[:-9])


def tokenizer():
    def parts(settings, prompt, vocabulary=None, merges="", special=None, whole=None):
        text = lambda value: "" if value is None else json.dumps(value)
        values = [text(settings), prompt, text(vocabulary), merges, text(special), text(whole)]
        return "\0".join(values).encode()

    framed = ["<|startoftext|>", "<|endoftext|>"]
    pieces = ["a", "b", "c", "a</w>", "b</w>", "c</w>", "ab", "abc</w>", *framed]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    merges = "#version: 0.2\na b\nab c</w>\n"
    settings = {"bos_token": framed[0], "eos_token": {"content": framed[1]}, "model_max_length": 8}
    seed("tokenizer", "pair", parts(settings, "abc a b, it's 42", vocabulary, merges))
    seed("tokenizer", "special", parts({}, "Äbc ab", vocabulary, merges, {"pad_token": "c", "unk_token": "a"}))
    seed("tokenizer", "long", parts({"model_max_length": 1e30}, "abc " * 60, vocabulary, merges))
    added = [{"id": n, "content": t, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": True} for n, t in enumerate(framed, 8)]
    model = {"type": "BPE", "dropout": None, "unk_token": framed[1], "continuing_subword_prefix": "",
             "end_of_word_suffix": "</w>", "fuse_unk": False, "vocab": vocabulary, "merges": ["a b", "ab c</w>"]}
    split = {"type": "Split", "pattern": {"Regex": "[a-z]+|[^\\s]"}, "behavior": "Removed", "invert": True}
    bytes_ = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    whole = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
             "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}]},
             "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, bytes_]},
             "post_processor": None, "decoder": None, "model": model}
    seed("tokenizer", "whole", parts(settings, "abc a b", whole=whole))
    flags = {"lstrip": True, "rstrip": False, "normalized": True, "single_word": False, "special": False}
    more = settings | {"added_tokens_decoder": {"10": {"content": "<cat>"} | flags}, "model_max_length": "8"}
    seed("tokenizer", "added", parts(more, "a <cat> <CAT>abc", vocabulary, merges))
    seed("tokenizer", "old-mac", parts(settings, "abc", vocabulary, merges.replace("\n", "\r")))
    seed("tokenizer", "no-merges", parts(settings, "abc", vocabulary, ""))
    cut = {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    seed("tokenizer", "whole-cut", parts({}, "a b c", whole=whole | {"truncation": cut, "pre_tokenizer": None}))
    words = {"type": "WordLevel", "vocab": {"a": 0, framed[0]: 1, framed[1]: 2}, "unk_token": framed[1]}
    plain = {"version": "1.0", "added_tokens": [], "model": words, "pre_tokenizer": {"type": "Whitespace"}}
    seed("tokenizer", "words", parts({}, "a b", whole=plain))


def image_decode():
    for path in sorted((ROOT / "tests/golden/imaging").glob("decode-*")):
        if "expect" not in path.name:
            seed("image_decode", path.name.removeprefix("decode-"), path.read_bytes())

    def tiff(order, compression, strip, depth=8):
        entries = [(256, 4), (257, 2), (258, depth), (259, compression), (262, 1), (273, 8), (277, 1), (278, 2),
                   (279, len(strip))]
        mark = b"II*\0" if order == "<" else b"MM\0*"
        strip += bytes(len(strip) % 2)
        table = b"".join(struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in entries)
        start = struct.pack(order + "I", 8 + len(strip))
        return mark + start + strip + struct.pack(order + "H", len(entries)) + table + bytes(4)

    grey = bytes(range(8))
    seed("image_decode", "plain.tiff", tiff("<", 1, grey))
    seed("image_decode", "deflate.tiff", tiff(">", 8, zlib.compress(grey)))
    seed("image_decode", "packbits.tiff", tiff("<", 32773, b"\x07" + grey))
    seed("image_decode", "deep.tiff", tiff("<", 1, grey * 2, 16))
    huge = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    seed("image_decode", "huge.png", huge + struct.pack(">I", zlib.crc32(huge[12:])))
    rows = zlib.compress(b"".join(bytes([filter_]) + grey[:3] * 2 for filter_ in range(5)))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 5, 8, 2, 0, 0, 0))
    seed("image_decode", "filters.png", b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b""))


def jpeg_decode():
    """One or two of each kind that tests/python/check_jpeg.py writes, without their start."""
    sys.path.insert(0, str(ROOT / "tests/python"))
    import check_jpeg

    kinds = ["base-2x2-1x1-1x1", "base-1x1-2x2", "base-3x1", "base-3x2", "prog-1x1", "scans-0_1_2", "scans-2_01",
             "script-111", "colour-1-0-", "four-0-2", "grey-p-2x2", "odd-zero", "odd-thumbnail", "frame-c3",
             "frame-12", "frame-no", "mjpeg"]
    taken = dict.fromkeys(kinds)
    for name, jpeg in check_jpeg.files(False):
        for kind in kinds:
            if name.startswith(kind) and (taken[kind] is None or len(jpeg) < len(taken[kind])):
                taken[kind] = jpeg
    for kind, jpeg in taken.items():
        seed("jpeg_decode", kind.rstrip("-"), jpeg.removeprefix(b"\xff\xd8"))


def record():
    import pyarrow as pa
    import pyarrow.parquet as pq

    def table(columns, metadata, **options):
        schema = pa.schema([pa.field(name, kind, nullable=None in values) for name, kind, values in columns], metadata)
        arrays = [pa.array(values, kind) for _, kind, values in columns]
        out = io.BytesIO()
        pq.write_table(pa.Table.from_arrays(arrays, schema=schema), out, store_schema=True, **options)
        return out.getvalue()

    output = {"file": "encode/x.parquet", "bytes": 3, "xxh3": "0" * 16}
    receipt = {"version": 1, "unit": "encode/x", "fingerprint": "f", "settings": {"encode.size": 32}, "outputs": [output],
               "samples": 3, "faults": [{"shard": "s", "key": "k", "reason": "r"}], "log": ["l"], "seconds": 0.5}
    run = {"program": "p", "pipeline": "p.toml", "settings": {}, "runtime": {}, "stages": {"encode": {"units": 1}}}
    seed("record", "receipt", b"\0" + json.dumps(receipt).encode())
    for name, file in [("up", "../outside"), ("root", "/etc/hostname"), ("dots", "encode/../../outside")]:
        seed("record", f"receipt-{name}", b"\0" + json.dumps(receipt | {"outputs": [output | {"file": file}]}).encode())
    seed("record", "run", b"\0" + json.dumps(run).encode())

    text, u32, u64, f32, f64 = pa.string(), pa.uint32(), pa.uint64(), pa.float32(), pa.float64()
    place = [("key", text, ["a", "b"]), ("shard", text, ["s", "s"])]
    cores = [("rank", u32, [0, 1]), *place, ("offset", u64, [0, 512]), ("origin", text, ["x", "y"]),
             ("cluster_size", u64, [3, 4]), ("probability", f64, [0.5, 1]), ("row", u64, [0, 1])]
    seed("record", "cores", b"\1" + table(cores, {"coda.kind": "cores"}, compression="zstd"))
    purity = [("class", text, ["a", "b"]), ("row", u64, [0, 0]), *place, ("purity", f32, [0.5, 1]),
              ("other", f32, [0.5, 0]), ("core_distance", f32, [2, None]), ("kept", pa.bool_(), [True, False]),
              ("reason", text, ["", "wrong label"])]
    seed("record", "purity", b"\2" + table(purity, {"coda.kind": "purity"}, compression="none"))
    shape = {"coda.latent.dtype": "f16", "coda.latent.shape": "1,1,2", "coda.latent.byte_order": "little"}
    latent = ("latent", pa.binary(4), [b"abcd", b"efgh"])
    seed("record", "anchors", b"\3" + table([("rank", u32, [0, 1]), *place, latent], shape, compression="snappy"))
    parts = [*place, ("class", text, ["c", "d"]), ("offset", u64, [0, 512]), latent]
    for name, runs in [("latents", '[["c",0,1],["d",1,1]]'), ("latents-beyond", '[["c",0,9],["d",18446744073709551615,1]]')]:
        seed("record", name, b"\5" + table(parts, shape | {"coda.classes": runs}, compression="none", use_dictionary=False))
    other = shape | {"coda.latent.shape": "4294967296,4294967296,4", "coda.classes": "[]"}
    seed("record", "latents-shape", b"\5" + table(parts, other, compression="none"))


if __name__ == "__main__":
    shutil.rmtree(CORPUS, ignore_errors=True)
    for make in [tar_reader, grouping, config, class_list, model_json, graph, tokenizer, image_decode, jpeg_decode, record]:
        make()

"""Printed digits: renderings of the installed fonts, more turned, sheared and scaled than the demo's model has seen.

Fonts are kept apart by the first word of their family's name: no weight or slope of a tested family is distilled.
"""

import random
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts", "/Library/Fonts",
           "/System/Library/Fonts", "C:/Windows/Fonts")
UNSUITED = ("symbol", "dingbat", "d050000l", "emoji", "math", "mono-bi")  # their digits are no digits
LEAST = 100
SIDE = 32
CANVAS = 128
PACKAGES = """dejavu liberation freefont-ttf urw-base35 texgyre linuxlibertine lato roboto open-sans cabin cantarell
comic-neue ebgaramond junicode jura dosis quicksand lobster lobstertwo dancingscript breip crosextra-caladea
crosextra-carlito hack firacode inconsolata league-mono league-spartan sil-charis sil-doulos sil-gentium sil-andika
adf-accanthis adf-baskervald adf-berenis adf-gillius adf-ikarius adf-irianis adf-libris adf-mekanus adf-oldania
adf-romande adf-solothurn adf-switzera adf-tribun adf-universalis adf-verana"""


def families():
    """Paths of installed fonts that have ten different digits, by family."""
    found = {}
    for folder in FOLDERS:
        for path in sorted(Path(folder).expanduser().rglob("*")):
            if path.suffix.lower() in (".ttf", ".otf") and not any(word in path.name.lower() for word in UNSUITED):
                family = family_of(str(path))
                if family:
                    found.setdefault(family, []).append(str(path))
    return found


def family_of(path):
    """The first word of the family's name; nothing of a font without digits."""
    try:
        font = ImageFont.truetype(path, 20)
        digits = {bytes(font.getmask(digit)) for digit in "0123456789"}
    except (OSError, ValueError):
        return None
    words = (font.getname()[0] or "").lower().split()
    return words[0] if words and len(digits) == 10 else None


def split():
    """Families to distil, to tune on and to report on: a third each, drawn by a fixed seed."""
    found = families()
    count = sum(map(len, found.values()))
    print(f"print: {count} fonts of {len(found)} families with digits")
    if count < LEAST:
        names = " ".join(f"fonts-{name}" for name in PACKAGES.split())
        raise SystemExit(f"print: the bed needs at least {LEAST} fonts. Debian and Ubuntu have these:\n"
                         f"apt-get install --no-install-recommends {names}")
    order = sorted(found)
    random.Random(1).shuffle(order)
    return [[found[family] for family in order[part::3]] for part in range(3)]


def render(families, label, rng):
    """One digit in a font of one of the families, SIDE × SIDE, white on black."""
    while True:
        image = glyph(rng.choice(rng.choice(families)), str(label), rng)
        if image is not None and image.max() > 100:
            return image


def glyph(path, text, rng):
    font = ImageFont.truetype(path, rng.randint(60, 84))
    left, top, right, bottom = font.getbbox(text)
    if min(right - left, bottom - top) < 3:
        return None
    middle = CANVAS / 2
    image = Image.new("L", (CANVAS, CANVAS))
    ImageDraw.Draw(image).text((middle - (left + right) / 2, middle - (top + bottom) / 2), text, 255, font=font)
    scale, angle, shear = rng.uniform(0.8, 1.5), np.deg2rad(rng.uniform(-25, 25)), rng.uniform(-0.25, 0.25)
    cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
    x, y = middle + rng.uniform(-10, 10), middle + rng.uniform(-10, 10)
    matrix = (cos, sin + shear, middle - cos * x - (sin + shear) * y, -sin, cos, middle + sin * x - cos * y)
    turned = image.transform((CANVAS, CANVAS), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return np.asarray(turned.resize((SIDE, SIDE), Image.Resampling.LANCZOS))

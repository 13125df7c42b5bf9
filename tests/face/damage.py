"""Decode damaged pictures of one format after another. Run as a program, since the faults it looks for end the process.

usage: python -m tests.face.damage FILES_OF_EACH_FORMAT [FORMAT ...]
"""

import io
import random
import sys
import zlib
from pathlib import Path

import matplotlib
from PIL import Image

from bqat_pipeline.face.errors import SourceError
from bqat_pipeline.face.picture.decode import decode
from bqat_pipeline.face.picture.probe import FORMATS, probe

_LIMIT = 4_000_000
_TAGS_OF_TIFF = 400  # bytes; at the end of what Pillow writes


def seeds(kind: str) -> list[bytes]:
    """Undamaged pictures of a format, in its variants."""
    path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    image = Image.open(path).convert("RGB").resize((64, 80))
    alpha = image.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(image.size))
    deep = image.convert("L").point(lambda value: value * 257, "I").convert("I;16")
    options: dict[str, list[tuple[Image.Image, dict[str, object]]]] = {
        "JPEG": [(image, {}), (image, {"progressive": True}), (image.convert("L"), {}), (image.convert("CMYK"), {})],
        "MPO": [(image, {"save_all": True, "append_images": [image]})],
        "PNG": [(image, {}), (alpha, {}), (deep, {}), (image.convert("1"), {}), (image.convert("P"), {})],
        "WEBP": [(image, {}), (alpha, {}), (image, {"lossless": True})],
        "JPEG2000": [(image, {"no_jp2": True}), (image, {}), (alpha, {}), (image.convert("L"), {"irreversible": True})],
        "TIFF": [
            (image, {}),
            *((image, {"compression": c}) for c in ("tiff_lzw", "jpeg", "tiff_deflate", "packbits")),
            (image.convert("1"), {"compression": "group4"}),
            (deep, {"compression": "tiff_lzw"}),
            (image.convert("CMYK"), {}),
        ],
        "GIF": [(image, {}), (image, {"save_all": True, "append_images": [image.rotate(9)]})],
        "AVIF": [(image, {}), (alpha, {})],
        "BMP": [(image, {}), (image.convert("P"), {}), (image.convert("1"), {})],
        "ICO": [(alpha, {})],
        "TGA": [(image, {}), (alpha, {"compression": "tga_rle"})],
        "PPM": [(image, {}), (image.convert("1"), {}), (deep, {})],
        "HEIF": [(image, {}), (alpha, {})],
    }
    found = []
    for picture, keywords in options[kind]:
        buffer = io.BytesIO()
        picture.save(buffer, kind, **keywords)  # type: ignore[arg-type]
        found.append(buffer.getvalue())
    return found


def damaged(content: bytes, chance: random.Random, kind: str) -> bytes:
    """A picture with a few bytes changed, mostly where its tables are, or cut short."""
    data = bytearray(content)
    first = max(0, data.find(b"\xff\x51")) + 4 if kind == "JPEG2000" else 4
    if kind == "TIFF" and chance.random() < 0.5:
        first = max(4, len(data) - _TAGS_OF_TIFF)
    last = min(len(data), first + chance.choice((60, 160, _TAGS_OF_TIFF, len(data))))
    for _ in range(chance.choice((1, 1, 2, 4))):
        data[chance.randrange(first, max(last, first + 1))] = chance.choice((0, 1, 255, 128, chance.randrange(256)))
    if chance.random() < 0.25:
        del data[chance.randrange(first, len(data)) :]
    return _with_checksums(data) if kind == "PNG" and chance.random() < 0.75 else bytes(data)


def _with_checksums(data: bytearray) -> bytes:
    """A PNG whose chunks have correct checksums, so that the decoder does not stop at those."""
    place = 8
    while place + 12 <= len(data):
        end = place + 8 + int.from_bytes(data[place : place + 4], "big")
        if end + 4 > len(data):
            break
        data[end : end + 4] = zlib.crc32(data[place + 4 : end]).to_bytes(4, "big")
        place = end + 4
    return bytes(data)


def main() -> None:
    each, kinds = int(sys.argv[1]), sys.argv[2:] or ["MPO", *FORMATS]
    for kind in kinds:
        chance, originals, read = random.Random(f"bqat {kind}"), seeds(kind), 0
        for number in range(each):
            content = damaged(chance.choice(originals), chance, kind)
            print(f"\r{kind} {number}", end="", flush=True)  # says after a death which one it was
            try:
                decode(content, probe(content, _LIMIT))
                read += 1
            except SourceError:
                continue
        print(f"\r{kind}: {each} files, {read} read", flush=True)


if __name__ == "__main__":
    main()

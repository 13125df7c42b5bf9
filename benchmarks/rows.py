"""Rows of the public set: kept in the repository, and compared column by column with those of now.

A line for each column, so that a difference between two versions shows which columns moved.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bqat_pipeline.columns import FACE
from bqat_pipeline.columns.model import Column

STORED = Path(__file__).parent / "stored" / "rows.jsonl"

_HASHES = ("phash256", "aux_face_hash")
_SENTENCES = ("reason", "verdict_reasons", "warnings")

# Of the place and the bytes of a file, which the recipe of the set decides and not the engine.
_OF_THE_FILE = ("folder", "modified", "file_size", "sha256")

# The last of the 6 digits to which values are stored.
_DIGIT = 2e-6

# Between processors and versions of the libraries, the nets and the resampling differ a little: docs/benchmarks.md has what was seen.
_BY_UNIT: dict[str, float] = {"deg": 1.5, "0..1": 0.06, "0..100": 5.0, "1..100": 1.0, "0..255": 0.5, "0..127.5": 0.5}
_PX, _PX_SHARE = 1.5, 0.03
_SHARE, _ABSOLUTE = 0.1, 0.02
_BITS = 12  # of the 256 or 288 of a hash
_COLOUR = 3.0  # of 255, in a channel
_BY_COLUMN = {"aux_sharpness": (0.1, 4.0)}  # share and absolute; it measures what resampling leaves
_BY_SHARPNESS = ("aux_effective_eye_distance",)  # px, and as uncertain as the sharpness from which it follows

Row = dict[str, Any]


@dataclass(frozen=True)
class Rows:
    """Rows of a set of files.

    Attributes
    ----------
    rows : By the file's path within the set.
    origin : Engine version, versions, machine: simple values.
    """

    rows: Mapping[str, Row]
    origin: Mapping[str, Any]


@dataclass(frozen=True)
class Move:
    """How far a column moved.

    Attributes
    ----------
    column : Its name.
    beyond : Files in which it moved by more than the tolerance, with the stored value and that of now.
    within : Number of other files in which it moved.
    most : Largest difference of numbers, in the column's unit; bits for hashes; None where nothing can be subtracted.
    allowed : The tolerance there, in words.
    """

    column: str
    beyond: list[tuple[str, Any, Any]]
    within: int
    most: float | None
    allowed: str


@dataclass(frozen=True)
class Difference:
    """All that differs between two sets of rows.

    Attributes
    ----------
    moves : Columns that moved, those beyond their tolerance first.
    lost, new : Files with a row on one side only.
    columns_lost, columns_new : Columns on one side only.
    other_bytes : Files whose bytes differ, since another library wrote them.
    """

    moves: list[Move]
    lost: list[str]
    new: list[str]
    columns_lost: list[str]
    columns_new: list[str]
    other_bytes: list[str]

    @property
    def failed(self) -> bool:
        """Whether a row was lost, a column was lost, or a value moved beyond its tolerance."""
        return bool(self.lost or self.columns_lost or any(move.beyond for move in self.moves))


def tolerance(column: Column, value: float, *, same_place: bool) -> float:
    """How far a number may be from the stored one, in its unit.

    Parameters
    ----------
    value : The stored number.
    same_place : Whether processor, engine and library versions are those of the stored rows. Then only the last of the 6 stored
        digits may differ, and whole numbers not at all. Else by unit: 1.5 deg, 1.5 px or 3 % if that is more, 0.06 of
        0..1, 5 of 0..100, 0.5 grey levels; other numbers 10 % and 0.02.
    """
    if same_place:
        return 0.0 if column.type == "int" else _DIGIT * abs(value)
    if column.unit == "px" and column.name not in _BY_SHARPNESS:
        return max(_PX, _PX_SHARE * abs(value))
    share, absolute = _BY_COLUMN.get(column.name, (_SHARE, _ABSOLUTE))
    return _BY_UNIT.get(column.unit, share * abs(value) + absolute)


def compare(now: Rows, stored: Rows, *, same_place: bool) -> Difference:
    """Rows of now beside the stored ones.

    Parameters
    ----------
    same_place : As for ``tolerance``.
    """
    both = [name for name in stored.rows if name in now.rows]
    old_columns, new_columns = _columns(stored.rows), _columns(now.rows)
    moves = [
        move
        for name in old_columns
        if name in new_columns and name not in _OF_THE_FILE
        if (move := _move(name, [(f, stored.rows[f].get(name), now.rows[f].get(name)) for f in both], same_place))
    ]
    return Difference(
        moves=sorted(moves, key=lambda move: -len(move.beyond)),
        lost=[name for name in stored.rows if name not in now.rows],
        new=[name for name in now.rows if name not in stored.rows],
        columns_lost=[name for name in old_columns if name not in new_columns],
        columns_new=[name for name in new_columns if name not in old_columns],
        other_bytes=[name for name in both if stored.rows[name].get("sha256") != now.rows[name].get("sha256")],
    )


def report(difference: Difference, files: int) -> str:
    """The differences in lines for people: what moved, by how much, in how many rows."""
    d = difference
    lines = []
    for word, names in (
        ("row lost", d.lost),
        ("row new", d.new),
        ("column lost", d.columns_lost),
        ("column new", d.columns_new),
    ):
        lines += [f"{word}: {name}" for name in names]
    if d.other_bytes:
        lines.append(
            f"{len(d.other_bytes)} of {files} files have other bytes than the stored ones: another library wrote them."
        )
    for move in d.moves:
        most = f", at most by {move.most:.3g}" if move.most is not None else ""
        if move.beyond:
            lines.append(f"MOVED {move.column}: in {len(move.beyond)} of {files} rows beyond {move.allowed}{most}")
            lines += [f"      {name}: {_short(old)} -> {_short(new)}" for name, old, new in move.beyond[:3]]
    within = [move for move in d.moves if not move.beyond]
    if within:
        lines.append(
            f"{len(within)} further columns moved within their tolerance: {', '.join(move.column for move in within)}"
        )
    if not d.failed:
        lines.append(f"All {files} rows are as stored{', within the tolerances' if d.moves else ''}.")
    return "\n".join(lines)


def load(path: Path = STORED) -> Rows | None:
    """The stored rows; None when there are none."""
    if not path.is_file():
        return None
    head, *columns = [json.loads(line) for line in path.read_text().splitlines()]
    files = head.pop("files")
    values = {column["column"]: column["values"] for column in columns}
    return Rows({file: {name: values[name][place] for name in values} for place, file in enumerate(files)}, head)


def store(rows: Rows, path: Path = STORED) -> Path:
    """Write rows, and return the file."""
    files = sorted(rows.rows)
    lines = [json.dumps({**rows.origin, "files": files})]
    for name in _columns(rows.rows):
        lines.append(json.dumps({"column": name, "values": [rows.rows[file].get(name) for file in files]}))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def _columns(rows: Mapping[str, Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows.values() for name in row))


def _move(name: str, values: Sequence[tuple[str, Any, Any]], same_place: bool) -> Move | None:
    column = FACE.get(name) or Column(name, "string", "")
    beyond, within, most = [], 0, None
    for file, old, new in values:
        if old == new:
            continue
        distance = _distance(column, old, new)
        if distance is not None:
            most = max(most or 0.0, distance)
        if distance is not None and distance <= _allowed(column, old, same_place):
            within += 1
        else:
            beyond.append((file, old, new))
    return Move(name, beyond, within, most, _in_words(column, same_place)) if beyond or within else None


def _distance(column: Column, old: Any, new: Any) -> float | None:
    """Difference of two values that differ; None where one is missing or nothing can be subtracted."""
    if old is None or new is None or isinstance(old, bool) or isinstance(new, bool):
        return None
    if column.type in ("int", "float"):
        return abs(new - old)
    if column.name in _HASHES and len(old) == len(new):
        return float((int(old, 16) ^ int(new, 16)).bit_count())
    if column.name == "aux_background_colour":
        channels = zip(bytes.fromhex(old[1:]), bytes.fromhex(new[1:]), strict=True)
        return float(max(abs(o - n) for o, n in channels))
    if column.type == "boxes" and len(old) == len(new):
        sides = ("left", "upper", "right", "lower")
        return max((float(abs(o[s] - n[s])) for o, n in zip(old, new, strict=True) for s in sides), default=0.0)
    if column.name in _SENTENCES and _wording(old) == _wording(new):
        return 0.0
    return None


def _wording(sentences: Any) -> list[str]:
    """What sentences are about: the quantity in brackets, whose value has a column of its own, else the words without numbers."""
    parts = [sentences] if isinstance(sentences, str) else sentences
    named = [re.search(r"\(([a-z][a-z -]*[a-z]) -?\d", part) for part in parts]
    return [
        name.group(1) if name else re.sub(r"\d+(\.\d+)?", "0", part) for name, part in zip(named, parts, strict=True)
    ]


def _allowed(column: Column, old: Any, same_place: bool) -> float:
    if column.type in ("int", "float"):
        return tolerance(column, old, same_place=same_place)
    if same_place:
        return -1.0
    if column.name in _HASHES:
        return _BITS
    return _COLOUR if column.name == "aux_background_colour" else _PX if column.type == "boxes" else 0.0


def _in_words(column: Column, same_place: bool) -> str:
    if same_place:
        return "the last of 6 digits" if column.type == "float" else "equality"
    if column.type not in ("int", "float"):
        words = {"aux_background_colour": f"{_COLOUR:g} of 255", **dict.fromkeys(_HASHES, f"{_BITS} bits")}
        return words.get(column.name, f"{_PX:g} px" if column.type == "boxes" else "equality")
    if column.unit == "px" and column.name not in _BY_SHARPNESS:
        return f"{_PX:g} px and {_PX_SHARE:.0%}"
    if column.unit in _BY_UNIT:
        return f"{_BY_UNIT[column.unit]:g} {column.unit}"
    share, absolute = _BY_COLUMN.get(column.name, (_SHARE, _ABSOLUTE))
    return f"{share:.0%} and {absolute:g}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 90 else text[:87] + "..."

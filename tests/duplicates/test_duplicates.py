from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from bqat_pipeline.datasets import Generation, Location
from bqat_pipeline.duplicates import DuplicateOptions, write_duplicates
from bqat_pipeline.duplicates.groups import group_around_keepers
from bqat_pipeline.duplicates.hashes import distance, from_hex
from bqat_pipeline.duplicates.pairs import Pairs, near_pairs
from bqat_pipeline.face.picture.identity import phash256
from bqat_pipeline.face.picture.pyramid import Pyramid

RANDOM = np.random.default_rng(0)


def flipped(phash: bytes, *bits: int) -> bytes:
    changed = bytearray(phash)
    for bit in bits:
        changed[bit // 8] ^= 0x80 >> (bit % 8)
    return bytes(changed)


def row(number: int, sha: bytes | None, phash: bytes | None, **more: object) -> dict:
    return {
        "row": number,
        "file": f"data/set/{number}.jpg",
        "status": "ok",
        "sha256": sha.hex() if sha else None,
        "phash256": phash.hex() if phash else None,
        "image_width": 300,
        "image_height": 400,
        "file_size": 1000,
        "verdict": "pass",
    } | more


def found(rows: list[dict], folder: Path, **options: object) -> tuple[dict, dict[int, dict]]:
    profiles = ds.dataset(pa.Table.from_pylist(rows))
    summary = write_duplicates(profiles, Generation("set", Location.parse(folder)), DuplicateOptions(**options))  # type: ignore[arg-type]
    return summary, {r["row"]: r for r in pq.read_table(folder / "duplicates.parquet").to_pylist()}


HASHES = [RANDOM.bytes(32) for _ in range(8)]
SHAS = [RANDOM.bytes(32) for _ in range(8)]


def test_the_same_bytes_are_exact_copies_of_the_first_file(tmp_path: Path) -> None:
    rows = [row(0, SHAS[0], HASHES[0]), row(1, SHAS[1], HASHES[1]), row(2, SHAS[0], HASHES[0])]
    summary, members = found(rows, tmp_path)
    assert set(members) == {0, 2}
    assert members[0]["keeper"] and not members[2]["keeper"]
    assert (members[2]["kind"], members[2]["distance"], members[2]["file"]) == ("exact", 0, "data/set/2.jpg")
    assert (summary["groups"], summary["exact_copies"], summary["near_copies"]) == (1, 1, 0)


def test_near_copies_keep_the_best_verdict_and_px_count_where_nothing_says_more(tmp_path: Path) -> None:
    rows = [
        row(0, SHAS[0], HASHES[0], image_width=100),
        row(1, SHAS[1], flipped(HASHES[0], 200, 201), verdict="fail", image_width=3000),
        row(2, SHAS[2], flipped(HASHES[0], 255)),
    ]
    _, members = found(rows, tmp_path)
    assert [members[i]["keeper"] for i in range(3)] == [False, False, True]
    assert [members[i]["distance"] for i in range(3)] == [1, 3, 0]
    assert {m["kind"] for m in members.values()} == {"near"}
    assert len({m["group"] for m in members.values()}) == 1


def test_exact_copies_follow_into_the_group_of_a_near_copy(tmp_path: Path) -> None:
    near = flipped(HASHES[0], 250)
    rows = [
        row(0, SHAS[0], HASHES[0], image_width=50),
        row(1, SHAS[1], near),
        row(2, SHAS[0], HASHES[0], image_width=50),
        row(3, SHAS[1], near),
    ]
    summary, members = found(rows, tmp_path)
    assert {m["group"] for m in members.values()} == {0}
    assert [members[i]["kind"] for i in range(4)] == ["near", "near", "exact", "exact"]
    assert [members[i]["keeper"] for i in range(4)] == [False, True, False, False]
    assert (summary["near_copies"], summary["exact_copies"], summary["could_be_dropped"]) == (1, 2, 3)


def test_every_member_is_near_its_keeper_and_a_chain_is_not_one_group(tmp_path: Path) -> None:
    chain = [HASHES[0]]
    for step in range(1, 6):  # each 12 bits from the one before, all among the high frequencies
        chain.append(flipped(chain[-1], *range(128 + 12 * step, 140 + 12 * step)))
    rows = [row(i, SHAS[i], h) for i, h in enumerate(chain)]
    _, members = found(rows, tmp_path)
    keepers = {m["group"]: i for i, m in members.items() if m["keeper"]}
    assert len(keepers) > 1
    for i, member in members.items():
        keeper = chain[keepers[member["group"]]]
        bits = distance(np.frombuffer(chain[i], np.uint8)[None], np.frombuffer(keeper, np.uint8)[None])[0]
        assert bits == member["distance"] <= 16


def test_strangers_missing_hashes_and_blank_pictures_are_no_copies(tmp_path: Path) -> None:
    rows = [row(i, SHAS[i], HASHES[i]) for i in range(4)]
    rows += [row(4, None, None), row(5, None, None), row(6, SHAS[6], bytes(32)), row(7, SHAS[7], flipped(bytes(32), 0))]
    rows += [row(8, None, None, sha256="not a hash", phash256="zz" * 32)]
    summary, members = found(rows, tmp_path)
    assert members == {}
    assert summary["groups"] == 0


def test_near_search_can_be_left_out_and_says_when_the_set_is_too_large(tmp_path: Path) -> None:
    rows = [row(0, SHAS[0], HASHES[0]), row(1, SHAS[1], HASHES[0]), row(2, SHAS[0], HASHES[0])]
    summary, members = found(rows, tmp_path, near=False)
    assert set(members) == {0, 2}
    assert summary["note"] is None
    summary, members = found(rows, tmp_path, limit=2)
    assert set(members) == {0, 2}
    assert "limit is 2" in summary["note"]


def test_an_empty_data_set_and_one_of_another_engine_give_an_empty_table(tmp_path: Path) -> None:
    empty = pa.Table.from_pylist([row(0, SHAS[0], HASHES[0])]).slice(0, 0)
    for table in (empty, pa.table({"file": ["a", "b"], "status": ["ok", "ok"]})):
        assert write_duplicates(ds.dataset(table), Generation("set", Location.parse(tmp_path)))["groups"] == 0
        assert pq.read_table(tmp_path / "duplicates.parquet").num_rows == 0


def test_re_encoded_resized_and_brightened_copies_of_a_portrait_are_found(tmp_path: Path) -> None:
    portrait, stranger = data.astronaut(), data.cat()
    jpeg = cv2.imdecode(cv2.imencode(".jpg", portrait, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_COLOR)
    half = cv2.resize(portrait, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    brighter = cv2.add(portrait, np.full_like(portrait, 20))
    pictures = [portrait, jpeg, half, brighter, stranger]
    rows = [
        row(i, SHAS[i], bytes.fromhex(phash256(Pyramid(p, (p.shape[1], p.shape[0]))))) for i, p in enumerate(pictures)
    ]
    _, members = found(rows, tmp_path)
    assert set(members) == {0, 1, 2, 3}


@settings(max_examples=30, deadline=None)
@given(bits=st.lists(st.integers(0, 255), min_size=0, max_size=16, unique=True), seed=st.integers(0, 1000))
def test_pairs_within_the_limit_are_found_when_few_low_frequencies_changed(bits: list[int], seed: int) -> None:
    r = np.random.default_rng(seed)
    hashes = [r.bytes(32) for _ in range(40)]
    low = [b for b in bits if b // 16 < 8 and b % 16 < 8]
    kept = [b for b in bits if b not in low[4:]]
    hashes.append(flipped(hashes[0], *kept))
    array = np.frombuffer(b"".join(hashes), np.uint8).reshape(-1, 32)
    pairs = near_pairs(array, 16)
    assert list(zip(pairs.first.tolist(), pairs.second.tolist(), pairs.distance.tolist(), strict=True)) == [
        (0, 40, len(kept))
    ]


def test_large_buckets_are_capped_and_counted() -> None:
    r = np.random.default_rng(0)
    array = np.frombuffer(r.bytes(200 * 32), np.uint8).reshape(-1, 32).copy()
    array[:, 0:16:2] = array[0, 0:16:2]  # the same low frequencies everywhere
    pairs = near_pairs(array, 16, bucket=5)
    assert pairs.capped > 100
    assert near_pairs(array, 16, bucket=300).capped == 0


def test_stars_prefer_the_first_rank() -> None:
    pairs = Pairs(np.array([0, 0, 1]), np.array([1, 2, 2]), np.array([3, 4, 5]), 0)
    found = group_around_keepers(pairs, np.array([2, 1, 0]))
    assert found.keeper.tolist() == [2, 2]
    assert sorted(found.member.tolist()) == [0, 1]


@given(st.lists(st.one_of(st.none(), st.binary(min_size=4, max_size=4), st.text(max_size=9)), max_size=20))
def test_hexadecimal_columns_are_read_like_bytes_fromhex(values: list[bytes | str | None]) -> None:
    texts = [v.hex() if isinstance(v, bytes) else v for v in values]
    present, hashes = from_hex(pa.array(texts, pa.string()), 4)
    digits = "0123456789abcdefABCDEF"
    expected = [t is not None and len(t) == 8 and all(c in digits for c in t) for t in texts]
    assert present.tolist() == expected
    assert [h.tobytes() for h in hashes] == [
        bytes.fromhex(t) for t, good in zip(texts, expected, strict=True) if good and t
    ]


@pytest.mark.parametrize("bits", [-1, 33])
def test_limits_that_the_search_cannot_keep_are_refused(bits: int) -> None:
    with pytest.raises(ValueError, match=str(bits)):
        DuplicateOptions(bits=bits)


def test_thousands_of_copies_of_one_picture_are_one_group(tmp_path: Path) -> None:
    shas = [i.to_bytes(32, "little") for i in range(5000)]
    rows = [row(i, sha, HASHES[0] if i % 2 else flipped(HASHES[0], 255)) for i, sha in enumerate(shas)]
    summary, members = found(rows, tmp_path)
    assert (summary["groups"], summary["near_copies"], summary["capped"]) == (1, 4999, 0)
    assert len({m["group"] for m in members.values()}) == 1

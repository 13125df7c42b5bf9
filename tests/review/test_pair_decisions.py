"""Decisions about pairs of pictures: one log, compacted as that of decisions about pictures is."""

from pathlib import Path

from bqat_pipeline.datasets import DatasetStore, Location, Source
from bqat_pipeline.review.pair_decisions import PairAnswer, all_answers, answers, decide_pair, pair_key, pair_log


def test_the_latest_word_about_a_pair_counts_also_when_many_parts_became_one(tmp_path: Path) -> None:
    store = DatasetStore(Location.parse(tmp_path))
    record = store.create("set", [Source(uri=str(tmp_path), prefix="set")])
    log = pair_log(store, record.key)
    assert answers(log.current(), [pair_key("b", "a")]) == [None]
    decide_pair(log, pair_key("b", "a"), None)  # takes nothing back, and writes nothing
    said = (
        ("a", "b", PairAnswer.SAME),
        ("c", "d", PairAnswer.DIFFERENT),
        ("d", "c", None),
        ("a", "b", PairAnswer.DIFFERENT),
    )
    for first, second, answer in said:
        decide_pair(log, pair_key(first, second), answer, "Ada")
        decide_pair(log, pair_key(first, second), answer, "Ada")
    folder = log.folder.local
    parts = sorted(path.name for path in folder.iterdir())
    assert len(parts) == 4
    (folder / parts[0].replace("0", "1", 1)).write_text("{")  # of another day, damaged
    assert log.compact()
    assert len(list(folder.iterdir())) == 2  # what is damaged stays, for whoever can restore it
    for reader in (log, pair_log(store, record.key)):
        assert all_answers(reader.current()) == {("a", "b"): "different"}
        assert answers(reader.current(), [pair_key("b", "a"), ("c", "d"), ("a", "d")]) == ["different", None, None]
    decide_pair(log, ("c", "d"), PairAnswer.SAME)
    assert all_answers(pair_log(store, record.key).current()) == {("a", "b"): "different", ("c", "d"): "same"}

"""Many actions in one file."""

import time
from pathlib import Path
from uuid import uuid4

import pyarrow as pa

from bqat_pipeline.datasets import Location
from bqat_pipeline.datasets.decision_parts import compacted_part
from bqat_pipeline.review.decision_log import DecisionLog
from bqat_pipeline.review.decisions import Action, Decision
from bqat_pipeline.review.parts import Part, write_compacted


def test_many_decisions_are_made_one_file_in_little_more_time_than_they_are_read(tmp_path: Path) -> None:
    """Somebody who decides picture by picture makes an action of each; the file is written anew with every 500."""
    place = Location.parse(tmp_path / "log")
    parts = (
        Part(
            Action(id=str(uuid4()), decision=Decision.KEEP, matching=1, time_ns=number + 1),
            pa.array([f"s{number}"]),
            pa.array([f"{number}.jpg"]),
        )
        for number in range(4000)
    )
    place.create_dir()
    write_compacted(place / compacted_part(), parts, "many")
    began = time.process_time()
    log = DecisionLog(place)
    log.current()
    read = time.process_time() - began
    log.undo(next(iter(log.entries(7, 1))).action, str(uuid4()))
    before = log.current().version
    began = time.process_time()
    assert log.compact()
    assert time.process_time() - began < 3 * read + 0.1
    again = DecisionLog(place)
    assert again.current().version == before and again.entries(0, 5000) == log.entries(0, 5000)
    assert again.current().of("s7", "7.jpg") is None and again.current().of("s8", "8.jpg") is not None

"""What progress.json says."""

from bqat_pipeline.execution.progress import ProgressWriter


def test_files_done_before_do_not_count_as_speed(store, record, monkeypatch):
    moment = [100.0]
    monkeypatch.setattr("bqat_pipeline.execution.progress.time.monotonic", lambda: moment[0])
    progress = ProgressWriter(store, record.key, stage="face_profiles", total=1_000)
    moment[0] += 1
    progress.skip(500, failed=3)
    for _ in range(10):
        moment[0] += 1
        progress.add(20)
    seen = store.progress(record.key)
    assert (seen.done, seen.failed, seen.rate, seen.eta) == (700, 3, 20.0, 15)


def test_progress_is_written_at_most_twice_a_second(store, record, monkeypatch):
    moment = [100.0]
    monkeypatch.setattr("bqat_pipeline.execution.progress.time.monotonic", lambda: moment[0])
    written = []
    progress = ProgressWriter(store, record.key, stage="face_profiles", total=100, listener=written.append)
    for _ in range(100):
        moment[0] += 0.05
        progress.add(1)
    assert len(written) <= 1 + 5 * 2
    assert written[-1].done > 90

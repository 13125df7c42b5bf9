"""Whether a worker on another host sees what the scan sees: the pictures, the results, the same engine.

The scan puts a token into the results and takes a sample of the listed files. A worker reads both, and answers by a
file beside the token, which the scan then looks for: only so it is known that both write into one folder. Nothing is
ever written to sources, so the samples prove those: each is a file with its size and a digest of its first bytes.
"""

import hashlib
import os
import secrets
from collections import defaultdict
from dataclasses import dataclass

import pyarrow.parquet as pq

from bqat_pipeline.datasets import Location
from bqat_pipeline.execution.chunks import ScanContext, local_path

_SAMPLES = 64
_SAMPLES_OF_A_SOURCE = 4
_ROW_GROUPS = 16
_HEAD_BYTES = 4096
_TOKEN = "token"


@dataclass(frozen=True)
class SampleFile:
    """A listed file and what its beginning is."""

    root: Location
    path: bytes
    size: int
    digest: str


@dataclass(frozen=True)
class SightTest:
    """What a worker must see before it gets work. Pickles to the worker.

    Attributes
    ----------
    token : Content of the token file.
    folder : Folder of this test in the results; holds token and answers.
    samples : Listed files that the scan itself can read.
    """

    token: str
    folder: Location
    samples: tuple[SampleFile, ...]
    context: ScanContext

    def answered(self, worker: str) -> bool:
        """Whether the answer of a worker lies where the scan looks for it.

        Raises
        ------
        OSError : when the results cannot be read.
        """
        return (self.folder / self._answer(worker)).is_file()

    def failure(self, worker: str) -> str:
        """What the process that asks does not see, in words; empty when it sees everything, and has said so."""
        return self._other_engine() or self._hidden_sources() or self._hidden_results(worker)

    def remove(self) -> None:
        """Delete token and answers."""
        self.folder.delete_dir()

    def _other_engine(self) -> str:
        here = self.context.engines(self.context.spec).fingerprint
        if here != self.context.fingerprint:
            return (
                "runs another version of the engine or its models "
                f"(fingerprint {here[:12]}, the scan's is {self.context.fingerprint[:12]})"
            )
        return ""

    def _hidden_sources(self) -> str:
        seen: dict[str, bool] = {}
        for sample in self.samples:
            root = str(sample.root)
            seen[root] = seen.get(root, False) or _is_there(sample)
        hidden = [root for root, there in seen.items() if not there]
        return f"does not see the pictures of {hidden[0]}: is it mounted there?" if hidden else ""

    def _hidden_results(self, worker: str) -> str:
        sentence = f"does not see the results in {self._results}: is BQAT_HOME mounted there?"
        try:
            if (self.folder / _TOKEN).read_bytes() != self.token.encode():
                return sentence
        except FileNotFoundError:
            return sentence
        except OSError as error:
            return f"cannot read the results in {self._results}: {error.strerror or error}"
        try:
            (self.folder / self._answer(worker)).write_bytes(worker.encode())
        except OSError as error:
            return f"cannot write to the results in {self._results}: {error.strerror or error}"
        return ""

    @property
    def _results(self) -> Location:
        return self.folder.parent.parent

    def _answer(self, worker: str) -> str:
        return hashlib.sha256(f"{self.token}\0{worker}".encode()).hexdigest()[:32]


def prepare_sight_test(context: ScanContext) -> SightTest:
    """A test for the workers of one scan; its token is in place.

    Raises
    ------
    OSError : when the token cannot be written.
    """
    token = secrets.token_hex(16)
    folder = context.generation.workers / token
    (folder / _TOKEN).write_bytes(token.encode())
    return SightTest(token, folder, tuple(_samples(context, context.generation.images)), context)


def _samples(context: ScanContext, images: Location) -> list[SampleFile]:
    """A few files of each source that can be read here; row groups spread over the list."""
    found: defaultdict[int, list[SampleFile]] = defaultdict(list)
    with images.filesystem.open_input_file(images.path) as stream:
        table = pq.ParquetFile(stream)
        for group in _spread(table):
            for row in table.read_row_group(group, ["source", "path", "file_size", "problem"]).to_pylist():
                of_source = found[row["source"]]
                if len(of_source) >= _SAMPLES_OF_A_SOURCE or row["problem"] or not row["file_size"]:
                    continue
                digest = _head(context.roots[row["source"]], row["path"])
                if digest:
                    of_source.append(SampleFile(context.roots[row["source"]], row["path"], row["file_size"], digest))
    return [sample for samples in found.values() for sample in samples][:_SAMPLES]


def _spread(table: pq.ParquetFile) -> list[int]:
    """Row groups to look into: at most ``_ROW_GROUPS``, from the first to the last."""
    count = table.num_row_groups
    if not count:
        return []
    steps = min(_ROW_GROUPS, count)
    return sorted({round(n * (count - 1) / max(1, steps - 1)) for n in range(steps)})


def _is_there(sample: SampleFile) -> bool:
    return _head(sample.root, sample.path, sample.size) == sample.digest


def _head(root: Location, path: bytes, size: int | None = None) -> str:
    """Digest of the first bytes of a file; empty when it cannot be read, or has another size than it should."""
    try:
        if root.is_local:
            handle = os.open(local_path(root, path), os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
            with os.fdopen(handle, "rb") as local:
                length, content = os.fstat(handle).st_size, local.read(_HEAD_BYTES)
        else:
            with root.filesystem.open_input_file((root / path.decode()).path) as remote:
                length, content = remote.size(), remote.read(_HEAD_BYTES)
    except (OSError, UnicodeDecodeError):
        return ""
    if size is not None and length != size:
        return ""
    return hashlib.sha256(content).hexdigest()

"""One picture in, one row out. Importing this module loads OpenCV and Pillow; creating an Analyser loads the nets."""

import logging
import os
from dataclasses import fields
from threading import RLock

import cv2
import numpy as np
from PIL import Image

from bqat_pipeline.columns import FACE
from bqat_pipeline.face import measures
from bqat_pipeline.face.alignment import ALIGNED_EYE_DISTANCE
from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.errors import SourceError
from bqat_pipeline.face.finder import FaceFinder
from bqat_pipeline.face.measures.framing import turns
from bqat_pipeline.face.nets.segmentation import Segmenter
from bqat_pipeline.face.options import EngineOptions
from bqat_pipeline.face.picture import identity, memory
from bqat_pipeline.face.picture.decode import Picture, decode, from_array, from_image
from bqat_pipeline.face.picture.file_facts import FileFacts
from bqat_pipeline.face.picture.probe import Header, probe
from bqat_pipeline.face.picture.pyramid import Pyramid
from bqat_pipeline.face.picture.source import check_size, read_bytes
from bqat_pipeline.face.rounding import stored_row

_LOG = logging.getLogger(__name__)

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | np.ndarray | Image.Image
_Content = bytes | np.ndarray | Image.Image

# Columns that the caller adds: facts of the file system, and the rule set's verdict.
_ADDED_BY_CALLER = ("file", "folder", "file_size", "modified", "verdict", "verdict_reasons")
# Columns that the engine fills, in the registry's order.
NAMES = tuple(name for name in FACE.names if name not in _ADDED_BY_CALLER)
_FACTS = tuple(field.name for field in fields(FileFacts))
_TYPES = tuple((name, FACE[name].type) for name in NAMES)


class Analyser:
    """The engine with its nets loaded. A lock lets one thread work at a time: the nets hold one picture each."""

    def __init__(self, options: EngineOptions) -> None:
        self.options = options
        # Parallel work is done by processes; OpenCV's own threads would compete with them for the cores.
        cv2.setNumThreads(1)
        memory.keep_freed_memory()
        self._lock = RLock()
        self._finder = FaceFinder(options)
        self._segmenter = Segmenter() if options.background else None

    def row(self, source: Source) -> dict[str, object]:
        """The row of a picture: every column of ``NAMES`` in that order, Python values, None where not computable.

        Raises
        ------
        TypeError : when the source is neither a path, bytes, an array nor a Pillow image.
        """
        _check_type(source)
        with self._lock:
            return self._row(source)

    def _row(self, source: Source) -> dict[str, object]:
        values: dict[str, object] = {}
        try:
            content = self._content(source)
            if isinstance(content, bytes):
                values["sha256"] = identity.sha256(content)
            header = self._header(content)
            if header:
                values["format"] = header.format
                values |= {name: getattr(header.facts, name) for name in _FACTS}
            context = self._context(content, header)
            values["phash256"] = identity.phash256(context.pyramid)
            values |= measures.measure(context)
            values |= _status(context)
        except SourceError as error:
            values |= {"status": error.status, "reason_code": error.code, "reason": str(error)}
        except MemoryError:
            sentence = "not enough memory for this picture"
            values |= {"status": "unreadable", "reason_code": "out_of_memory", "reason": sentence}
        except Exception as error:  # noqa: BLE001 - an unexpected fault on one picture must not end the scan
            _LOG.exception("analysis failed")
            sentence = f"the engine failed on this picture ({type(error).__name__}); please report it"
            values |= {"status": "unreadable", "reason_code": "analysis_failed", "reason": sentence}
        return stored_row(values.get, _TYPES)

    def context(self, source: Source) -> FaceContext:
        """What the measures of a picture share: image, faces, landmarks, pose.

        Raises
        ------
        SourceError : when the source cannot be read as a picture.
        TypeError : when the source is neither a path, bytes, an array nor a Pillow image.
        """
        _check_type(source)
        with self._lock:
            content = self._content(source)
            return self._context(content, self._header(content))

    def _content(self, source: Source) -> _Content:
        if isinstance(source, np.ndarray | Image.Image):
            return source
        if isinstance(source, bytes | bytearray | memoryview):
            check_size(memoryview(source).nbytes, self.options.max_file_size)
            return bytes(source)
        return read_bytes(source, self.options.max_file_size)

    def _header(self, content: _Content) -> Header | None:
        return probe(content, self.options.max_pixels) if isinstance(content, bytes) else None

    def _context(self, content: _Content, header: Header | None) -> FaceContext:
        if isinstance(content, np.ndarray):
            return self._analysed(from_array(content, self.options.max_pixels), None, None)
        if isinstance(content, Image.Image):
            return self._analysed(from_image(content, self.options.max_pixels), None, None)
        assert header is not None  # _header() makes one for bytes
        context = self._analysed(decode(content, header), header, len(content))
        if context.picture.reduction == 1 or not context.has_landmarks:
            return context
        if context.geometry.eye_distance / context.picture.reduction >= ALIGNED_EYE_DISTANCE:
            return context
        # A small face in a huge picture: half size would lose detail that the measures need.
        return self._analysed(decode(content, header, reduce=False), header, len(content))

    def _analysed(self, picture: Picture, header: Header | None, file_size: int | None) -> FaceContext:
        pyramid = Pyramid(picture.image, (picture.width, picture.height), picture.reduction - 1)
        return FaceContext(picture, pyramid, self._finder.find(pyramid), self._segmenter, header, file_size)


def _check_type(source: object) -> None:
    if isinstance(source, str | os.PathLike | bytes | bytearray | memoryview | np.ndarray | Image.Image):
        return
    kind = type(source).__name__
    advice = "; pass the bytes that read() returns" if hasattr(source, "read") else ""
    raise TypeError(f"a picture is a path, a file's bytes, a NumPy array or a Pillow image, not {kind}{advice}")


def _status(context: FaceContext) -> dict[str, object]:
    """Status, reason and warnings of a picture that was read."""
    status, code, reason = "ok", None, None
    if not context.picture.visible:
        status, code, reason = "no_face", "nothing_visible", "every pixel of the picture is transparent"
    elif not context.faces.boxes:
        cut = "truncated" in context.picture.warnings
        where = "what is left of the picture; the file was cut short" if cut else "the picture"
        status, code, reason = "no_face", "no_face", f"no face was found in {where}"
    elif not context.has_landmarks:
        status, code, reason = (
            "no_landmarks",
            "landmarks_not_plausible",
            "what looks like a face was found; its landmarks are not plausible (profile, occlusion, or no face)",
        )
    elif context.faces.doubtful:
        status, code, reason = (
            "doubtful_face",
            "not_human",
            "what was found is probably not a human face (an animal, a thing, a pattern)",
        )
    elif len(context.faces.boxes) > 1:
        count = len(context.faces.boxes)
        status, code, reason = (
            "multiple_faces",
            "multiple_faces",
            f"{count} faces were found; the main one was measured",
        )
    warnings = list(context.picture.warnings)
    if context.has_landmarks:
        if not context.has_person:
            warnings.append("background_not_asked")
        turned = turns(context.pose.roll)
        warnings += [
            code for code, yes in (("upside_down", turned.upside_down), ("on_its_side", turned.quarter)) if yes
        ]
    return {"status": status, "reason_code": code, "reason": reason, "warnings": warnings}

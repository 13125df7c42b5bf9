"""The template of one picture, in a worker process beside the facade; it is not kept.

The facade imports this module, only its workers the engine.
"""

from functools import cache
from typing import TYPE_CHECKING

from bqat_pipeline.execution.pool import time_limit
from bqat_pipeline.identity.errors import IdentityError

if TYPE_CHECKING:
    import numpy as np

    from bqat_pipeline.identity.template_engine import TemplateEngine


def template_of(
    content: bytes, model: str, seconds: float, max_pixels: int, max_file_size: int
) -> "np.ndarray | str | IdentityError":
    """(128,) float32 of the main face of a picture, the code of why there is none, or why none can be computed here.

    Parameters
    ----------
    model : Path of the model file; empty: the extra's.
    seconds : After which the process is ended.
    """
    try:
        engine = _engine(model, max_pixels, max_file_size)
    except IdentityError as error:
        return error
    with time_limit(seconds):
        return engine.template(content)


@cache
def _engine(model: str, max_pixels: int, max_file_size: int) -> "TemplateEngine":
    from bqat_pipeline.engines import EngineSpec
    from bqat_pipeline.identity.template_engine import TemplateEngine

    engine = TemplateEngine(EngineSpec(max_pixels=max_pixels, max_file_size=max_file_size), model)
    if missing := engine.missing():
        raise IdentityError(missing)
    return engine

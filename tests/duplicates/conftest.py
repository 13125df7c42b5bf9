"""The engine and the portrait of the face tests."""

from tests.face.conftest import engine, hopper

__all__ = ["engine", "hopper"]

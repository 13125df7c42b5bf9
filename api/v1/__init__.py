"""The project's own API below `/v1`: one module a subject."""

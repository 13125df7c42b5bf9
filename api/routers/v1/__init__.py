"""The project's own API: one module a subject."""

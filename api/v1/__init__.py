"""The project's own API below `/v1`, one module for each subject."""

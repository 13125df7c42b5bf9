"""Errors of the identity package."""


class IdentityError(RuntimeError):
    """Identities cannot be computed here; the message is one sentence that says why and what helps."""

"""What templates are named by: those of another fingerprint are never compared with them."""

from bqat_pipeline.identity.weights import SHA256

# Raise it when the chip, the network's input or the normalisation changes.
TEMPLATE_VERSION = 1
FINGERPRINT = f"{TEMPLATE_VERSION}-{SHA256[:16]}"

"""What the Tab key offers (``bqat --install-completion``)."""


def dataset_keys(incomplete: str) -> list[str]:
    """Keys of data sets that begin so; none when they cannot be read, since a prompt is no place for an error."""
    from bqat_pipeline.cli.lookup import open_store

    try:
        keys = open_store().keys()
        return [key for key in keys if key.startswith(incomplete)]
    except Exception:  # noqa: BLE001
        return []

"""What ends a scan. A bad file never does."""


class ScanError(RuntimeError):
    """The scan could not go on. What is done is kept: the next run resumes."""


class EmptySourceError(ScanError):
    """A source that held files before holds none."""


class ClusterError(ScanError):
    """Scheduler or workers cannot be reached, or are of no use."""

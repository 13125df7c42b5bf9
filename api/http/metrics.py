"""Counts of this process for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

# Seconds; status routes are to answer within 0.05.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Requests by route. Routes are templates (`/scan/{dataset_id}/profiles`), so their number is bounded."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "bqat_api_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "bqat_api_request_seconds",
            "Time to the end of the answer.",
            ["method", "route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )

        self._pictures = Counter(
            "bqat_assess_pictures", "Single pictures assessed, by their status.", ["status"], registry=self.registry
        )
        self._refused = Counter(
            "bqat_assess_refused", "Single pictures refused, as too many waited or arrived.", registry=self.registry
        )
        self._engine_seconds = Histogram(
            "bqat_assess_engine_seconds", "Measurement of a single picture.", buckets=_BUCKETS, registry=self.registry
        )
        self.waiting = Gauge(
            "bqat_assess_waiting", "Single pictures that wait or are measured now.", registry=self.registry
        )

        self.bodies = Gauge(
            "bqat_assess_arriving_bytes",
            "Bytes of single pictures held, while they arrive and until their answer.",
            registry=self.registry,
        )

    def picture(self, status: str, seconds: float) -> None:
        """Count one picture that was assessed."""
        self._pictures.labels(status).inc()
        self._engine_seconds.observe(seconds)

    def refused_picture(self) -> None:
        """Count one picture that was refused, as too many waited or arrived."""
        self._refused.inc()

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        known = method if method in {"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"} else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(known, route).observe(seconds)

    def text(self) -> bytes:
        """All counts in the text format."""
        return generate_latest(self.registry)

"""Audits the quality of face image data sets: images, face profiles, outlier flags, HTML report."""

__version__ = "0.1.0"

"""Drawings over a picture: boxes, landmarks, illumination zones, verdict."""

"""The pipeline: images -> face_profiles -> outliers, duplicates -> report -> exploration. One partition is one
data set.

Nothing passes between assets in memory: each reads the data-set folder and leaves its result there.
"""

from assets.duplicates import duplicates
from assets.exploration import exploration
from assets.face_profiles import face_profiles
from assets.images import images
from assets.outliers import outliers
from assets.report import report

ALL = [images, face_profiles, outliers, duplicates, report, exploration]

__all__ = ["ALL", "duplicates", "exploration", "face_profiles", "images", "outliers", "report"]

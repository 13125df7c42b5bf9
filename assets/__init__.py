"""The pipeline: images -> face_profiles -> outliers, duplicates -> report -> exploration, and review. One
partition is one data set.

Nothing passes between assets in memory: each reads the data-set folder and writes its result there. Every module here
that defines an asset is part of the pipeline; a scan materializes those without `ON_DEMAND_TAG`.
"""

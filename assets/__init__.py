"""The pipeline: images -> face_profiles -> outliers, duplicates -> report -> exploration, and review. One
partition is one data set.

Nothing passes between assets in memory: each reads the data-set folder and leaves its result there. A module here with
an asset is part of the pipeline; every scan makes those without `ON_DEMAND_TAG`.
"""

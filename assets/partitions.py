"""One partition per data set."""

import dagster as dg

from bqat_pipeline.names import PARTITIONS

datasets = dg.DynamicPartitionsDefinition(name=PARTITIONS)

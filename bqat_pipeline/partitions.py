"""One partition per data set."""

import dagster as dg

datasets = dg.DynamicPartitionsDefinition(name="datasets")

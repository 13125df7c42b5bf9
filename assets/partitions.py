"""One partition per data set."""

import dagster as dg

NAME = "datasets"
datasets = dg.DynamicPartitionsDefinition(name=NAME)

"""The processes of a deployment and the Dagster instance they share."""

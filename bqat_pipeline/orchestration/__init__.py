"""Jobs, partitions, sensors and schedules: when the assets are made."""

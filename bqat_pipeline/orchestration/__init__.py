"""Jobs, sensors and schedules: what materializes the assets, and when."""

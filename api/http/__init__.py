"""What every route shares: access, errors, logs, metrics, multipart bodies."""

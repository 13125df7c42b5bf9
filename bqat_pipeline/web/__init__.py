"""What the ports of REST facade and Dagster UI share: access control, addresses, an HTTP server with time limits."""

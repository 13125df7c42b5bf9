"""The BQAT API: routes, schemas and records as its clients know them."""

"""Neural networks: model files and what runs them."""

"""Review: a person looks at what was measured, decides about pictures, and hands out the list."""

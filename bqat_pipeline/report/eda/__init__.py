"""The exploratory page: every column by itself, drawn by ydata-profiling in a process of its own."""

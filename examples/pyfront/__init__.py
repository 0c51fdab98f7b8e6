"""A front end over trees of Python, made of queries: an example for writers of linters, and what benchmarks run."""

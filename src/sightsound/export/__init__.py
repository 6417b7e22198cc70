"""A checkpoint in, a model package out."""

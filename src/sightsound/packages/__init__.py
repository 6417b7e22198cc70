"""A folder on disk in, a checked model package out: format, hashes, loading."""

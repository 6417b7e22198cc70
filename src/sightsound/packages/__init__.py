"""A folder on disk in, a checked model package out: format, hashes, loading."""

from sightsound.packages.load import ModelPackage, load_package, shipped_models

__all__ = ["ModelPackage", "load_package", "shipped_models"]

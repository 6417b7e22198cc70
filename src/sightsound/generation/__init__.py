"""A model package and a media file in, a picture or a sound out."""

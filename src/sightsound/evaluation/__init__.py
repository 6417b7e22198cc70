"""A model and a data set in, figures with intervals out."""

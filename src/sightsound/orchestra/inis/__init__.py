"""A seed in, single pictures and solo pieces of five classes out, with no timing between them."""

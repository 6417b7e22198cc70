"""Samples of several conditions in, what people think of them out: studies, votes, agreement."""

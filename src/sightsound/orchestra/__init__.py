"""A seed in, performances out: sound, drawn player and truth (the procedural data world)."""

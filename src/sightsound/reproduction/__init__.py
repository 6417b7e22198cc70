"""The paper's tables and those of its followers, each by one command."""

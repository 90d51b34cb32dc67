"""The typed config: the only input of every step."""

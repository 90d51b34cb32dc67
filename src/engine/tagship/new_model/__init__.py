"""From somebody's own table to a new model's files."""

"""Scoring whole files with a built bento: blocks of rows in, answers and reasons out."""

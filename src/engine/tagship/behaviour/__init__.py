"""How a new model behaves differently from the champion, which production runs."""

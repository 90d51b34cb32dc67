"""The champion: what production runs now, brought here as it was released, and its scores."""

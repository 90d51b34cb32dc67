"""Models, candidates, tunings and releases side by side: what is better, and by how much."""

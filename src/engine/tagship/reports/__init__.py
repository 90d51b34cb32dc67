"""What people look at: plots, one HTML report per model, and the exploration of a table."""

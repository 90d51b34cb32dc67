"""Data: where it comes from, whether it keeps the contract, what the model sees of it."""

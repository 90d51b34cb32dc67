"""A new model from new data, proposed by pull request and never deployed."""

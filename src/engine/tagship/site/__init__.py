"""The site: what Git, locks, tags, MLflow and the monitoring history say, as pages."""

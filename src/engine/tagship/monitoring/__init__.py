"""What runs: its log, drift and performance, alerts, and the retraining that they ask for."""

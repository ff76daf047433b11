"""Faults of every kind, while releases run: the real operator, API server and Prometheus."""

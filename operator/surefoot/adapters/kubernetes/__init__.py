"""Kubernetes: a thin client, the cache that watches fill, and the ports on top of them."""

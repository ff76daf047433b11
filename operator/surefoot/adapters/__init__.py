"""The world outside: Kubernetes and Prometheus behind the ports."""

"""Surefoot: progressive rollouts of machine-learning models on Kubernetes."""

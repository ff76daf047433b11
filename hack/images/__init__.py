"""Container images made on this machine, without a container engine or a registry."""

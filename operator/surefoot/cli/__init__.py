"""The kubectl plugin: what a person sees of a release, and the acts a person may ask for."""

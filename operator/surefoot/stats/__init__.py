"""Pure arithmetic: exact counts, and the value of each signal type."""

"""The load generator: steady requests without retries, and labels that arrive late."""

"""The demo: a fraud model goes from v41 to v42, and v43 is thrown out, on a cluster of this machine."""

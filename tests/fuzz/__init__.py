"""Resources, statuses and answers that nobody wrote by hand, and what must hold of them all the same."""

"""The pure core: a frozen observation goes in, a decision comes out. No I/O, no clock, no logging."""

"""What a release will be able to see, told before it starts: pure simulation with the engine's own tests."""

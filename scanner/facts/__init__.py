"""What Kilter knows about the world, as data with typed access."""

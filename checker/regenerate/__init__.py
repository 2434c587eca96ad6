"""Make the reference solution's model again."""

"""Verdicts side by side: the course's script, ours, and other graders. Run by ``python -m bench``."""

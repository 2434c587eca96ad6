"""Where images come from: those that a check scores, and those that a model learns from.

True labels of test images stay in the checker's own process.
"""

"""An examiner for machine-learning coursework."""

__version__ = "0.1.0"

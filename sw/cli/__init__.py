"""The user's command line: ``python -m sw``."""

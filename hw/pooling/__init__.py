"""Pooling between tokens: windows (GRID) and the pooled branches (BRANCH)."""

"""The lanes: post-processing of a beat (one token, ``lanes`` channels) a cycle."""

"""Binary attention: scores to attention bits, tile by tile."""

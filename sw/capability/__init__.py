"""What a network can represent: R of an architecture, and the interval of every packed value."""

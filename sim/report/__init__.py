"""What a whole network costs on the simulated RTL: cycles, bytes and idle time, layer by layer."""

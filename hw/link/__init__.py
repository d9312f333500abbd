"""The way from a UART's pins to the accelerator's registers and memory."""

"""The systolic XNOR-popcount array: processing elements, sequencer, result FIFO."""

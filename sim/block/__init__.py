"""One block through the RTL: simulate, observe, compare with golden, report."""

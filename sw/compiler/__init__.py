"""The compiler: load, fold, round, equalise, quantise, pack (and schedule)."""

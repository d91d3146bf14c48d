"""Rules over the graph: loading, compiling, evaluating, suppressing."""

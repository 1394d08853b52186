"""The figures of the page about a data set of CBED stacks."""

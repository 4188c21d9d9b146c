"""From a function to the nodes, groups and names of its graph."""

"""How sure a figure is: the bootstrap over groups, and the comparison of two models on the same cells."""

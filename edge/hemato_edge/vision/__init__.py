"""Analysis of one frame: quality, scale, stain, cells, crops, labels."""

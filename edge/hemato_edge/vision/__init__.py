"""What is seen in one frame: quality, scale, stain, cells, crops, labels."""

"""Whole examples: an image, a volume or a clip, asked for classes or for a number."""

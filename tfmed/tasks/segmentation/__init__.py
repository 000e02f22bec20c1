"""Masks: which of the classes each voxel shows."""

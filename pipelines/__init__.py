"""Recipes: one TOML file a worked use, found by name as in `tfmed classify NAME`."""

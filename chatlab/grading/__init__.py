"""Exercises, points and hints: what judges a student's code, and never imports it."""

"""Graphs to conflicts, which side moves, and whether two sides commute: pure."""

"""Nets by torch, whole or in tiles with the whole picture's statistics: the runtime that can do everything."""

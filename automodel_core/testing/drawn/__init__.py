"""Inputs and labels that models are checked with."""

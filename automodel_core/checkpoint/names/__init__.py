"""The two-way table between the hub's names of weights and a model's."""

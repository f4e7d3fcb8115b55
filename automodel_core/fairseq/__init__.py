"""Bricks of the models that fairseq begot: one transformer, told apart by its facts.

A plugin states the keys of its configuration (`configuration`) and how its encoder and decoder are
built (`stack`); `models` gives the bodies and heads around them, `names` what the hub calls their
weights.
"""

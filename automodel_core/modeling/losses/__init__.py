"""Training losses, by what is predicted."""

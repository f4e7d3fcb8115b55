"""Properties of what is checked, by what they are about; they say which checks apply."""

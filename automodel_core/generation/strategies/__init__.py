"""How the next tokens are chosen: sampling, contrastive search, DoLa, and beams."""

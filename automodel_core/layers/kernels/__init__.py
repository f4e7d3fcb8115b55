"""How linear layers multiply: on this CPU, in decoding steps, in eight bits."""

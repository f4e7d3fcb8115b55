"""``generate`` of Whisper: prompts, windows of 30 seconds, fallbacks, segments, times of tokens."""

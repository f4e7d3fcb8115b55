"""From texts to batches of ids: requests, truncation, padding, tensors, over the Rust library."""

"""What all pipelines share: options, batches by length, failures, results out lazily."""

"""What calls are given: series of inputs, pictures, videos, addresses of the web."""

"""The banner, from the bytes of the scanner to what a person sees in Chromium."""

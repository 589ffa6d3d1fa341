"""Two small applications that know nothing of a second factor, and the few lines that put one in front."""

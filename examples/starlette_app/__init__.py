"""The harbor office of a small marina, on Starlette."""

"""The OpenAPI description of the JSON API, held against the code and against running servers."""

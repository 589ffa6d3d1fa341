"""What the end-to-end tests are played with: real servers, a phone, a camera, browsers, raw sockets."""

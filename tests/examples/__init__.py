"""The example applications, without the gate and with it."""

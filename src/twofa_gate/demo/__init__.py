"""`twofa-gate demo`: the whole flow against an example application, played by itself and then by a person."""

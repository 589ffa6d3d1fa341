"""`python -m twofa_gate` is `twofa-gate`."""

from twofa_gate.cli import main

if __name__ == "__main__":
    main(prog_name="twofa-gate")

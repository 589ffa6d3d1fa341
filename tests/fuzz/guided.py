"""Coverage-guided fuzzing of one check by atheris: `python -m tests.fuzz.guided CHECK -runs=N -seed=N`.

atheris watches which branches of the package an input takes, and goes on from those that took a new one.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-untyped] # installed by `make fuzz`

with atheris.instrument_imports(include=["twofa_gate"]):
    from tests.fuzz.parsers import CHECKS
    from tests.fuzz.pieces import SEEDS


def main(name: str, words: list[str]) -> None:
    """Fuzz one check; atheris ends the process, with an error if an input failed."""
    check = CHECKS[name]

    def try_one(data: bytes) -> None:
        check(data.decode("utf-8", "surrogateescape"))

    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(SEEDS.get(name, [])):
            Path(folder, f"seed{number}").write_text(seed, encoding="utf-8")
        atheris.Setup(
            [
                sys.argv[0],
                folder,
                "-max_len=300",
                f"-artifact_prefix={folder}/",
                "-print_final_stats=1",
                *words,
            ],
            try_one,
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

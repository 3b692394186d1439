"""Print the JSON Schema of configurations, for editors; `make format` writes it to configs/schema.json."""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main() -> None:
    """Print the schema of all known stages and components."""
    argparse.ArgumentParser(prog="config_schema.py", description=__doc__).parse_args()
    # Imported after the command line is read: --help must not wait for torch.
    from pipeline.build import COMPONENTS
    from pipeline.config.json_schema import json_schema
    from stages import STAGES

    print(json.dumps(json_schema(STAGES, COMPONENTS), indent=1, sort_keys=True))


if __name__ == "__main__":
    main()

"""Files of a project, written whole or not at all."""

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkstemp

from engagectl.config.regular import real_path


def write_files(root: Path, changed: Mapping[str, bytes]) -> None:
    """Write each file; what a link names is written, and a file that was there keeps its mode."""
    for name, data in changed.items():
        path = real_path(root / name)
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        handle, temporary = mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(temporary).chmod(mode)
            Path(temporary).replace(path)
        except OSError as error:
            Path(temporary).unlink(missing_ok=True)
            raise OSError(error.errno, error.strerror, str(path)) from None

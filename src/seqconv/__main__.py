"""The command `seqconv`: user errors end in one line and exit code 2, never in a traceback."""

import io
import os
import sys

from seqconv.errors import OptionError, SeqconvError


def main() -> None:
    """Run the command line."""
    from seqconv.cli.commands import app

    _open_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a pipe on Windows takes cp1252, which lacks most of the world's text
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except SeqconvError as error:
        dashes = "--" if isinstance(error, OptionError) else ""
        print(f"seqconv: {dashes}{error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # the reader of our output (head, less) has closed the pipe
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        # a full disk, a name too long, no permission: wherever it is met, a mistake of nobody's code
        place, reason = error.filename or "output", error.strerror or error
        print(
            f"seqconv: {place}: must be usable; {reason}. Check the path, its permissions and the disk", file=sys.stderr
        )
        sys.exit(2)


def _open_streams() -> None:
    """Read nothing from, and write nowhere to, what a shell or a service has closed."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


if __name__ == "__main__":
    main()

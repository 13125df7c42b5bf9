"""Exit codes of ``bqat``: the same for every command. docs/cli.md is made from this list."""

DONE = 0
LIMIT_NOT_MET = 1
NOT_DONE = 2
PIPE_CLOSED = 141
STOPPED = 130

MEANINGS: dict[int, str] = {
    DONE: "done",
    LIMIT_NOT_MET: "done, and a limit was not met (`--fail-under`, a picture that fails, a finding of `doctor`)",
    NOT_DONE: "could not be done; one sentence says why",
    STOPPED: "stopped by Ctrl-C, SIGTERM or a closed terminal; what is done is kept",
    PIPE_CLOSED: "the reader of a pipe left first (`bqat show photos | head`)",
}

"""The small POSIX shell program that is PID 1 of the trainer's container.

It runs the trainer as a child, because a Python that is PID 1 ignores SIGTERM; it hands signals on, and leaves the exit
code in a file for the agent. Started as ``sh -c LAUNCHER NAME OR command… OR command…``, it begins with the first
command, or goes on with the second where fetch left the marker that there is something to go on from; with an empty
``OR`` there is one command for both. It needs mkdir, mv and sleep.
"""

NAME = "hubtraining-launcher"
"""Its ``$0``: what ``ps`` shows in front of the trainer's command."""

OR = "--or-go-on-with--"
"""Between the two commands; no word of ours."""

ENV_STOP_SECONDS = "HUBTRAINING_STOP_SECONDS"
STOP_SECONDS = 60
"""After SIGTERM the trainer has so long; then it is killed, so that the agent still has time for what was saved."""

NOT_FOUND = 127

LAUNCHER = r"""
# The agent's user is another one of the same group.
umask 002
child= stopped= told=

leave() {
  file=${HUBTRAINING_EXIT_FILE:-}
  if [ -n "$file" ]; then
    { mkdir -p "${file%/*}" && echo "$1" >"$file.part" && mv -f "$file.part" "$file"; } ||
      echo "launcher: exit code $1 could not be written to $file" >&2
  fi
  exit "$1"
}

# A background child of sh ignores INT, so TERM stands for both.
hand_on() {
  [ -z "$told" ] || return 0
  told=yes
  kill -TERM "$child" 2>/dev/null
  { sleep "${HUBTRAINING_STOP_SECONDS:-60}"; kill -KILL "$child"; } >/dev/null 2>&1 &
}

stop() {
  trap '' TERM INT
  stopped=yes
  [ -z "$child" ] || hand_on
}

trap stop TERM INT

or=$1
shift
wanted=begin
if [ -e "${HUBTRAINING_RESUME_MARKER:-}" ]; then
  wanted=go_on
else
  unset HUBTRAINING_RESUME
fi
if [ -n "$or" ]; then
  half=begin
  for word do
    shift
    if [ "$word" = "$or" ]; then
      half=go_on
    elif [ "$half" = "$wanted" ]; then
      set -- "$@" "$word"
    fi
  done
fi

command -v "$1" >/dev/null 2>&1 || {
  echo "launcher: there is no command '$1' in the trainer's image: see spec.trainer.command and spec.trainer.image" >&2
  leave 127
}

[ -z "$stopped" ] || leave 143
# exec keeps a function of this program from being taken for the command.
exec "$@" &
child=$!
[ -z "$stopped" ] || hand_on

wait "$child"
code=$?
if [ -n "$stopped" ]; then
  # The signal may have cut the first wait short; where it did not, sh knows the child no more and says 127.
  wait "$child" 2>/dev/null
  again=$?
  [ "$again" -eq 127 ] || code=$again
fi
leave "$code"
"""


def launched(begin: tuple[str, ...], go_on: tuple[str, ...] = ()) -> list[str]:
    """The container's command that runs one of these under the launcher."""
    if not go_on:
        return ["/bin/sh", "-c", LAUNCHER, NAME, "", *begin]
    return ["/bin/sh", "-c", LAUNCHER, NAME, OR, *begin, OR, *go_on]

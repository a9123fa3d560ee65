"""Runs a command on a pseudo-terminal: COLUMNS COMMAND... Prints what the terminal got; exits as the command did."""

import fcntl
import os
import pty
import struct
import sys
import termios

columns, command = int(sys.argv[1]), sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    os.execvp(command[0], command)
while True:
    try:
        got = os.read(terminal, 65536)
    except OSError:  # how Linux says that the other end is closed
        break
    if not got:
        break
    sys.stdout.buffer.write(got)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

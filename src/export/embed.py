"""Turns a text into C: embed.py OUTPUT TEXT. The array of its lines ends with NULL."""

import sys

with open(sys.argv[2], encoding="utf-8") as text, open(sys.argv[1], "w", encoding="utf-8") as output:
    output.write('#include "runtime.h"\n\nconst char *const cvy_runtime_lines[] = {\n')
    for line in text:
        quoted = line.rstrip("\n").replace("\\", "\\\\").replace('"', '\\"')
        output.write(f'    "{quoted}\\n",\n')
    output.write("    0};\n")

"""Turns recipe files into a C table of their texts: embed.py OUTPUT FILE.json... The first is the default."""

import os
import sys


def quote(text):
    lines = text.splitlines(keepends=True)
    return "\n        ".join('"' + line.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"' for line in lines)


with open(sys.argv[1], "w", encoding="utf-8") as output:
    output.write('#include "recipe.h"\n\nconst cvy_recipe_file cvy_recipe_files[] = {\n')
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8") as file:
            name = os.path.splitext(os.path.basename(path))[0]
            output.write(f'    {{"{name}",\n        {quote(file.read())}}},\n')
    output.write("    {NULL, NULL}};\n")

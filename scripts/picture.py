#!/usr/bin/env python3
"""picture.py: what a command prints in a terminal, as one SVG.

    scripts/picture.py -o docs/recovery.svg --type cache-1 -- redis-dr recover cache-1

The command runs on a pseudo-terminal of 100 columns, so that it looks as it does to a person. Colours and bold are kept,
what was written over is left out. Standard library only.
"""
import argparse, fcntl, html, os, pty, re, select, struct, subprocess, sys, termios, time

COLUMNS, CELL, LINE = 100, 8.4, 18
LIGHT = {"31": "#b3261e", "32": "#146c3c", "33": "#855600", "36": "#0b6672"}
DARK = {"31": "#ff9187", "32": "#74d69f", "33": "#f1bc60", "36": "#7fd4e0"}


def recorded(argv, seconds, typed):
    """All that the command writes; what is typed is typed once it asks. It is ended after so many seconds."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    env = {**os.environ, "TERM": "xterm-256color"}
    env.pop("NO_COLOR", None)
    child = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, env=env, close_fds=True, start_new_session=True)
    os.close(slave)
    out, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        ready, _, _ = select.select([master], [], [], 0.2)
        if ready:
            try:
                more = os.read(master, 65536)
            except OSError:
                break
            if not more:
                break
            out += more
        elif child.poll() is not None:
            break
        elif typed and out.rstrip(b" ").endswith(b":"):
            os.write(master, typed.encode() + b"\r")
            typed = None
    child.kill()
    child.wait()
    return out.decode("utf-8", "replace")


def screen(text):
    """Lines of (character, style) as they stand at the end."""
    lines, row, column, style = [[]], 0, 0, ()
    for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b.|[^\x1b]", text, re.S):
        if part.startswith("\x1b["):
            codes, kind = part[2:-1], part[-1]
            count = int(codes) if codes.isdigit() else 1
            if kind == "m":
                for code in (codes or "0").split(";"):
                    style = () if code in ("", "0") else style + (code,)
            elif kind == "A":
                row = max(0, row - count)
            elif kind == "B":
                row += count
            elif kind == "K":
                lines[row] = lines[row][:column] if codes in ("", "0") else []
        elif part == "\n":
            row, column = row + 1, 0
        elif part == "\r":
            column = 0
        elif part >= " ":
            while len(lines) <= row:
                lines.append([])
            line = lines[row]
            line.extend([(" ", ())] * (column - len(line) + 1))
            line[column] = (part, style)
            column += 1
        while len(lines) <= row:
            lines.append([])
    while lines and not any(c.strip() for c, _ in lines[-1]):
        lines.pop()
    return lines


def spans(line):
    """Runs of one style."""
    runs = []
    for char, style in line:
        if runs and runs[-1][1] == style:
            runs[-1][0].append(char)
        else:
            runs.append(([char], style))
    return [("".join(chars), style) for chars, style in runs]


def svg(lines, title):
    wide, high = round(COLUMNS * CELL + 32), len(lines) * LINE + 32
    colours = lambda of: "".join(f".c{code}{{fill:{value}}}" for code, value in of.items())
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" role="img" aria-label="{html.escape(title)}">',
        f"<title>{html.escape(title)}</title>",
        "<style>text{font:14px ui-monospace,monospace;fill:#1b1e22;white-space:pre}.back{fill:#f7f8fa;stroke:#ced3d9}.b{font-weight:700}.d{opacity:.7}"
        + colours(LIGHT)
        + "@media(prefers-color-scheme:dark){text{fill:#e8eaed}.back{fill:#15181b;stroke:#3d454d}"
        + colours(DARK)
        + "}</style>",
        f'<rect class="back" x=".5" y=".5" width="{wide - 1}" height="{high - 1}" rx="6"/>',
    ]
    for at, line in enumerate(lines):
        column = 0
        for text, style in spans(line):
            if text.strip():
                names = ["b" if c == "1" else "d" if c == "2" else f"c{c}" for c in style if c in LIGHT or c in "12"]
                dress = f' class="{" ".join(names)}"' if names else ""
                x, y = 16 + column * CELL, 16 + (at + 0.75) * LINE
                length = f' textLength="{len(text) * CELL:.1f}" lengthAdjust="spacingAndGlyphs"'
                out.append(f'<text x="{x:.1f}" y="{y:.1f}"{dress}{length}>{html.escape(text)}</text>')
            column += len(text)
    return "\n".join(out) + "\n</svg>\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--title", help="what the picture shows, for whoever can't see it")
    parser.add_argument("--shown", help="the command as it is shown in the first line")
    parser.add_argument("--type", help="what is typed once the command asks")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    shown = given.shown or " ".join(given.command)
    lines = [[(c, ("1",)) for c in "$ " + shown]] + screen(recorded(given.command, given.seconds, given.type))
    with open(given.output, "w", encoding="utf-8") as file:
        file.write(svg(lines, given.title or shown))
    print(given.output)


if __name__ == "__main__":
    sys.exit(main())

"""Check the docstrings of the code: every public name has one, and what `Args:` lists is what the signature has."""

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("pipeline", "stages", "datasets", "tools")
# With so many parameters or fields, a sentence cannot tell the reader what each of them is.
NEEDS_ARGS = 3
_ENTRY = re.compile(r"(\*{0,2}\w+(?:, \*{0,2}\w+)*)(\s*\([^)]*\))?:")
Function = ast.FunctionDef | ast.AsyncFunctionDef
Named = Function | ast.ClassDef


def check_source(text: str, name: str) -> list[str]:
    """Check one module.

    Args:
        text: its source.
        name: what messages call it.

    Returns:
        one line for each finding, 'name:line: what is wrong'.
    """
    tree = ast.parse(text)
    problems = []
    if tree.body and not ast.get_docstring(tree):
        problems.append(f"{name}:1: the module has no docstring")
    for label, node in public_names(tree.body, ""):
        problems += [f"{name}:{node.lineno}: {label}: {problem}" for problem in _problems(node)]
    return problems


def public_names(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, Named]]:
    """Yield public functions and classes, and the methods of those classes, in their order.

    Args:
        body: statements of a module or of a class.
        prefix: dotted name of the class that the statements stand in, with its dot.
    """
    for node in body:
        if isinstance(node, Named) and not node.name.startswith("_") and not _is_overload(node):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public_names(node.body, f"{prefix}{node.name}.")


def _problems(node: Named) -> list[str]:
    docstring = ast.get_docstring(node)
    if not docstring:
        return ["no docstring"]
    expected = _fields(node) if isinstance(node, ast.ClassDef) else _parameters(node)
    documented = documented_names(docstring)
    if documented is None:
        if expected is not None and len(expected) >= NEEDS_ARGS:
            return [f"{len(expected)} parameters, but no Args: section"]
        return []
    problems = [f"Args: gives '{entry}' a type; types are annotations" for entry in typed_entries(docstring)]
    if expected is None:
        return problems
    problems += [f"Args: lacks '{name}'" for name in expected if name not in documented]
    problems += [f"Args: has '{name}', the signature has not" for name in documented if name not in expected]
    if not problems and documented != [name for name in expected if name in documented]:
        problems.append(f"Args: lists {', '.join(documented)} in another order than the signature")
    return problems


def documented_names(docstring: str) -> list[str] | None:
    """Return the names that the Args: section lists, None where there is no such section.

    Args:
        docstring: a cleaned docstring.
    """
    entries = _entries(docstring)
    if entries is None:
        return None
    return [name.lstrip("*") for names, _ in entries for name in names.split(", ")]


def typed_entries(docstring: str) -> list[str]:
    """Return the entries of the Args: section that carry a type in parentheses.

    Args:
        docstring: a cleaned docstring.
    """
    return [names for names, kind in _entries(docstring) or [] if kind]


def _entries(docstring: str) -> list[tuple[str, str]] | None:
    lines = docstring.splitlines()
    if "Args:" not in lines:
        return None
    entries = []
    for line in lines[lines.index("Args:") + 1 :]:
        if line and not line.startswith(" "):
            break
        match = _ENTRY.match(line[4:]) if line.startswith("    ") and not line.startswith("     ") else None
        if match:
            entries.append((match.group(1), match.group(2) or ""))
    return entries


def _parameters(node: Function) -> list[str]:
    """Return the parameters that a caller gives, private ones left out."""
    arguments = node.args
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
    names += [a.arg for a in (arguments.vararg, *arguments.kwonlyargs, arguments.kwarg) if a is not None]
    return [name for name in names if name not in ("self", "cls") and not name.startswith("_")]


def _fields(node: ast.ClassDef) -> list[str] | None:
    """Return what a class is made from: its own __init__, or its annotated fields; None where a parent decides."""
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            return _parameters(item)
    is_dataclass = any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)
    if node.bases or not is_dataclass:
        return None
    fields = [item for item in node.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)]
    names = [item.target.id for item in fields if "ClassVar" not in ast.unparse(item.annotation)]  # type: ignore[union-attr]
    return [name for name in names if not name.startswith("_")]


def _is_overload(node: Named) -> bool:
    return any(ast.unparse(decorator).endswith(("overload", ".setter")) for decorator in node.decorator_list)


def main(arguments: list[str] | None = None) -> int:
    """Run the check.

    Args:
        arguments: words of the command line; those of the process where None.

    Returns:
        exit status: 0, or 1 where something was found.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path, help="files or folders; the whole code where none is given")
    options = parser.parse_args(arguments)
    files: list[Path] = []
    for path in options.paths or [ROOT / part for part in PARTS]:
        files += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    problems: list[str] = []
    for file in files:
        try:
            name = str(file.relative_to(ROOT)) if file.is_relative_to(ROOT) else str(file)
            problems += check_source(file.read_text(encoding="utf-8"), name)
        except (OSError, ValueError, SyntaxError) as error:
            problems.append(f"{file}: cannot be read: {error}")
    for problem in problems:
        print(problem)
    print(f"docstrings: {len(files)} files, {len(problems)} findings")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

"""Some three hundred hostile files, made here, each with the error that it deserves.

Three families: what goes through the pickle reader, the table readers and the parameters. Those of
zips, images, Keras, HDF5 and ONNX files stand beside the tests of their readers, in tests/hostile.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import json
import lzma
import pickle
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from canary import CANARY


@dataclass(frozen=True)
class Hostile:
    name: str
    file: str
    content: bytes
    code: str


# --- pickles that would run code -------------------------------------------------------------------

# (module, name, arguments): what has been used against readers of pickles, or could be.
GADGETS: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
    ("os", "system", ("{command}",)),
    ("posix", "system", ("{command}",)),
    ("nt", "system", ("{command}",)),
    ("os", "popen", ("{command}",)),
    ("os", "execv", ("/bin/sh", ["sh", "-c", "{command}"])),
    ("os", "spawnv", (0, "/bin/sh", ["sh", "-c", "{command}"])),
    ("os", "posix_spawn", ("/bin/sh", ["sh", "-c", "{command}"], {})),
    ("os", "remove", ("{canary}",)),
    ("os", "mkdir", ("{canary}",)),
    ("os", "mkfifo", ("{canary}",)),
    ("os", "symlink", ("/etc/passwd", "{canary}")),
    ("os", "_exit", (0,)),
    ("os", "abort", ()),
    ("os", "kill", (1, 9)),
    ("os", "fork", ()),
    ("os", "path.join", ("a", "b")),
    ("sys", "exit", (0,)),
    ("sys", "setrecursionlimit", (5,)),
    ("subprocess", "Popen", (["sh", "-c", "{command}"],)),
    ("subprocess", "call", (["sh", "-c", "{command}"],)),
    ("subprocess", "run", (["sh", "-c", "{command}"],)),
    ("subprocess", "check_output", (["sh", "-c", "{command}"],)),
    ("subprocess", "getoutput", ("{command}",)),
    ("commands", "getoutput", ("{command}",)),
    ("pty", "spawn", (["sh", "-c", "{command}"],)),
    ("builtins", "eval", ("{python}",)),
    ("builtins", "exec", ("{python}",)),
    ("builtins", "compile", ("{python}", "x", "exec")),
    ("builtins", "open", ("{canary}", "w")),
    ("builtins", "__import__", ("antigravity",)),
    ("builtins", "getattr", ("", "join")),
    ("builtins", "setattr", ("", "join", 1)),
    ("builtins", "breakpoint", ()),
    ("builtins", "input", ()),
    ("builtins", "exit", ()),
    ("builtins", "globals", ()),
    ("builtins", "map", ("", "")),
    ("__builtin__", "eval", ("{python}",)),
    ("__builtin__", "apply", ("", ())),
    ("importlib", "import_module", ("antigravity",)),
    ("imp", "load_source", ("x", "{canary}")),
    ("runpy", "run_path", ("{canary}",)),
    ("runpy", "run_module", ("antigravity",)),
    ("code", "interact", ()),
    ("codeop", "compile_command", ("{python}",)),
    ("timeit", "timeit", ("{python}",)),
    ("cProfile", "run", ("{python}",)),
    ("profile", "run", ("{python}",)),
    ("pdb", "run", ("{python}",)),
    ("bdb", "Bdb", ()),
    ("trace", "Trace", ()),
    ("doctest", "testfile", ("{canary}",)),
    ("ctypes", "CDLL", ("libc.so.6",)),
    ("socket", "create_connection", (("127.0.0.1", 1),)),
    ("socket", "socket", ()),
    ("http.client", "HTTPConnection", ("127.0.0.1",)),
    ("urllib.request", "urlopen", ("http://127.0.0.1:1/",)),
    ("ftplib", "FTP", ("127.0.0.1",)),
    ("webbrowser", "open", ("http://127.0.0.1:1/",)),
    ("pickle", "loads", (b"N.",)),
    ("_pickle", "loads", (b"N.",)),
    ("marshal", "loads", (b"N",)),
    ("shelve", "open", ("{canary}",)),
    ("types", "FunctionType", ()),
    ("types", "CodeType", ()),
    ("types", "SimpleNamespace", ()),
    ("operator", "attrgetter", ("system",)),
    ("operator", "methodcaller", ("system", "true")),
    ("operator", "itemgetter", (0,)),
    ("functools", "reduce", ("", "")),
    ("functools", "partialmethod", ("",)),
    ("itertools", "starmap", ("", "")),
    ("collections", "UserDict", ()),
    ("weakref", "ref", ("",)),
    ("gc", "get_objects", ()),
    ("inspect", "getsource", ("",)),
    ("shutil", "rmtree", ("{canary}",)),
    ("shutil", "copyfile", ("/etc/passwd", "{canary}")),
    ("tempfile", "mktemp", ()),
    ("pathlib", "PosixPath", ("{canary}",)),
    ("glob", "glob", ("/*",)),
    ("logging.config", "listen", ()),
    ("asyncio", "run", ("",)),
    ("threading", "Thread", ()),
    ("multiprocessing", "Process", ()),
    ("concurrent.futures", "ProcessPoolExecutor", ()),
    ("signal", "raise_signal", (9,)),
    ("resource", "setrlimit", (0, (1, 1))),
    ("pip", "main", (["install", "x"],)),
    ("pydoc", "pipepager", ("", "{command}")),
    ("distutils.spawn", "spawn", (["true"],)),
    ("numpy", "load", ("{canary}",)),
    ("numpy", "save", ("{canary}", 1)),
    ("numpy", "fromfile", ("/etc/passwd",)),
    ("numpy", "memmap", ("{canary}",)),
    ("numpy", "genfromtxt", ("/etc/passwd",)),
    ("numpy.testing._private.utils", "runstring", ("{python}", {})),
    ("numpy.f2py.capi_maps", "load_f2cmap_file", ("{canary}",)),
    ("numpy.f2py.crackfortran", "myeval", ("{python}",)),
    ("pandas", "read_pickle", ("{canary}",)),
    ("pandas", "eval", ("{python}",)),
    ("pandas.core.computation.eval", "eval", ("{python}",)),
    ("pandas.io.common", "get_handle", ("{canary}", "w")),
    ("joblib", "load", ("{canary}",)),
    ("joblib._store_backends", "concurrency_safe_rename", ("a", "b")),
    ("joblib.parallel", "Parallel", ()),
    ("scipy.io", "loadmat", ("{canary}",)),
    ("scipy.io", "savemat", ("{canary}", {})),
    ("sklearn.datasets", "fetch_openml", ("x",)),
    ("sklearn.datasets._base", "os.system", ("{command}",)),
    ("sklearn.utils._testing", "raises", ()),
    ("sklearn.externals.joblib", "load", ("{canary}",)),
    ("sklearn.utils._mocking", "CheckingClassifier", ()),
    ("torch", "load", ("{canary}",)),
    ("torch.hub", "load", ("x", "y")),
    ("torch._C", "_jit_clear_class_registry", ()),
    ("keras.models", "load_model", ("{canary}",)),
    ("cloudpickle.cloudpickle", "_make_function", ()),
    ("dill._dill", "_create_function", ()),
    ("lxml.etree", "parse", ("{canary}",)),
    ("__main__", "Model", ()),
    ("mine.models", "Classifier", ()),
)  # fmt: skip


def _called(module: str, name: str, arguments: tuple[Any, ...], protocol: int) -> bytes:
    body = b"(" + b"".join(pickle.dumps(argument, 2)[2:-1] for argument in arguments) + b"tR."
    if protocol == 0:
        return f"c{module}\n{name}\n".encode() + body
    short = b"".join(b"\x8c" + bytes([len(word)]) + word.encode() for word in (module, name))
    return b"\x80\x04" + short + b"\x93" + body


def code_running(*, canary: str = str(CANARY), port: int = 1) -> list[Hostile]:
    """Pickles that call something, plain in two protocols and squeezed as joblib squeezes."""
    python = f"open({canary!r}, 'w'); __import__('socket').create_connection(('127.0.0.1', {port}))"
    words = {"command": f"touch {canary}", "canary": canary, "python": python}

    def filled(value: Any) -> Any:
        match value:
            case str():
                return value.format(**words)
            case list() | tuple():
                return type(value)(map(filled, value))
            case 1 if isinstance(value, int):
                return value
            case _:
                return value

    squeeze = {"zlib": zlib.compress, "gzip": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
    found = []
    for place, (module, name, arguments) in enumerate(GADGETS):
        arguments = tuple(map(filled, arguments))
        if (module, name) == ("socket", "create_connection"):
            arguments = (("127.0.0.1", port),)
        plain = _called(module, name, arguments, 4 if place % 2 else 0)
        how = list(squeeze)[place % 4]
        for form, content in (("plain", plain), (how, squeeze[how](plain))):
            found.append(
                Hostile(f"{module}.{name}, {form}", "model.pkl", content, "unsafe_model.refused_globals")
            )
    return found


# --- tables ----------------------------------------------------------------------------------------

_ROWS = "\n".join(f"{k},{k * 7 % 11},{k % 2}" for k in range(40))
_TABLE = f"a,b,label\n{_ROWS}\n"


def _parquet(**columns: Any) -> bytes:
    packed = io.BytesIO()
    pq.write_table(pa.table(columns), packed)
    return packed.getvalue()


def _changed(content: bytes, place: int, new: bytes) -> bytes:
    place %= len(content)
    return content[:place] + new + content[place + len(new) :]


def tables() -> list[Hostile]:
    """Members' tables that are none, or not quite."""
    plain = _TABLE.encode()
    parquet = _parquet(a=[1.0] * 30, b=[2.0] * 30, label=[0, 1] * 15)
    made: dict[str, tuple[bytes, str]] = {
        "empty": (b"", "empty_table"),
        "white space": (b" \t\r\n" * 9, "empty_table"),
        "a mark alone": (codecs.BOM_UTF8, "empty_table"),
        "gzip of nothing": (gzip.compress(b""), "empty_table"),
        "one column": (b"a\n1\n2\n", "too_few_columns"),
        "one long word": (b"x" * 100_000, "too_few_columns"),
        "no record": (b"a,b,label\n", "no_rows"),
        "header and blank lines": (b"a,b,label\n\n\n\n", "no_rows"),
        "longer row": (plain + b"1,2,3,4\n", "ragged_row"),
        "shorter row": (plain + b"1,2\n", "ragged_row"),
        "very long row": (plain + b"1," * 5_000 + b"\n", "ragged_row"),
        "open quote": (plain + b'1,"2,0\n', "unterminated_quote"),
        "open quote first": (b'"' + plain, "unterminated_quote"),
        "open quote for long": (b'a,label\n"1,0\n' + b"3,0\n" * 50_000, "unterminated_quote"),
        "Latin-1": (plain + b"\xe4,1,0\n", "encoding"),
        "lone surrogate": (plain + b"\xed\xa0\x80,1,0\n", "encoding"),
        "overlong UTF-8": (plain + b"\xc0\xaf,1,0\n", "encoding"),
        "beyond Unicode": (plain + b"\xf4\x90\x80\x80,1,0\n", "encoding"),
        "random bytes": (np.random.default_rng(0).bytes(5_000), "encoding"),
        "half a UTF-16": (_TABLE.encode("utf-16")[:-1], "encoding"),
        "UTF-32 that is none": (b"\xff\xfe\x00\x00abc", "encoding"),
        "UTF-16 without mark": (_TABLE.encode("utf-16-le"), "nul_byte"),
        "NUL": (plain + b"\0,1,0\n", "nul_byte"),
        "twins": (b"a,a,label\n1,2,0\n2,3,1\n", "duplicate_columns"),
        "too many columns": (b",".join(b"c%d" % k for k in range(10_001)) + b"\n", "table_columns"),
        "zip": (b"PK\x03\x04" + bytes(30), "not_a_table"),
        "old Excel": (b"\xd0\xcf\x11\xe0" + bytes(30), "not_a_table"),
        "bzip2": (bz2.compress(plain), "not_a_table"),
        "xz": (lzma.compress(plain), "not_a_table"),
        "zstandard": (b"\x28\xb5\x2f\xfd" + bytes(30), "not_a_table"),
        "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(30), "not_a_table"),
        "NumPy": (b"\x93NUMPY" + bytes(30), "not_a_table"),
        "Arrow": (b"ARROW1" + bytes(30), "not_a_table"),
        "ORC": (b"ORC" + bytes(30), "not_a_table"),
        "pickle": (b"\x80\x04cos\nsystem\n.", "not_a_table"),
        "gzip twice": (gzip.compress(gzip.compress(plain)), "not_a_table"),
        "parquet in gzip": (gzip.compress(parquet), "not_a_table"),
        "gzip cut": (gzip.compress(plain)[:-9], "damaged_gzip"),
        "gzip checksum": (gzip.compress(plain)[:-8] + bytes(8), "damaged_gzip"),
        "gzip garbage": (b"\x1f\x8b\x08\x00" + b"\xff" * 60, "damaged_gzip"),
        "gzip of another method": (b"\x1f\x8b\x07" + bytes(60), "damaged_gzip"),
        "gzip head alone": (b"\x1f\x8b", "damaged_gzip"),
        "parquet mark alone": (b"PAR1", "damaged_parquet"),
        "parquet twice its mark": (b"PAR1PAR1", "damaged_parquet"),
        "encrypted parquet": (b"PARE" + bytes(60) + b"PARE", "damaged_parquet"),
        "parquet of zeros": (b"PAR1" + bytes(200) + b"PAR1", "damaged_parquet"),
        "parquet cut at the end": (parquet[:-5], "damaged_parquet"),
        "parquet cut in half": (parquet[: len(parquet) // 2], "damaged_parquet"),
        "parquet with a long footer": (_changed(parquet, -8, b"\xff\xff\xff\x7f"), "damaged_parquet"),
        "parquet with a negative footer": (_changed(parquet, -8, b"\xff\xff\xff\xff"), "damaged_parquet"),
        "parquet without footer": (_changed(parquet, -8, bytes(4)), "damaged_parquet"),
        "parquet footer garbled": (_changed(parquet, -60, b"\xff" * 40), "damaged_parquet"),
        "parquet pages garbled": (_changed(parquet, 4, b"\xff" * 60), "damaged_parquet"),
        "parquet of lists": (_parquet(a=[[1]] * 30, label=[0, 1] * 15), "unsupported_column"),
        "parquet of structs": (_parquet(a=[{"x": 1}] * 30, label=[0, 1] * 15), "unsupported_column"),
        "parquet of bytes": (_parquet(a=[b"x"] * 30, label=[0, 1] * 15), "unsupported_column"),
        "parquet of one column": (_parquet(label=[0, 1] * 15), "too_few_columns"),
        "parquet of no rows": (
            _parquet(a=pa.array([], pa.float64()), b=pa.array([], pa.float64())),
            "no_rows",
        ),
    }
    over = {"table_columns": "limit_exceeded"}
    return [
        Hostile(
            f"table: {name}",
            "train_mia.csv",
            content,
            f"{over.get(problem, 'bad_bundle')}.{problem}",
        )
        for name, (content, problem) in made.items()
    ]


# --- parameters ------------------------------------------------------------------------------------


def parameter_files() -> list[Hostile]:
    """Files in the place of parameters.json, for either audit."""
    text: dict[str, tuple[str | bytes, str]] = {
        "nothing": ("", "not_json"),
        "white space": (" \n", "not_json"),
        "an open brace": ("{", "not_json"),
        "Python": ("{'seed': 1}", "not_json"),
        "a comma too many": ('{"seed": 1,}', "not_json"),
        "two documents": ("{} {}", "not_json"),
        "a comment": ('{"seed": 1} // one', "not_json"),
        "YAML": ("seed: 1\n", "not_json"),
        "an open string": ('{"seed', "not_json"),
        "hexadecimal": ('{"seed": 0x1}', "not_json"),
        "a plus": ('{"seed": +1}', "not_json"),
        "half an escape": ('{"a": "\\ud8"}', "not_json"),
        "a control character": ('{"a": "\x01"}', "not_json"),
        "a list": ("[]", "not_an_object"),
        "a number": ("1", "not_an_object"),
        "null": ("null", "not_an_object"),
        "true": ("true", "not_an_object"),
        "a string": ('"{}"', "not_an_object"),
        "a key twice": ('{"seed": 1, "seed": 2}', "duplicate_key"),
        "a key twice below": ('{"a": {"b": 1, "b": 2}}', "duplicate_key"),
        "NaN": ('{"seed": NaN}', "not_finite"),
        "Infinity": ('{"seed": Infinity}', "not_finite"),
        "minus Infinity": ('{"seed": -Infinity}', "not_finite"),
        "too large for a float": ('{"seed": 1e999}', "not_finite"),
        "ten thousand digits": ('{"seed": ' + "9" * 10_000 + "}", "not_finite"),
        "deep lists": ("[" * 200_000, "nested_too_deep"),
        "deep objects": ('{"a":' * 100_000, "nested_too_deep"),
        "deep and closed": ('{"seed": ' + "[" * 20_000 + "]" * 20_000 + "}", "nested_too_deep"),
        "UTF-16": ('{"seed": 1}'.encode("utf-16"), "encoding"),
        "Latin-1": (b'{"label_column": "\xe4"}', "encoding"),
        "random bytes": (np.random.default_rng(1).bytes(500), "encoding"),
        "a megabyte too much": (
            b'{"x": "' + np.random.default_rng(2).bytes(1 << 19).hex().encode() + b'"}',
            "too_large",
        ),
    }
    values: dict[str, Any] = {
        "unknown": {"sead": 1},
        "unknown and long": {"x" * 10_000: 1},
        "unknown and unprintable": {"\x1b[2J\u202e": 1},
        "many unknown": {f"p{k}": k for k in range(5_000)},
        "dunder": {"__class__": "x", "__init__": {}},
        "seed as text": {"seed": "1"},
        "seed as float": {"seed": 1.5},
        "seed as truth": {"seed": True},
        "seed as list": {"seed": [1]},
        "seed negative": {"seed": -1},
        "seed too large": {"seed": 2**32},
        "attacks as number": {"attacks": 3},
        "no attack": {"attacks": []},
        "an attack twice": {"attacks": ["gap", "gap"]},
        "a long attack": {"attacks": ["x" * 101]},
        "many attacks": {"attacks": [f"a{k}" for k in range(101)]},
        "time_budget 0": {"time_budget": 0},
        "time_budget negative": {"time_budget": -5},
        "time_budget as text": {"time_budget": "60"},
        "time_budget of a year": {"time_budget": 31_536_000},
    }
    found = [
        Hostile(
            f"parameters: {name}",
            "parameters.json",
            content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"),
            f"bad_parameters.{problem}",
        )
        for name, (content, problem) in text.items()
    ]
    return found + [
        Hostile(
            f"parameters: {name}", "parameters.json", json.dumps(value).encode(), "bad_parameters.invalid"
        )
        for name, value in values.items()
    ]


def corpus(**settings: Any) -> list[Hostile]:
    """All of them."""
    return [*code_running(**settings), *tables(), *parameter_files()]

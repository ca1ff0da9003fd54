"""Reads Parquet, ORC and Arrow files with pyarrow; see child.go for what is spoken."""

import base64
import json
import struct
import sys

import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet

NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def values(array):
    """Returns the values of an array, in the forms of value.go."""
    t = array.type
    valid = array.is_valid().to_pylist()
    types = pa.types
    if types.is_dictionary(t):
        return values(array.dictionary_decode())
    if types.is_list(t) or types.is_large_list(t):
        below, at = values(array.values), array.offsets.to_pylist()
        return [below[at[i]:at[i + 1]] if ok else None for i, ok in enumerate(valid)]
    if types.is_map(t):
        pairs, at = list(zip(values(array.keys), values(array.items))), array.offsets.to_pylist()
        return [{"m": pairs[at[i]:at[i + 1]]} if ok else None for i, ok in enumerate(valid)]
    if types.is_struct(t):
        fields = [(t.field(i).name, values(array.field(i))) for i in range(t.num_fields)]
        return [{"s": {name: f[i] for name, f in fields}} if ok else None for i, ok in enumerate(valid)]
    if types.is_timestamp(t):
        scale = NANOSECONDS[t.unit]
        return [None if v is None else f"T{v * scale}" for v in array.view(pa.int64()).to_pylist()]
    if types.is_date32(t):
        return [None if v is None else f"D{v}" for v in array.view(pa.int32()).to_pylist()]
    write = writer(t)
    return [None if v is None else write(v) for v in array.to_pylist()]


def writer(t):
    types = pa.types
    if types.is_boolean(t):
        return bool
    if types.is_integer(t):
        return lambda v: f"i{v}"
    if types.is_float32(t):
        return lambda v: "f" + struct.pack(">f", v).hex()
    if types.is_float64(t):
        return lambda v: "d" + struct.pack(">d", v).hex()
    if types.is_decimal(t):
        return lambda v: "n" + format(v, "f")
    if types.is_string(t) or types.is_large_string(t):
        return lambda v: "s" + v
    if types.is_binary(t) or types.is_large_binary(t) or types.is_fixed_size_binary(t):
        return lambda v: "x" + base64.b64encode(v).decode()
    raise TypeError(f"no form for {t}")


def read(path):
    if path.endswith(".orc"):
        return pa.orc.ORCFile(path).read()
    if path.endswith(".arrow"):
        return pa.ipc.open_file(path).read_all()
    if path.endswith(".arrows"):
        return pa.ipc.open_stream(path).read_all()
    return pa.parquet.ParquetFile(path).read()


def count(path):
    if path.endswith(".orc"):
        return pa.orc.ORCFile(path).nrows
    return pa.parquet.ParquetFile(path).metadata.num_rows


def answer(request):
    if request.get("count"):
        return {"count": count(request["path"])}
    table = read(request["path"])
    columns = [[v for chunk in c.chunks for v in values(chunk)] for c in table.columns]
    return {
        "columns": [[f.name, str(f.type)] for f in table.schema],
        "rows": [{"s": dict(zip(table.column_names, row))} for row in zip(*columns)],
    }


for line in sys.stdin:
    try:
        out = answer(json.loads(line))
    except Exception as e:  # whatever it is, the other side wants to know
        out = {"error": f"{type(e).__name__}: {e}"}
    print(json.dumps(out), flush=True)

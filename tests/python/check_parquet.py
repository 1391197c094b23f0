"""Open Parquet files with pyarrow (and DuckDB, if there) and print what they hold, as JSON.

    python check_parquet.py FILE...

For every file: rows, columns, file metadata. A FixedSizeBinary column `latent`, described by the
file's metadata `coda.latent.dtype` (f16 or f32) and `coda.latent.shape` (such as "4,8,8"), is
viewed with NumPy without a copy; its shape, mean and standard deviation are printed.
Exit status 1, with the reason, if the column's width and the described shape disagree, the
metadata is missing, values are not finite, or DuckDB counts other rows.
Needs: pyarrow, numpy; duckdb is optional.
"""

import json
import math
import sys

import numpy as np
import pyarrow.parquet as pq
from pyarrow import types

DTYPES = {"f16": "<f2", "f32": "<f4"}


def file_metadata(schema) -> dict[str, str]:
    """Key-value metadata as text, without Arrow's own schema blob."""
    pairs = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
    return {key: value for key, value in pairs.items() if not key.startswith("ARROW:")}


def view_latents(column, metadata: dict[str, str]) -> np.ndarray:
    """The latents as an array (rows, *shape), sharing memory with the table where it can."""
    for key in ("coda.latent.dtype", "coda.latent.shape"):
        if key not in metadata:
            raise ValueError(f"metadata has no `{key}`")
    name = metadata["coda.latent.dtype"]
    if name not in DTYPES:
        raise ValueError(f"unknown coda.latent.dtype `{name}`")
    dtype = np.dtype(DTYPES[name])
    shape = tuple(int(side) for side in metadata["coda.latent.shape"].split(","))
    width, expected = column.type.byte_width, math.prod(shape) * dtype.itemsize
    if width != expected:
        raise ValueError(f"latent has {width} bytes a row, shape {shape} of {name} has {expected}")
    if column.null_count:
        raise ValueError(f"{column.null_count} latents are null")
    parts = []
    for chunk in column.chunks:
        values = np.frombuffer(chunk.buffers()[1], dtype=dtype)
        start = chunk.offset * math.prod(shape)
        parts.append(values[start : start + len(chunk) * math.prod(shape)].reshape(-1, *shape))
    return np.concatenate(parts) if parts else np.empty((0, *shape), dtype)


def latent_summary(latents: np.ndarray) -> dict:
    """Shape and moments; values that are not finite are an error."""
    if not np.isfinite(latents).all():
        raise ValueError("latents hold values that are not finite")
    summary = {"shape": list(latents.shape), "dtype": str(latents.dtype)}
    if latents.size:
        summary["mean"] = float(latents.mean(dtype=np.float64))
        summary["std"] = float(latents.std(dtype=np.float64))
    return summary


def duckdb_rows(path: str) -> int | None:
    """Row count as DuckDB sees it; None without DuckDB."""
    try:
        import duckdb
    except ImportError:
        return None
    return duckdb.execute("SELECT count(*) FROM read_parquet(?)", [path]).fetchone()[0]


def check(path: str) -> dict:
    table = pq.read_table(path)
    metadata = file_metadata(table.schema)
    report = {
        "path": path,
        "rows": table.num_rows,
        "columns": {field.name: str(field.type) for field in table.schema},
        "metadata": metadata,
    }
    if "latent" in table.column_names:
        column = table.column("latent")
        if types.is_fixed_size_binary(column.type):
            report["latent"] = latent_summary(view_latents(column, metadata))
    rows = duckdb_rows(path)
    if rows not in (None, table.num_rows):
        raise ValueError(f"DuckDB counts {rows} rows, pyarrow {table.num_rows}")
    report["duckdb_rows"] = rows
    return report


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    for path in sys.argv[1:]:
        try:
            print(json.dumps(check(path)))
        except (ValueError, OSError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

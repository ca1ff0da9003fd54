// Reads Parquet files with DuckDB; see child.go for what is spoken.
const { DuckDBInstance, DuckDBTypeId: id } = require("@duckdb/node-api");
const { boolean, integer, float, double, decimal, text, bytes, date, timestamp, map, struct, serve } = require("./wire.js");

// writer returns a function that writes values of a type.
function writer(type) {
  switch (type.typeId) {
    case id.BOOLEAN: return boolean;
    case id.TINYINT: case id.SMALLINT: case id.INTEGER: case id.BIGINT: case id.HUGEINT:
    case id.UTINYINT: case id.USMALLINT: case id.UINTEGER: case id.UBIGINT: return integer;
    case id.FLOAT: return float;
    case id.DOUBLE: return double;
    case id.DECIMAL: return (v) => decimal(v.value, v.scale);
    case id.VARCHAR: return text;
    case id.BLOB: return (v) => bytes(v.bytes);
    case id.DATE: return (v) => date(v.days);
    case id.TIMESTAMP_S: return (v) => timestamp(v.seconds * 1000000000n);
    case id.TIMESTAMP_MS: return (v) => timestamp(v.milliseconds * 1000000n);
    case id.TIMESTAMP: case id.TIMESTAMP_TZ: return (v) => timestamp(v.micros * 1000n);
    case id.TIMESTAMP_NS: return (v) => timestamp(v.nanoseconds ?? v.nanos);
    case id.LIST: {
      const element = nullable(writer(type.valueType));
      return (v) => v.items.map(element);
    }
    case id.MAP: {
      const key = writer(type.keyType), value = nullable(writer(type.valueType));
      return (v) => map(v.entries.map((e) => [key(e.key), value(e.value)]));
    }
    case id.STRUCT: {
      const fields = type.entryNames.map((name, i) => [name, nullable(writer(type.entryTypes[i]))]);
      return (v) => struct(fields.map(([name, write]) => [name, write(v.entries[name])]));
    }
  }
  throw new Error(`no form for ${type}`);
}

const nullable = (write) => (v) => (v === null ? null : write(v));

serve(async () => {
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  return async ({ path, query }) => {
    const result = await connection.runAndReadAll(query ?? `SELECT * FROM read_parquet('${path.replaceAll("'", "''")}')`);
    const names = result.columnNames(), types = result.columnTypes();
    const write = types.map((t) => nullable(writer(t)));
    return {
      columns: names.map((n, i) => [n, String(types[i])]),
      rows: result.getRows().map((row) => struct(row.map((v, i) => [names[i], write[i](v)]))),
    };
  };
});

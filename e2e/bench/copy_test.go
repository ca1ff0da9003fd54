package main

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hydrant-dev/hydrant/e2e/servers"
)

func TestCopyContestantsFillTheSameRows(t *testing.T) {
	d := &copyData{count: 2500, file: filepath.Join(t.TempDir(), "clicks.bin")}
	if err := d.prepare(t.Context()); errors.Is(err, servers.ErrNoPostgres) {
		t.Skipf("SKIPPED, NOT TESTED: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	rows := func(client copyClient) (sum string) {
		err := withCopyServer(t.Context(), func(server *servers.PostgresServer, conn *pgconn.PgConn) error {
			if _, err := client(t.Context(), server, d); err != nil {
				return err
			}
			result := conn.ExecParams(context.Background(), `SELECT count(*) || md5(string_agg(clicks::text, ',' ORDER BY id)) FROM clicks`, nil, nil, nil, nil).Read()
			if result.Err == nil {
				sum = string(result.Rows[0][0])
			}
			return result.Err
		})
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	want := rows(insertRows)
	for name, client := range map[string]copyClient{
		"hydrant": ourCopy, "psql": psqlCopy, "prepared bytes": bytesCopy, "pgx": pgxCopy(true), "pgx, no JSON": pgxCopy(false),
	} {
		if got := rows(client); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

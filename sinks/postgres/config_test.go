package postgres

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/configs/field"
)

func good() *Config {
	c := Default().(*Config)
	c.DSN = "postgres://hydrant@db:5432/shop?sslmode=verify-full"
	c.CopyCommand.DataTableName = "public.orders"
	c.S3Backup.Bucket = "file:///var/lib/failed"
	return c
}

func TestMistakesAreNamed(t *testing.T) {
	for _, tt := range []struct {
		change func(*Config)
		want   string // path of the problem; none if it is empty
	}{
		{func(*Config) {}, ""},
		{func(c *Config) { c.DSN = "" }, "dsn"},
		{func(c *Config) { c.DSN = "host=db user=hydrant dbname=shop" }, ""},
		{func(c *Config) { c.DSN = "jdbc:postgresql://db:5432/shop" }, ""},
		{func(c *Config) { c.DSN = "db:5432/shop" }, "dsn"},
		{func(c *Config) { c.DSN = "postgres://hydrant:canary@db/shop" }, "dsn"},
		{func(c *Config) { c.DSN = "postgres://hydrant@db/shop?password=canary" }, "dsn"},
		{func(c *Config) { c.DSN = "host=db password = canary" }, "dsn"},
		{func(c *Config) { c.DSN = "postgres://hydrant@db/shop?sslmode=verify-full&sslpassword=canary" }, "dsn"},
		{func(c *Config) { c.ConnectTimeout = 0 }, "connect_timeout"},
		{func(c *Config) { c.TLS.CertFile = "x" }, "tls.key_file"},
		{func(c *Config) { c.ConnectionName = "gone" }, "connection"},
		{func(c *Config) { c.CopyCommand.DataTableName = "" }, "copy_command.data_table_name"},
		{func(c *Config) { c.CopyCommand.DataTableName = "a.b.c" }, "copy_command.data_table_name"},
		{func(c *Config) { c.CopyCommand.DataTableName = `"a.b".c` }, ""},
		{func(c *Config) { c.CopyCommand.DataTableName = strings.Repeat("n", 64) }, "copy_command.data_table_name"},
		{func(c *Config) { c.CopyCommand.DataTableColumns = []string{"id", ""} }, "copy_command.data_table_columns"},
		{func(c *Config) { c.CopyCommand.DataTableColumns = []string{"id", "id"} }, "copy_command.data_table_columns"},
		{func(c *Config) { c.CopyCommand.DataTableColumns = []string{orderColumn} }, "copy_command.data_table_columns"},
		{func(c *Config) { c.OnConflict = &OnConflict{Do: Update} }, "on_conflict.keys"},
		{func(c *Config) { c.OnConflict = &OnConflict{Keys: []string{"id"}} }, "on_conflict.do"},
		{func(c *Config) { c.OnConflict = &OnConflict{Keys: []string{"id"}, Do: Nothing} }, ""},
		{func(c *Config) {
			c.CopyCommand.DataTableColumns, c.OnConflict = []string{"n"}, &OnConflict{Keys: []string{"id"}, Do: Update}
		}, "on_conflict.keys"},
		{func(c *Config) { c.CheckpointTable = "a.b.c" }, "checkpoint_table"},
		{func(c *Config) { c.CheckpointTable = "meta.batches" }, ""},
		{func(c *Config) { c.MaxConnections = 0 }, "max_connections"},
		{func(c *Config) { c.MaxConnections = 65 }, "max_connections"},
		{func(c *Config) { c.BufferingHints.Size = 2 << 30 }, "buffering_hints.size"},
		{func(c *Config) { c.BufferingHints.Interval = 0 }, "buffering_hints.interval"},
		{func(c *Config) { c.RetryOptions.Duration = -1 }, "retry_options.duration"},
		{func(c *Config) { c.RetryOptions.Duration = field.Duration(25 * time.Hour) }, "retry_options.duration"},
		{func(c *Config) { c.S3Backup.Bucket = "" }, "s3_backup.bucket"},
	} {
		c := good()
		tt.change(c)
		err := c.Validate()
		var paths []string
		for _, e := range field.Errors(err) {
			paths = append(paths, e.Path)
		}
		if tt.want == "" && err != nil || tt.want != "" && !slices.Equal(paths, []string{tt.want}) {
			t.Errorf("want %q: %v", tt.want, err)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("a secret is in %v", err)
		}
	}
}

func TestAConnectionIsTakenWhole(t *testing.T) {
	shared := DefaultConnection()
	shared.DSN, shared.Password = "postgres://hydrant@db/shop", field.NewSecret("canary")
	c := good()
	c.Connection, c.ConnectionName = *DefaultConnection(), "shop"
	if err := c.UseConnection(shared); err != nil || c.Validate() != nil || c.Password.Reveal() != "canary" {
		t.Errorf("UseConnection = %v, Validate = %v", err, c.Validate())
	}
	if err := good().UseConnection(shared); err == nil {
		t.Error("fields of a connection beside a connection were accepted")
	}
	if err := c.UseConnection("something else"); err == nil {
		t.Error("a connection of another kind was accepted")
	}
}

func TestUpdatesAreSentInOrder(t *testing.T) {
	c := good()
	if c.InOrder() {
		t.Error("rows that are only added wait for each other")
	}
	c.OnConflict = &OnConflict{Keys: []string{"id"}, Do: Nothing}
	if c.InOrder() {
		t.Error("rows that stay wait for each other")
	}
	c.OnConflict.Do = Update
	if !c.InOrder() {
		t.Error("updates overtake each other")
	}
}

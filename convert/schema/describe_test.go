package schema

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const allTypes = "a:boolean not null,b:tinyint,c:smallint,d:int,e:bigint,f:float,g:double,h:decimal(10,2),i:string,j:varchar(3),k:char(2)," +
	"l:binary,m:date,n:timestamp,o:array<map<string,int not null>>,p:struct<`it's`:int,`q\"`:array<array<date>>>"

func TestDescribe(t *testing.T) {
	want := `name   type                                         required
id     bigint                                       yes
größe  decimal(10,2)                                no
pos    struct<lat:double not null,tags:array<int>>  no
`
	got := Describe(columns(t, "id:bigint not null,größe:decimal(10,2),pos:struct<lat:double not null,tags:array<int>>"))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDuckDBColumns(t *testing.T) {
	want := `{'a': 'BOOLEAN', 'b': 'TINYINT', 'c': 'SMALLINT', 'd': 'INTEGER', 'e': 'BIGINT', 'f': 'FLOAT', 'g': 'DOUBLE', ` +
		`'h': 'DECIMAL(10,2)', 'i': 'VARCHAR', 'j': 'VARCHAR', 'k': 'VARCHAR', 'l': 'BLOB', 'm': 'DATE', 'n': 'TIMESTAMP', ` +
		`'o': 'MAP(VARCHAR, INTEGER)[]', 'p': 'STRUCT("it''s" INTEGER, "q""" DATE[][])'}`
	if diff := cmp.Diff(want, DuckDBColumns(columns(t, allTypes))); diff != "" {
		t.Error(diff)
	}
}

func TestDDL(t *testing.T) {
	golden(t, "all.sql", []byte(DDL(columns(t, allTypes), Table{Name: "web.clicks", StoredAs: "ORC", Location: "s3://bucket/clicks/"})))
	want := "CREATE EXTERNAL TABLE `t` (\n  `a` int\n);\n"
	if diff := cmp.Diff(want, DDL(columns(t, "a:int"), Table{Name: "t"})); diff != "" {
		t.Error(diff)
	}
}

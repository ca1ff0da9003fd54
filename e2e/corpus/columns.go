package corpus

import "fmt"

// Column is a column of the table a corpus is converted to.
type Column struct {
	Name string
	Type string // in Hive's words: "array<struct<id:bigint>>"
}

// Columns returns the table for the corpus of a name, or nil if there is none.
func Columns(name string) []Column {
	switch name {
	case "clicks":
		return ClickColumns()
	case "github":
		return GitHubColumns()
	case "sensors":
		return SensorColumns()
	}
	return nil
}

// ClickColumns returns a column for each field of [Clicks].
func ClickColumns() []Column {
	return []Column{
		{"id", "string"}, {"ts", "timestamp"}, {"user_id", "bigint"}, {"session", "string"}, {"event", "string"},
		{"path", "string"}, {"ref", "string"}, {"country", "string"}, {"device", "string"}, {"agent", "string"},
		{"ip", "string"}, {"status", "int"}, {"bytes", "bigint"}, {"ms", "double"}, {"bot", "boolean"},
	}
}

// GitHubColumns returns columns for about half the fields of [GitHub]: 84 plain
// values, four levels deep, with three lists of objects.
func GitHubColumns() []Column {
	return []Column{
		{"id", "string"},
		{"type", "string"},
		{"actor", "struct<id:bigint,login:string,display_login:string,gravatar_id:string,url:string,avatar_url:string>"},
		{"repo", "struct<id:bigint,name:string,url:string>"},
		{"payload", "struct<" +
			"push_id:bigint,size:int,distinct_size:int,ref:string,head:string,before:string," +
			"commits:array<struct<sha:string,author:struct<email:string,name:string>,message:string,distinct:boolean,url:string>>," +
			"action:string,number:int," +
			"issue:struct<url:string,id:bigint,number:int,title:string," +
			"user:struct<login:string,id:bigint,type:string,site_admin:boolean>," +
			"labels:array<struct<url:string,name:string,color:string,default:boolean>>," +
			"state:string,locked:boolean,comments:int,created_at:timestamp,updated_at:timestamp,closed_at:timestamp,body:string>," +
			"comment:struct<url:string,id:bigint,user:struct<login:string,id:bigint>,created_at:timestamp,updated_at:timestamp,body:string>," +
			"pull_request:struct<url:string,id:bigint,number:int,state:string,locked:boolean,title:string," +
			"user:struct<login:string,id:bigint>,body:string,created_at:timestamp," +
			"head:struct<ref:string,sha:string>,base:struct<ref:string,sha:string>," +
			"merged:boolean,comments:int,commits:int,additions:int,deletions:int,changed_files:int>," +
			"forkee:struct<id:bigint,full_name:string>," +
			"release:struct<tag_name:string,name:string>," +
			"pages:array<struct<page_name:string,action:string>>>"},
		{"public", "boolean"},
		{"created_at", "timestamp"},
		{"org", "struct<id:bigint,login:string,gravatar_id:string,url:string,avatar_url:string>"},
	}
}

// SensorColumns returns a column for each field of [Sensors].
func SensorColumns() []Column {
	columns := []Column{{"ts", "timestamp"}, {"device", "string"}, {"site", "string"}}
	for i := range 24 {
		columns = append(columns, Column{fmt.Sprintf("%s_%d", quantities[i%len(quantities)], i/len(quantities)), "double"})
	}
	for i := range 16 {
		columns = append(columns, Column{fmt.Sprintf("counter_%d", i), "int"})
	}
	return columns
}

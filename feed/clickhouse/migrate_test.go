package clickhouse

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"tapedeck/feed/clickhouse/chdb"
)

// Tables are made once, and what is there is left alone.
func TestClickHouseMigrate(t *testing.T) {
	db := empty(t)
	count := func() (n int) {
		t.Helper()
		if err := db.Migrate(t.Context(), Plan{}, func(Step) { n++ }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	first, again := count(), count()
	if first < 8 || again != 2 {
		t.Errorf("%d statements at first and %d again, want all and 2", first, again)
	}
}

// A table of another schema is named, with its column.
func TestClickHouseMigrateFindsAnotherSchema(t *testing.T) {
	db := empty(t)
	for _, s := range []string{
		"CREATE DATABASE " + db.Database(),
		"CREATE TABLE " + db.Table("marks") + " (day Date, log UInt64, offset Int64, time Int64, clock String) ENGINE = MergeTree PARTITION BY day ORDER BY log",
	} {
		if err := db.exec(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	err := db.Migrate(t.Context(), Plan{}, nil)
	if !errors.Is(err, ErrSchema) || !strings.Contains(err.Error(), "column clock of "+db.Table("marks")+" is String, but must be Int64") {
		t.Error(err)
	}
}

func TestClickHouseSaysWhatIsWrong(t *testing.T) {
	addr := address(t)
	tests := []struct {
		name string
		c    Config
		kind error
	}{
		{"nobody there", Config{Addrs: []string{"127.0.0.1:1"}}, ErrAway},
		{"a wrong password", Config{Addrs: []string{addr}, User: "tapedeck", Password: "no"}, ErrDenied},
		{"nobody known", Config{Addrs: []string{addr}, User: "nobody", Password: "no"}, ErrDenied},
		{"no right to create", Config{Addrs: []string{addr}, User: "stranger", Password: "secret", Database: "of_nobody"}, ErrDenied},
	}
	for _, tt := range tests {
		if err := connect(t, tt.c).Migrate(t.Context(), Plan{}, nil); !errors.Is(err, tt.kind) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if err := empty(t).Check(t.Context()); !errors.Is(err, ErrSchema) {
		t.Errorf("no tables: %v", err)
	}
	if err := empty(t).Migrate(t.Context(), Plan{Cluster: "nosuch"}, nil); !errors.Is(err, ErrCluster) || !strings.Contains(err.Error(), "no cluster nosuch") {
		t.Errorf("a cluster that nobody knows: %v", err)
	}
	if err := empty(t).Migrate(t.Context(), Plan{Days: 7}, nil); err == nil || !strings.Contains(err.Error(), "--ttl") {
		t.Errorf("an old server asked to remove what is old: %v", err)
	}
}

// The engine of today takes the same schema, with codecs and an age, twice, and has the columns that are expected.
func TestClickHouseSchemaOnChdb(t *testing.T) {
	c := chdb.Start(t)
	modern := Version{26, 9}
	for range 2 {
		steps, err := Plan{Days: 30}.Steps(modern, "tapedeck")
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range steps {
			c.Run(t, s.SQL)
		}
	}
	want, err := expected(modern, "tapedeck")
	if err != nil {
		t.Fatal(err)
	}
	var have []column
	for _, row := range c.Run(t, "SELECT table, name, type FROM system.columns WHERE database = 'tapedeck'") {
		f := strings.Split(row, "\t")
		have = append(have, column{f[0], f[1], plain(f[2])})
	}
	for _, w := range want {
		if !slices.Contains(have, w) {
			t.Errorf("chDB has no %v", w)
		}
	}
}

// The engine of today, which is embedded and has no cluster, at least understands what a cluster is told.
func TestClickHouseClusterSchemaOnChdb(t *testing.T) {
	c := chdb.Start(t)
	steps, err := Plan{Cluster: "desk", Days: 30}.Steps(Version{26, 9}, "tapedeck")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range steps {
		tree := strings.Join(c.Run(t, "EXPLAIN AST "+s.SQL), "\n")
		if strings.Contains(s.SQL, "ENGINE =") && !strings.Contains(tree, "Replicated") {
			t.Errorf("%s\nis understood as\n%s", s.SQL, tree)
		}
	}
	if _, err := c.Try(t, "EXPLAIN AST CREATE TABLE a.b ON CLUSTER (x) (y Int8) ENGINE = Null"); err == nil {
		t.Error("it takes a statement that is none")
	}
}

// On a cluster each statement says so, and each table has its replicas.
func TestClusterSchema(t *testing.T) {
	steps, err := Plan{Cluster: "desk", Days: 7}.Steps(Version{26, 9}, "tapedeck")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range steps {
		if strings.HasPrefix(s.SQL, "INSERT") {
			continue
		}
		if !strings.Contains(s.SQL, "ON CLUSTER desk") {
			t.Errorf("made on one server only: %s", s.SQL)
		}
		if strings.Contains(s.SQL, "ENGINE =") && !strings.Contains(s.SQL, "ENGINE = Replicated") {
			t.Errorf("without replicas: %s", s.SQL)
		}
	}
	if _, err := (Plan{Cluster: "a; DROP"}).Steps(Version{26, 9}, "tapedeck"); err == nil {
		t.Error("took a cluster's name that is none")
	}
}

// What is expected of a table is read off the schema's text: of each table, each column.
func TestExpectedColumns(t *testing.T) {
	for _, v := range []Version{{18, 16}, {26, 9}} {
		list, err := expected(v, "tapedeck")
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []column{
			{"records", "log", "UInt64"}, {"records", "symbol", "String"}, {"records", "header_keys", "Array(String)"},
			{"records", "bytes", "UInt32"}, {"days", "first", "AggregateFunction(min, Int64)"}, {"candles_1m", "offset", "Int64"},
		} {
			if !slices.Contains(list, want) {
				t.Errorf("%s: %v is not expected", v, want)
			}
		}
	}
}

// A server that is too old for the tables is told so, and by how much.
func TestOldServers(t *testing.T) {
	for v, old := range map[Version]bool{{18, 14}: true, {1, 1}: true, {18, 16}: false, {19, 1}: false, {26, 9}: false} {
		if err := v.check(); old != errors.Is(err, ErrSchema) || old && !strings.Contains(err.Error(), "18.16") {
			t.Errorf("%s: %v", v, err)
		}
	}
}

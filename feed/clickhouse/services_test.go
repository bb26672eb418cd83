package clickhouse

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// address is where the test server is; without one the test is skipped.
func address(t testing.TB) string {
	t.Helper()
	a := os.Getenv("TAPEDECK_TEST_CLICKHOUSE")
	if a == "" {
		t.Skip("TAPEDECK_TEST_CLICKHOUSE names no server: deploy/test-services/clickhouse.sh starts one")
	}
	return a
}

// connect opens the test server as the user tapedeck, unless c says otherwise.
func connect(t testing.TB, c Config) *DB {
	t.Helper()
	if c.Addrs == nil {
		c.Addrs = []string{address(t)}
	}
	if c.User == "" {
		c.User, c.Password = "tapedeck", "secret"
	}
	db, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

var databases atomic.Int32

// empty opens a database of the test's own without tables.
func empty(t testing.TB) *DB {
	t.Helper()
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), databases.Add(1))
	db := connect(t, Config{Database: name})
	t.Cleanup(func() {
		if err := db.exec(context.Background(), "DROP DATABASE IF EXISTS "+name); err != nil {
			t.Error(err)
		}
	})
	return db
}

// archive opens one with tables.
func archive(t testing.TB) *DB {
	t.Helper()
	db := empty(t)
	if err := db.Migrate(t.Context(), Plan{}, nil); err != nil {
		t.Fatal(err)
	}
	return db
}

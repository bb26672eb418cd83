package clickhouse

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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

// chdb is the engine of today, in a process of its own.
type chdb struct {
	in  io.Writer
	out *bufio.Reader
}

func newChdb(t testing.TB) *chdb {
	t.Helper()
	python := os.Getenv("TAPEDECK_TEST_CHDB")
	if python == "" {
		t.Skip("TAPEDECK_TEST_CHDB names no Python with chDB: deploy/test-services/clickhouse.sh brings one")
	}
	dir, err := os.MkdirTemp("", "chdb")
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(python, "../../deploy/test-services/run-chdb.py", dir)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		slow := time.AfterFunc(20*time.Second, func() { c.Process.Kill() })
		c.Wait()
		slow.Stop()
		os.RemoveAll(dir)
	})
	return &chdb{in, bufio.NewReader(out)}
}

// run runs one statement and returns its rows as TSV.
func (c *chdb) run(t testing.TB, statement string) []string {
	t.Helper()
	if _, err := io.WriteString(c.in, statement+"\n\x00\n"); err != nil {
		t.Fatal(err)
	}
	verdict, err := c.out.ReadString('\n')
	if err != nil {
		t.Fatalf("chDB ended: %v", err)
	}
	var rows []string
	for {
		line, err := c.out.ReadString('\n')
		if err != nil {
			t.Fatalf("chDB ended: %v", err)
		}
		if line == "\x00\n" {
			break
		}
		rows = append(rows, strings.TrimSuffix(line, "\n"))
	}
	if verdict != "ok\n" {
		t.Fatalf("chDB: %s%s", verdict, statement)
	}
	return rows
}

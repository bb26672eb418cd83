// Package chdb runs statements on the ClickHouse engine of today, in a Python process of its own, for tests.
package chdb

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

//go:embed run.py
var program string

// Engine is one. Its tables are gone when the test ends. It is used by one goroutine at a time.
type Engine struct {
	in  io.Writer
	out *bufio.Reader
}

// Start starts one. The test is skipped where TAPEDECK_TEST_CHDB names no Python that has chDB.
func Start(t testing.TB) *Engine {
	t.Helper()
	python := os.Getenv("TAPEDECK_TEST_CHDB")
	if python == "" {
		t.Skip("TAPEDECK_TEST_CHDB names no Python with chDB: deploy/test-services/clickhouse.sh brings one")
	}
	dir, err := os.MkdirTemp("", "chdb")
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(python, "-c", program, dir)
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
	return &Engine{in, bufio.NewReader(out)}
}

// Run runs one statement and returns its rows as TSV. The test fails if the engine refuses it.
func (e *Engine) Run(t testing.TB, statement string) []string {
	t.Helper()
	rows, err := e.Try(t, statement)
	if err != nil {
		t.Fatalf("chDB: %v: %s", err, statement)
	}
	return rows
}

// Try is Run of what the engine may refuse.
func (e *Engine) Try(t testing.TB, statement string) ([]string, error) {
	t.Helper()
	if _, err := io.WriteString(e.in, statement+"\n\x00\n"); err != nil {
		t.Fatal(err)
	}
	next := func() string {
		line, err := e.out.ReadString('\n')
		if err != nil {
			t.Fatal(fmt.Errorf("chDB ended: %w", err))
		}
		return strings.TrimSuffix(line, "\n")
	}
	verdict := next()
	var rows []string
	for line := next(); line != "\x00"; line = next() {
		rows = append(rows, line)
	}
	if verdict != "ok" {
		return nil, errors.New(strings.TrimPrefix(verdict, "error: "))
	}
	return rows, nil
}

package record

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	clickhousefeed "tapedeck/feed/clickhouse"
)

// services runs the script that starts ClickHouse.
func services(t testing.TB, command, name string) string {
	t.Helper()
	c := exec.Command("../../../deploy/test-services/clickhouse.sh", command, name)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("clickhouse.sh %s: %v", command, err)
	}
	return strings.TrimSpace(string(out))
}

// Two servers with a ZooKeeper are replicas: what is made and recorded at one is there at the other, a server that comes later gets the
// tables and what is in them, and one that goes is not missed.
func TestClickHouseCluster(t *testing.T) {
	realClickHouse(t) // skips
	t.Cleanup(func() { services(t, "unpair", "pair") })
	services(t, "pair", "pair")
	first, second := services(t, "address", "pair-1"), services(t, "address", "pair-2")
	plan := clickhousefeed.Plan{Cluster: "desk"}
	w := newWorldAt(t, first, plan)
	one, two := w.db, w.open(second)
	w.db = two // what is asked below
	alone := newWorldAt(t, first, clickhousefeed.Plan{})
	if err := alone.db.Migrate(t.Context(), plan, nil); !errors.Is(err, clickhousefeed.ErrCluster) || !strings.Contains(err.Error(), "without --cluster") {
		t.Errorf("tables that were there without replicas: %v", err)
	}
	if err := two.Migrate(t.Context(), plan, nil); err != nil {
		t.Fatalf("again, at the other server: %v", err)
	}
	w.sendTrades(30_000) // two minutes and a half
	c, out := w.recorder(first, "--batch-rows", "10000")
	w.complete(out)
	c.Process.Signal(os.Interrupt)
	if err := c.Wait(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	alike := func(what string) {
		t.Helper()
		eventually(t, what, func() string {
			for _, table := range []string{"records", "days", "marks", "holes", "checkpoints", "trades", "candles_1m", "versions"} {
				a, b := rows(t, one, table), rows(t, two, table)
				if a != b || a == 0 && table != "holes" {
					return fmt.Sprintf("of %s there are %d rows at the first and %d at the second", table, a, b)
				}
			}
			a, err := one.Days(t.Context(), clickhousefeed.Filter{})
			b, other := two.Days(t.Context(), clickhousefeed.Filter{})
			if err = errors.Join(err, other); err != nil || !reflect.DeepEqual(a, b) || len(a) == 0 {
				return fmt.Sprintf("the days are %+v and %+v, %v", a, b, err)
			}
			return ""
		})
	}
	alike("both have everything")

	if err := two.Conn().Exec(t.Context(), "DROP DATABASE "+w.name); err != nil {
		t.Fatal(err)
	}
	if err := one.Migrate(t.Context(), plan, nil); err != nil {
		t.Fatal(err)
	}
	alike("a server that was added has everything")
	services(t, "kill", "pair-2")
	if logs, err := w.open(second, first).Logs(t.Context()); err != nil || len(logs) != partitions {
		t.Errorf("with one of them gone there are %+v, %v", logs, err)
	}
}

func rows(t testing.TB, db *clickhousefeed.DB, table string) (n uint64) {
	t.Helper()
	if err := db.Conn().QueryRow(t.Context(), "SELECT count() FROM "+db.Table(table)).Scan(&n); err != nil {
		return 0 // not there yet, or not yet again
	}
	return n
}

// eventually polls what tells why something is not yet so.
func eventually(t testing.TB, what string, why func() string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		reason := why()
		if reason == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within 30 s: %s: %s", what, reason)
		}
	}
}

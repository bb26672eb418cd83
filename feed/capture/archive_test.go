package capture_test

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/capture"
)

// written is a session of n messages, one in a hundred of them in a second file, packed.
func written(t *testing.T, n int) []string {
	t.Helper()
	dir := t.TempDir()
	raw, rest := filepath.Join(dir, "s.raw"), filepath.Join(dir, "s.rest.raw.gz")
	var a, b strings.Builder
	for i := range n {
		at := 1_700_000_000_000_000 + int64(i)*1500
		if i%100 == 99 {
			fmt.Fprintf(&b, "%d https://x.example/depth?symbol=BTCUSDT {\"rest\":%d}\n", at, i)
		} else {
			fmt.Fprintf(&a, "%d {\"n\":%d}\n", at, i)
		}
	}
	if err := os.WriteFile(raw, []byte(a.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(rest)
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	z.Write([]byte(b.String()))
	if err := errors.Join(z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return []string{raw, rest}
}

func TestArchive(t *testing.T) {
	const n = 10_000
	a, err := capture.OpenArchive(t.Context(), "made", written(t, n)...)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	logs, _ := a.Logs(t.Context())
	if len(logs) != 1 || logs[0].Topic != "import:s" || logs[0].Next != n || logs[0].Begin != 1_700_000_000_000_000 {
		t.Fatalf("it holds %+v", logs)
	}
	id := logs[0].LogID
	var clocks []int64
	for from := int64(0); from < n; {
		next, err := a.Read(t.Context(), id, feed.Window{From: from, Bytes: 5000}, func(r *feed.Record) error {
			want := fmt.Sprintf(`{"n":%d}`, r.Offset)
			if r.Offset%100 == 99 {
				want = fmt.Sprintf(`{"rest":%d}`, r.Offset)
			}
			if r.Offset != int64(len(clocks)) || string(r.Value) != want || (r.Offset%100 == 99) != (len(r.Headers) == 1) {
				t.Fatalf("record %d came as %d: %s", len(clocks), r.Offset, r.Value)
			}
			clocks = append(clocks, r.Clock)
			return nil
		})
		if err != nil || next <= from {
			t.Fatal(next, err)
		}
		from = next
	}
	for _, at := range []int64{1, clocks[1], clocks[7], clocks[5000] - 1, clocks[5000], clocks[5000] + 1, clocks[n-1], clocks[n-1] + 1} {
		want, _ := slices.BinarySearch(clocks, at)
		offset, clock, err := a.Seek(t.Context(), id, at)
		if err != nil || offset != int64(want) || want > 0 && clock != clocks[want-1] {
			t.Errorf("%d is at %d, the clock before it %d (%v), want %d", at, offset, clock, err, want)
		}
	}
	if next, err := a.Read(t.Context(), id, feed.Window{From: 40, To: 42}, func(r *feed.Record) error { return nil }); next != 42 || err != nil {
		t.Errorf("read up to %d: %v", next, err)
	}
	if next, err := a.Read(t.Context(), id, feed.Window{From: n}, func(r *feed.Record) error { return nil }); next != n || err != nil {
		t.Errorf("read beyond the end up to %d: %v", next, err)
	}
	if _, err := a.Read(t.Context(), id, feed.Window{From: 5}, func(*feed.Record) error { return io.ErrClosedPipe }); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("take's error was %v", err)
	}
}

func TestArchiveRefusesABadLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bad.raw")
	if err := os.WriteFile(path, []byte("1700000000000000 {}\nnonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := capture.OpenArchive(t.Context(), "made", path); err == nil || !strings.Contains(err.Error(), "bad.raw:2") {
		t.Fatalf("a bad line is told as %v", err)
	}
}

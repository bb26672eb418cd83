package publish

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"tapedeck/cmd/replay/stretch"
	"tapedeck/feed"
	"tapedeck/feed/tape"
)

// recorded is an archive of two partitions of a topic.
func recorded(records int) *tape.Tape {
	t := tape.New(1 << 30)
	for i := range records {
		r := feed.Record{Offset: int64(i / 2), Time: begin + int64(i)*1000, Key: []byte(fmt.Sprintf("S%d", i%5)), Value: []byte(fmt.Sprintf(`{"s":"S%d","n":%d}`, i%5, i))}
		switch i % 7 {
		case 1:
			r.Headers = []feed.Header{{Key: "symbol", Value: []byte("S")}, {Key: "from", Value: []byte("collector 1")}, {Key: lineHeader, Value: []byte("99")}}
		case 2:
			r.Key = nil
		case 3:
			r.Value = nil
		case 4:
			r.Value = []byte{}
		}
		t.Append(feed.LogID{Cluster: "c", Topic: "md", Partition: int32(i % 2), Format: "toy"}, &r)
	}
	return t
}

func archivedOptions(t testing.TB, k *kfake.Cluster, arch feed.Archive) Options {
	o := quick(t, client(t, k.ListenAddrs()...), "raw")
	o.Stretch = &stretch.Stretch{Archive: arch, Formats: []*feed.Format{toy}}
	return o
}

// What an archive holds comes into a topic as it was: keys, values, headers, times, in the order of time.
func TestArchive(t *testing.T) {
	const records = 700
	k := broker(t, kfake.SeedTopics(3, "raw"))
	o := archivedOptions(t, k, recorded(records))
	r := must(t, o)
	if r.Sent != records || r.Messages != records {
		t.Fatalf("%+v", r)
	}
	list := all(t, o.Client, "raw", 3)
	exactlyOnce(t, list, records)
	for _, g := range list {
		i := int(g.line() - 1)
		key, value := fmt.Sprintf("S%d", i%5), fmt.Sprintf(`{"s":"S%d","n":%d}`, i%5, i)
		headers := map[string]string{}
		switch i % 7 {
		case 1:
			headers["symbol"], headers["from"] = "S", "collector 1"
		case 3, 4:
			value = ""
		}
		delete(g.headers, lineHeader)
		if !strings.HasPrefix(g.headers[captureHeader], "md/") {
			t.Fatalf("record %d is of the session %s", i, g.headers[captureHeader])
		}
		delete(g.headers, captureHeader)
		if g.key != key || g.value != value || g.time.UnixMicro() != begin+int64(i)*1000 || !maps.Equal(g.headers, headers) {
			t.Fatalf("record %d is %+v, want key %s, value %s, headers %v", i, g, key, value, headers)
		}
	}
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "has this session already") {
		t.Errorf("once more: %v", err)
	}
}

// A stretch is a stretch, and an interrupted one is resumed without a record missing or doubled.
func TestArchiveResumes(t *testing.T) {
	const records = 3000
	k := broker(t, kfake.SeedTopics(2, "raw"))
	arch := recorded(records)
	for runs := 0; ; runs++ {
		o := archivedOptions(t, k, arch)
		o.Stretch.From, o.Stretch.To, o.Resume = begin+500_000, begin+2_500_000, runs > 0
		ctx, cancel := context.WithCancel(t.Context())
		o.Stretch.Archive = &failing{arch, cancel, 3 * (runs + 1)}
		_, err := Run(ctx, o)
		cancel()
		if err == nil {
			if runs == 0 {
				t.Fatal("nothing was interrupted")
			}
			break
		}
		if !errors.Is(err, context.Canceled) || runs > 50 {
			t.Fatalf("run %d: %v", runs, err)
		}
	}
	list := all(t, client(t, k.ListenAddrs()...), "raw", 2)
	exactlyOnce(t, list, 2000)
	slices.SortFunc(list, func(a, b got) int { return a.time.Compare(b.time) })
	if first, last := list[0].time.UnixMicro(), list[len(list)-1].time.UnixMicro(); first != begin+500_000 || last != begin+2_499_000 {
		t.Errorf("it goes from %d to %d", first-begin, last-begin)
	}
}

// failing is an archive that ends the publication at one of its reads; windows of it are small.
type failing struct {
	feed.Archive
	end  func()
	left int
}

func (f *failing) Read(ctx context.Context, id feed.LogID, w feed.Window, take func(*feed.Record) error) (int64, error) {
	if id.Partition == 0 {
		if f.left--; f.left == 0 {
			f.end()
		}
	}
	w.Bytes = 16 << 10
	return f.Archive.Read(ctx, id, w, take)
}

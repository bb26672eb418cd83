package publish

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"tapedeck/feed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// must publishes all of a session, or fails.
func must(t *testing.T, o Options) Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := Run(ctx, o)
	if err != nil {
		t.Fatalf("%+v, %v", r, err)
	}
	return r
}

func TestPublish(t *testing.T) {
	b := broker(t, kfake.SeedTopics(3, "raw"))
	c := client(t, b.ListenAddrs()...)
	file := write(t, "s.raw",
		`1700000000000000 {"s":"A"}`, `1700000000000900 {"s":"B"}`, `1700000000001000 {"s":"A","agg":1}`,
		`1700000000002000 {"ack":1}`, `1700000000003000 {{`, `garbage`, ``, `1700000000005000 {"s":"A"}`)
	rest := filepath.Join(filepath.Dir(file), "s.rest.raw")
	if err := os.WriteFile(rest, []byte("1700000000000950 https://h/depth?symbol=B {\"rest\":1}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := quick(t, c, "raw", file, rest)
	r := must(t, o)
	if r.Messages != 7 || r.Sent != 6 || r.LeftOut != 1 || r.BadLines != 1 || r.Refused[feed.BadJSON] != 1 || !strings.HasPrefix(r.FirstBad.Error(), file+":6: ") {
		t.Errorf("result %+v", r)
	}
	records := all(t, c, "raw", 3)
	slices.SortFunc(records, func(a, b got) int { return int(a.line() - b.line()) })
	want := []struct {
		line, ms           int64
		key, value, header string
	}{
		{1, 0, "A", `{"s":"A"}`, ""},
		{2, 0, "B", `{"s":"B"}`, ""},
		{3, 0, "B", `{"rest":1}`, "B"},
		{4, 1, "A", `{"s":"A","agg":1}`, ""},
		{6, 3, "s", `{{`, ""},
		{8, 5, "A", `{"s":"A"}`, ""},
	}
	if len(records) != len(want) {
		t.Fatalf("%d records, want %d", len(records), len(want))
	}
	for i, w := range want {
		g := records[i]
		s, ok := parseSession(g.headers[captureHeader])
		if g.line() != w.line || g.time.UnixMilli() != begin/1000+w.ms || g.key != w.key || g.value != w.value || g.headers[symbolHeader] != w.header ||
			!ok || s.name != "s" || s.partitions != 3 {
			t.Errorf("record %d: %+v, want %+v", i, g, w)
		}
	}
}

// A topic that has the session is not given it twice, unless that is what is wanted.
func TestAgainAndResume(t *testing.T) {
	b := broker(t, kfake.SeedTopics(3, "raw"))
	c := client(t, b.ListenAddrs()...)
	lines := slices.Concat(toys(1_500, 1), toys(3_000, 7)[1_500:]) // one symbol at first, so one partition
	file := write(t, "s.raw", lines...)
	o := quick(t, c, "raw", file)
	must(t, o)

	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "--again") {
		t.Errorf("a second time: %v", err)
	}
	o.Resume = true
	if r := must(t, o); r.Sent != 0 || r.There != 3_000 {
		t.Errorf("nothing is missing, but %+v", r)
	}
	exactlyOnce(t, all(t, c, "raw", 3), 3_000)

	// Once more, but only in part: what is resumed is the second run.
	o = quick(t, c, "raw", file)
	o.Again = true
	half, stop := context.WithCancel(t.Context())
	var requests atomic.Int64
	unreliable(c, func(conn net.Conn, request []byte) ([]byte, error) {
		if requests.Add(1) == 2 {
			stop()
		}
		return exchange(conn, request)
	})
	c.Transport.(*kafka.Transport).CloseIdleConnections()
	o.Speed = 20
	if r, err := Run(half, o); !errors.Is(err, context.Canceled) || r.Messages == 3_000 {
		t.Fatalf("%+v, %v", r, err)
	}
	o = quick(t, c, "raw", file)
	o.Resume = true
	must(t, o)
	runs := map[string][]got{}
	for _, g := range all(t, c, "raw", 3) {
		runs[g.headers[captureHeader]] = append(runs[g.headers[captureHeader]], g)
	}
	if len(runs) != 2 {
		t.Errorf("%d runs, want 2", len(runs))
	}
	for _, list := range runs {
		exactlyOnce(t, list, 3_000)
	}
}

// A record of an older run may come after those of a newer one, if its request was on the way for long.
func TestTheNewestRunIsResumed(t *testing.T) {
	own := session{"s", "h", 2, 3}
	var m mark
	tl := tail{session: own}
	for i, r := range []struct {
		s    session
		line string
	}{{own, "7"}, {session{"s", "h", 1, 3}, "9"}, {session{"s", "else", 3, 3}, "11"}, {session{"t", "more", 4, 3}, "13"}} {
		tl.look(&kafka.Record{Offset: int64(100 + i), Headers: []kafka.Header{
			{Key: captureHeader, Value: []byte(r.s.String())}, {Key: lineHeader, Value: []byte(r.line)},
		}}, &protocol.RecordBatch{BaseOffset: 95, BaseSequence: 1000, ProducerID: 5, ProducerEpoch: 1}, &m)
	}
	if want := (mark{line: 7, session: own, from: producer{5, 1}, seq: 1006}); m != want || tl.other.run != 3 {
		t.Errorf("found %+v, want %+v; and %+v of another", m, want, tl.other)
	}
	for _, text := range []string{"", "s/h/1", "s/h/x/3", "s/h/1/0", "s/h/1/2/3"} {
		if s, ok := parseSession(text); ok {
			t.Errorf("%q is taken for %+v", text, s)
		}
	}
}

// A session is known again under another name and packed in another way, behind what others wrote since,
// and when the topic has got more partitions.
func TestResumeFindsTheSession(t *testing.T) {
	b := broker(t, kfake.SeedTopics(3, "raw"))
	c := client(t, b.ListenAddrs()...)
	lines := toys(2_000, 7)
	must(t, quick(t, c, "raw", write(t, "s.raw", lines[:1_000]...))) // as it was recorded so far
	must(t, quick(t, c, "raw", write(t, "other.raw", toys(10_001, 31)[1:]...)))
	added, err := c.CreatePartitions(t.Context(), &kafka.CreatePartitionsRequest{Topics: []kafka.TopicPartitionsConfig{{Name: "raw", Count: 8}}})
	if err != nil || added.Errors["raw"] != nil {
		t.Fatal(err, added)
	}
	o := quick(t, client(t, b.ListenAddrs()...), "raw", write(t, "renamed.raw", lines...))
	o.Resume = true
	if r := must(t, o); r.There != 1_000 {
		t.Errorf("%+v", r)
	}
	var own []got
	for _, g := range all(t, c, "raw", 8) {
		if !strings.HasPrefix(g.headers[captureHeader], "other/") {
			own = append(own, g)
		}
	}
	exactlyOnce(t, own, 2_000)
}

// Other files of the same name are another session: going on with it would mix up the lines.
func TestResumeRefusesOtherFiles(t *testing.T) {
	b := broker(t, kfake.SeedTopics(1, "raw"))
	c := client(t, b.ListenAddrs()...)
	must(t, quick(t, c, "raw", write(t, "s.raw", toys(100, 1)...)))
	o := quick(t, c, "raw", write(t, "s.raw", toys(100, 1)[1:]...))
	o.Resume = true
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "of other files") {
		t.Errorf("resumed: %v", err)
	}
	o.Resume = false
	must(t, o)
	o = quick(t, c, "raw", write(t, "new.raw", toys(100, 1)[2:]...))
	o.Resume = true // killed before its first record, say
	if r := must(t, o); r.Sent != 98 {
		t.Errorf("%+v", r)
	}
}

func TestInterrupted(t *testing.T) {
	b := broker(t, kfake.SeedTopics(2, "raw"))
	c := client(t, b.ListenAddrs()...)
	file := write(t, "s.raw", toys(2_000, 7)...)
	o := quick(t, c, "raw", file)
	o.Speed = 1
	ctx, interrupt := context.WithCancel(t.Context())
	go func() {
		for o.Stats.Sent.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		interrupt()
	}()
	r, err := Run(ctx, o)
	if !errors.Is(err, context.Canceled) || r.Sent == 0 || r.Sent == 2_000 {
		t.Fatalf("%+v, %v", r, err)
	}
	if n := int64(len(all(t, c, "raw", 2))); n != r.Sent {
		t.Errorf("%d records are there, %d were acknowledged: not all that was under way was waited for", n, r.Sent)
	}
	o = quick(t, c, "raw", file)
	o.Resume = true
	must(t, o)
	exactlyOnce(t, all(t, c, "raw", 2), 2_000)
}

func TestNow(t *testing.T) {
	b := broker(t, kfake.SeedTopics(1, "raw"))
	c := client(t, b.ListenAddrs()...)
	file := write(t, "s.raw", `1700000000000000 {"ack":1}`, `1700000001000000 {"s":"A"}`, `1700000031000000 {"s":"A"}`)
	for speed, after := range map[float64]time.Duration{0: 30 * time.Second, 1000: 30 * time.Millisecond} {
		o := quick(t, c, "raw", file)
		o.Now, o.Speed, o.Again = true, speed, true
		before := time.Now().Truncate(time.Millisecond)
		must(t, o)
		records := all(t, c, "raw", 1)
		first, second := records[len(records)-2].time, records[len(records)-1].time
		if first.Before(before) || first.After(time.Now()) || second.Sub(first) != after {
			t.Errorf("speed %v: the times are %s and %s, published after %s", speed, first, second, before)
		}
	}
}

func TestLoop(t *testing.T) {
	b := broker(t, kfake.SeedTopics(1, "raw"))
	c := client(t, b.ListenAddrs()...)
	o := quick(t, c, "raw", write(t, "s.raw", `1700000000000000 {"s":"A"}`, `1700000005000000 {"s":"A"}`))
	o.Loop = true
	ctx, interrupt := context.WithCancel(t.Context())
	go func() {
		for o.Stats.Sent.Load() < 5 {
			time.Sleep(time.Millisecond)
		}
		interrupt()
	}()
	r, err := Run(ctx, o)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("%+v, %v", r, err)
	}
	o.Loop, o.Resume = false, true
	must(t, o) // the first pass is there
	records := all(t, c, "raw", 1)
	exactlyOnce(t, records, r.Sent)
	for i, g := range records {
		if want := begin/1000 + int64(i/2)*5_001 + int64(i%2)*5_000; g.time.UnixMilli() != want {
			t.Errorf("record %d is of %d, want %d", i, g.time.UnixMilli(), want)
		}
	}
}

func TestTopicIsMade(t *testing.T) {
	b := broker(t, kfake.DefaultNumPartitions(7))
	c := client(t, b.ListenAddrs()...)
	file := write(t, "s.raw", toys(100, 5)...)
	o := quick(t, c, "raw", file)
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "--create-topic") {
		t.Fatalf("without a topic: %v", err)
	}
	o.Create = &Creation{Partitions: 3, Replicas: 1}
	must(t, o)
	info := b.TopicInfo("raw")
	if info == nil || len(b.PartitionInfos("raw")) != 3 || info.Configs["retention.ms"] == nil || *info.Configs["retention.ms"] != "-1" {
		t.Fatalf("made %+v", info)
	}
	exactlyOnce(t, all(t, c, "raw", 3), 100)
	o.Again = true
	must(t, o) // it is there already
}

// What the broker refuses for good ends the publishing at once, and says what to do.
func TestRefusals(t *testing.T) {
	b := broker(t, kfake.SeedTopics(1, "raw"))
	c := client(t, b.ListenAddrs()...)
	file := write(t, "s.raw", toys(100, 1)...)
	for _, tt := range []struct {
		key  kmsg.Key
		err  *kerr.Error
		want string
	}{
		{kmsg.Produce, kerr.MessageTooLarge, "max.message.bytes"},
		{kmsg.Produce, kerr.TopicAuthorizationFailed, "grant it Write"},
		{kmsg.Produce, kerr.InvalidTimestamp, "--now"},
		{kmsg.InitProducerID, kerr.ClusterAuthorizationFailed, "IdempotentWrite"},
	} {
		fault := b.Fault(kfake.Fault{Keys: []kmsg.Key{tt.key}, Err: tt.err, Count: -1})
		r, err := Run(t.Context(), quick(t, c, "raw", file))
		if err == nil || r.Sent != 0 || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %+v, %v", tt.err.Message, r, err)
		}
		fault.Remove()
	}
	long := fmt.Sprintf(`1700000000000000 {"s":"A","pad":"%s"}`, strings.Repeat("x", 2<<20))
	if _, err := Run(t.Context(), quick(t, c, "raw", write(t, "long.raw", long))); err == nil || !strings.Contains(err.Error(), "max.message.bytes") {
		t.Errorf("a message of 2 MiB: %v", err)
	}
}

// What may pass is tried again, but not for ever.
func TestGiveUp(t *testing.T) {
	b := broker(t, kfake.SeedTopics(1, "raw"))
	c := client(t, b.ListenAddrs()...)
	o := quick(t, c, "raw", write(t, "s.raw", toys(5_000, 1)...))
	o.GiveUp = 100 * time.Millisecond
	fault := b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: -1})
	r, err := Run(t.Context(), o)
	if err == nil || r.Sent != 0 || !strings.Contains(err.Error(), "nothing for 100ms") {
		t.Errorf("%+v, %v", r, err)
	}
	fault.Remove()
	addr := b.ListenAddrs()[0]
	b.Close()
	o = quick(t, client(t, addr), "raw", o.Files...)
	o.GiveUp = 100 * time.Millisecond
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "Kafka: nothing for 100ms") {
		t.Errorf("without a broker: %v", err)
	}
}

// A file that was cut short is published as far as it goes, and said to be.
func TestCutShort(t *testing.T) {
	b := broker(t, kfake.SeedTopics(1, "raw"))
	c := client(t, b.ListenAddrs()...)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	for _, l := range toys(2_000, 1) {
		fmt.Fprintln(w, l)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file := write(t, "s.raw.gz")
	if err := os.WriteFile(file, packed.Bytes()[:packed.Len()-4], 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), quick(t, c, "raw", file))
	if !errors.Is(err, io.ErrUnexpectedEOF) || r.Sent != 2_000 {
		t.Errorf("%+v, %v", r, err)
	}
}

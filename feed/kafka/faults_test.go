package kafka

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tapedeck/feed"
)

// freePort is one that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func TestWaitsForTheBroker(t *testing.T) {
	port := freePort(t)
	r := run(t, quickAt([]string{net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}, "a"))
	eventually(t, "it says what it waits for", func() bool { return len(r.reasons()) > 2 })
	if got := r.reasons()[0]; !strings.Contains(got, "no broker of 127.0.0.1:") || !strings.Contains(got, "connection refused") {
		t.Errorf("waiting because %q", got)
	}
	c := cluster(t, kfake.Ports(port), kfake.SeedTopics(1, "a"))
	newWriter(t, c.ListenAddrs()).send("a", 0, "1")
	r.reaches("a", 0, 1)
}

func TestSaysWhatSpeaksOnThePort(t *testing.T) {
	for want, answer := range map[string]string{
		"hangs up: it does not speak Kafka, or TLS is on at one end only": "",
		"does not speak Kafka":                 "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n400 Bad Request",
		"does not say which versions it knows": "\x00\x00\x00\x0e\x00\x00\x00\x01\x00\x00\x7f\xff\xff\xff\x00\x01\x00\x02",
		"trying again: 127.0.0.1":              "\x00\x00\x00\x0e\x00\x00\x00\x01\x00\x00",
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = c.Read(make([]byte, 100))
				_, _ = c.Write([]byte(answer))
				c.Close()
			}
		}()
		if got := refusedFor(t, []string{l.Addr().String()}, Security{}); !strings.Contains(got, want) {
			t.Errorf("waiting because %q, want %q", got, want)
		}
	}
}

// A leader whose name only the brokers know.
func TestSaysThatTheLeaderIsUnknown(t *testing.T) {
	c := cluster(t, kfake.SeedTopics(1, "a"))
	c.ControlKey(int16(kmsg.Metadata), func(q kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		res := q.(*kmsg.MetadataRequest).ResponseKind().(*kmsg.MetadataResponse)
		name := "a"
		res.Brokers = []kmsg.MetadataResponseBroker{{NodeID: 0, Host: "kafka.invalid", Port: 9092}}
		res.Topics = []kmsg.MetadataResponseTopic{{Topic: &name, TopicID: [16]byte{1}, Partitions: []kmsg.MetadataResponseTopicPartition{{Leader: 0}}}}
		return res, nil, true
	})
	var said strings.Builder
	var mu sync.Mutex
	config := quick(c, "a")
	config.Log = slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return said.Write(b)
	}), nil))
	run(t, config)
	eventually(t, "it says so", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return strings.Contains(said.String(), "the brokers name the leader kafka.invalid:9092, which is not known here: see their advertised.listeners")
	})
}

// A broker that is cut off from the others names a leader that is none any more: another one is asked.
func TestAsksAnotherBroker(t *testing.T) {
	c := cluster(t, kfake.NumBrokers(3), kfake.SeedTopics(1, "a"))
	move(t, c, 0)
	w := newWriter(t, c.ListenAddrs())
	w.send("a", 0, "1")
	r := run(t, quickAt(c.ListenAddrs()[:1], "a"))
	r.reaches("a", 0, 1)
	at, err := quickConn(t, quick(c, "a"))
	if err != nil {
		t.Fatal(err)
	}
	defer at.close()
	old, err := at.metadata([]string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	c.ControlKey(int16(kmsg.Metadata), func(q kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if c.CurrentNode() != 0 || q.GetVersion() != metadataIDs {
			return nil, nil, false // the writer's are of another version
		}
		name := "a"
		res := q.(*kmsg.MetadataRequest).ResponseKind().(*kmsg.MetadataResponse)
		for id, address := range old.brokers {
			host, port, _ := net.SplitHostPort(address)
			n, _ := strconv.Atoi(port)
			res.Brokers = append(res.Brokers, kmsg.MetadataResponseBroker{NodeID: id, Host: host, Port: int32(n)})
		}
		res.ClusterID = &old.cluster
		res.Topics = []kmsg.MetadataResponseTopic{{Topic: &name, TopicID: old.topics["a"].id, Partitions: []kmsg.MetadataResponseTopicPartition{{Leader: 0}}}}
		return res, nil, true
	})
	move(t, c, 1)
	w.send("a", 0, "2")
	if v := r.reaches("a", 0, 2); len(v.starts) != 1 {
		t.Errorf("starts %+v", v.starts)
	}
}

// A broker goes and comes back with all that it had: the rooms are told, and nothing is missing.
func TestBrokerGoneAndBack(t *testing.T) {
	port, dir := freePort(t), t.TempDir()
	opts := []kfake.Opt{kfake.NumBrokers(1), kfake.Ports(port), kfake.DataDir(dir), kfake.SeedTopics(1, "a")}
	c, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	r := run(t, quick(c, "a"))
	w := newWriter(t, c.ListenAddrs())
	w.send("a", 0, numbered("before", 10)...)
	r.reaches("a", 0, 10)
	c.Close()
	eventually(t, "it is down", func() bool { return r.seen("a", 0).down != "" })
	if got := r.seen("a", 0).down; !strings.Contains(got, "connection refused") {
		t.Errorf("down because %q", got)
	}
	cluster(t, opts...)
	w.send("a", 0, numbered("after", 10)...)
	v := r.reaches("a", 0, 20)
	eventually(t, "it is up", func() bool { return r.seen("a", 0).down == "" })
	if len(v.starts) != 1 || len(v.lost) > 0 {
		t.Errorf("starts %v, lost %v", v.starts, v.lost)
	}
}

// Short troubles are ridden out: nobody is told, nothing is missing.
func TestRidesOut(t *testing.T) {
	fetch := []kmsg.Key{kmsg.Fetch}
	for name, fault := range map[string]kfake.Fault{
		"a storm of leader changes":     {Keys: fetch, Err: kerr.NotLeaderForPartition, Count: 10},
		"no leader":                     {Keys: fetch, Err: kerr.LeaderNotAvailable, Count: 5},
		"a time-out":                    {Keys: fetch, Err: kerr.RequestTimedOut, Count: 5},
		"an offset that is out a while": {Keys: fetch, Err: kerr.OffsetOutOfRange, Count: 5},
		"a broken disk":                 {Keys: fetch, Err: kerr.KafkaStorageError, Count: 3},
		"a broker that found rot":       {Keys: fetch, Err: kerr.CorruptMessage, Count: 3},
		"an old term":                   {Keys: fetch, Err: kerr.FencedLeaderEpoch, Count: 3},
		"a fault of the whole answer":   {Keys: fetch, Err: kerr.UnknownServerError, Count: 3, TopLevel: true},
		"an unknown topic for a while":  {Keys: []kmsg.Key{kmsg.Fetch, kmsg.Metadata}, Err: kerr.UnknownTopicOrPartition, Count: 30},
		"offsets that cannot be told":   {Keys: []kmsg.Key{kmsg.ListOffsets}, Err: kerr.LeaderNotAvailable, Count: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := cluster(t, kfake.SeedTopics(1, "a"))
			w := newWriter(t, c.ListenAddrs())
			w.send("a", 0, numbered("a", 10)...)
			if slices.Contains(fault.Keys, kmsg.ListOffsets) {
				c.Fault(fault) // it matters only at the start
			}
			r := run(t, quick(c, "a"))
			r.reaches("a", 0, 10)
			h := c.Fault(fault)
			w.send("a", 0, numbered("b", 10)...)
			if !slices.Contains(fault.Keys, kmsg.ListOffsets) {
				eventually(t, "the faults are used up", func() bool { return h.Hits() >= fault.Count })
			}
			w.send("a", 0, numbered("c", 10)...)
			v := r.reaches("a", 0, 30)
			if len(v.lost) > 0 || len(v.starts) != 1 || len(v.values[0]) != 30 {
				t.Errorf("lost %v, starts %v", v.lost, v.starts)
			}
		})
	}
}

// move gives the only partition another leader.
func move(t *testing.T, c *kfake.Cluster, node int32) {
	t.Helper()
	if err := c.MoveTopicPartition("a", 0, node); err != nil {
		t.Fatal(err)
	}
}

func TestFollowsTheLeader(t *testing.T) {
	c := cluster(t, kfake.NumBrokers(3), kfake.SeedTopics(1, "a"))
	w := newWriter(t, c.ListenAddrs())
	r := run(t, quick(c, "a"))
	var want []string
	for i := range 12 {
		values := numbered(strconv.Itoa(i), 5)
		w.send("a", 0, values...)
		want = append(want, values...)
		r.reaches("a", 0, int64(len(want)))
		move(t, c, int32(i%3))
	}
	if v := r.seen("a", 0); !slices.Equal(v.values[0], want) || len(v.lost) > 0 || len(v.starts) != 1 {
		t.Errorf("lost %v, starts %v, %d values of %d", v.lost, v.starts, len(v.values[0]), len(want))
	}
}

// The network between us and the broker fails in each of these ways, and nothing is missing after it.
func TestBadWire(t *testing.T) {
	for name, bad := range map[string]func(*wire){
		"slow":                             func(w *wire) { w.delay = 500 * time.Millisecond },
		"reset in the middle of an answer": func(w *wire) { w.cut = 5000 },
		"reset in the middle of a length":  func(w *wire) { w.cut = 3 },
		"damaging for a while":             func(w *wire) { w.mangle, w.spare = "price", tries-2 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var line wire
			c := cluster(t, line.option(), kfake.SeedTopics(1, "a"))
			w := newWriter(t, c.ListenAddrs())
			config := quick(c, "a")
			config.DownAfter = time.Minute // so short a trouble is nobody's business
			r := run(t, config)
			w.send("a", 0, "first")
			r.reaches("a", 0, 1)
			values := numbered("price", 2000)
			line.set(bad)
			w.send("a", 0, values...)
			v := r.reaches("a", 0, 2001)
			if !slices.Equal(v.values[0][1:], values) || len(v.lost) > 0 || len(v.downs) > 0 {
				t.Errorf("lost %v, down %q; %d values", v.lost, v.downs, len(v.values[0]))
			}
		})
	}
}

// A connection over which nothing comes any more, without a word, is given up.
func TestHalfOpen(t *testing.T) {
	var line wire
	c := cluster(t, line.option(), kfake.SeedTopics(1, "a"))
	w := newWriter(t, c.ListenAddrs())
	r := run(t, quick(c, "a"))
	w.send("a", 0, "first")
	r.reaches("a", 0, 1)
	line.set(func(w *wire) { w.hung = true })
	eventually(t, "it is down", func() bool { return r.seen("a", 0).down != "" })
	if got := r.seen("a", 0).down; got != c.ListenAddrs()[0]+" does not answer" {
		t.Errorf("down because %q", got)
	}
	line.set(func(w *wire) { w.hung = false })
	line.reset()
	w.send("a", 0, "second")
	r.reaches("a", 0, 2)
	eventually(t, "it is up", func() bool { return r.seen("a", 0).down == "" })
}

// A broker that hangs holds up neither the end nor the ending.
func TestEndsThoughTheBrokerHangs(t *testing.T) {
	var line wire
	c := cluster(t, line.option(), kfake.SeedTopics(2, "a"))
	config := quick(c, "a")
	config.Timeout, config.Wait = time.Minute, time.Minute
	r := newRecorder(t)
	stop := runInto(t, config, r)
	eventually(t, "it is opened", func() bool { return r.seen("a", 0).next >= 0 && r.seen("a", 1).next >= 0 })
	line.set(func(w *wire) { w.hung = true })
	stop() // which must not take the minute
	line.reset()
}

// A batch that stays damaged is given up in the end, and said to be lost; what follows is read.
func TestGivesUpADamagedBatch(t *testing.T) {
	line := wire{mangle: "rot"}
	c := cluster(t, line.option(), kfake.SeedTopics(1, "a"))
	w := newWriter(t, c.ListenAddrs())
	w.send("a", 0, numbered("good", 10)...)
	w.send("a", 0, numbered("rot", 7)...)
	w.send("a", 0, numbered("good", 10)...)
	r := run(t, quick(c, "a"))
	v := r.reaches("a", 0, 27)
	if want := []loss{{10, 17, feed.LossSource}}; !slices.Equal(joined(v.lost), want) {
		t.Errorf("lost %v, want %v", v.lost, want)
	}
	if len(v.values[0]) != 20 {
		t.Errorf("%d values", len(v.values[0]))
	}
}

// joined puts losses together that follow each other: a producer on a busy machine makes two batches of what another
// time is one, and each is given up for itself.
func joined(list []loss) (out []loss) {
	for _, l := range list {
		if n := len(out) - 1; n >= 0 && out[n].to == l.from && out[n].why == l.why {
			out[n].to = l.to
		} else {
			out = append(out, l)
		}
	}
	return out
}

// The log is put back to an earlier state under the same id, as by a leader that lacks the newest records:
// no offset is applied twice, the epoch goes on where it was.
func TestLogLosesItsNewestRecords(t *testing.T) {
	dir, old := t.TempDir(), filepath.Join(t.TempDir(), "old")
	port := freePort(t)
	start := func() *kfake.Cluster {
		c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.DataDir(dir), kfake.SeedTopics(1, "a"))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	fill := func(values ...string) {
		c := start()
		w := newWriter(t, c.ListenAddrs())
		w.send("a", 0, values...)
		w.cl.Close()
		c.Close()
	}
	fill(numbered("kept", 80)...)
	if err := os.CopyFS(old, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	fill(numbered("going", 20)...)
	c := start()
	r := run(t, quick(c, "a"))
	r.reaches("a", 0, 100)
	c.Close()

	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS(old)); err != nil {
		t.Fatal(err)
	}
	c = start()
	t.Cleanup(c.Close)
	eventually(t, "it begins again", func() bool { return len(r.seen("a", 0).starts) == 2 })
	eventually(t, "it is down for that", func() bool { return strings.Contains(r.seen("a", 0).down, "lost records from 80 on") })
	w := newWriter(t, c.ListenAddrs())
	w.send("a", 0, numbered("other", 20)...)
	w.send("a", 0, numbered("new", 5)...)
	v := r.reaches("a", 0, 105)
	eventually(t, "it is up", func() bool { return r.seen("a", 0).down == "" })
	if v.starts[0].Epoch != v.starts[1].Epoch || v.starts[1].From != 100 {
		t.Errorf("starts %+v", v.starts)
	}
	if !slices.Equal(v.values[1], numbered("new", 5)) {
		t.Errorf("after it came %q", v.values[1])
	}
}

// A broker that claims more than it sends is left, and found again.
func TestRebuildsAStalledReader(t *testing.T) {
	c := cluster(t, kfake.SeedTopics(1, "a"))
	newWriter(t, c.ListenAddrs()).send("a", 0, "1")
	var sound atomic.Bool
	c.ControlKey(int16(kmsg.Fetch), func(q kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := q.(*kmsg.FetchRequest)
		if sound.Load() || req.Topics[0].Partitions[0].FetchOffset < 1 {
			return nil, nil, false
		}
		res := req.ResponseKind().(*kmsg.FetchResponse)
		topic := kmsg.NewFetchResponseTopic()
		topic.TopicID = req.Topics[0].TopicID
		p := kmsg.NewFetchResponseTopicPartition()
		p.HighWatermark = 100
		topic.Partitions = append(topic.Partitions, p)
		res.Topics = append(res.Topics, topic)
		return res, nil, true
	})
	config := quick(c, "a")
	config.Stall = 200 * time.Millisecond
	r := run(t, config)
	eventually(t, "it is down", func() bool { return r.seen("a", 0).down != "" })
	if got := r.seen("a", 0).down; got != "the broker says that the log ends at 100, but sends nothing from 1 on" {
		t.Errorf("down because %q", got)
	}
	sound.Store(true)
	newWriter(t, c.ListenAddrs()).send("a", 0, "2")
	r.reaches("a", 0, 2)
	eventually(t, "it is up", func() bool { return r.seen("a", 0).down == "" })
}

// Compaction leaves holes; whether they are a loss is configured.
func TestHoles(t *testing.T) {
	c := cluster(t)
	w := newWriter(t, c.ListenAddrs())
	w.create("a", 1, "cleanup.policy", "compact", "min.cleanable.dirty.ratio", "0", "segment.bytes", "1", "min.compaction.lag.ms", "0")
	for i, key := range "xabcabcabcy" {
		if i == 10 {
			c.Compact()
		}
		w.records(&kgo.Record{Topic: "a", Key: []byte(string(key)), Value: []byte(strconv.Itoa(i))})
	}
	for _, holes := range []bool{true, false} {
		config := quick(c, "a")
		config.Topics[0].Holes = holes
		r := newRecorder(t)
		r.holes = holes
		t.Cleanup(runInto(t, config, r))
		v := r.reaches("a", 0, 11)
		var lost int64
		for _, l := range v.lost {
			if lost += l.to - l.from; l.why != feed.LossSource {
				t.Errorf("%v", l)
			}
		}
		if n := int64(len(v.values[0])); n == 11 || holes && lost > 0 || !holes && n+lost != 11 {
			t.Errorf("holes are normal: %t; %d records came, lost %v", holes, n, v.lost)
		}
	}
}

func TestRefusesAConfiguration(t *testing.T) {
	brokers := Cluster{Brokers: []string{"127.0.0.1:9092"}}
	a := Topic{Name: "a", Format: format}
	for want, c := range map[string]Config{
		"no topic":             {Cluster: brokers},
		"named twice":          {Cluster: brokers, Topics: []Topic{a, a}},
		"no broker":            {Topics: []Topic{a}},
		"is not host:port":     {Cluster: Cluster{Brokers: []string{"kafka"}}, Topics: []Topic{a}},
		"TLS is off":           {Cluster: Cluster{Brokers: brokers.Brokers, Security: Security{CAFile: "ca.pem"}}, Topics: []Topic{a}},
		"no such file":         {Cluster: Cluster{Brokers: brokers.Brokers, Security: Security{TLS: true, CAFile: "none.pem"}}, Topics: []Topic{a}},
		"both its file":        {Cluster: Cluster{Brokers: brokers.Brokers, Security: Security{TLS: true, CertFile: "none.pem"}}, Topics: []Topic{a}},
		"no SASL mechanism":    {Cluster: Cluster{Brokers: brokers.Brokers, Security: Security{User: "u"}}, Topics: []Topic{a}},
		"needs a user":         {Cluster: Cluster{Brokers: brokers.Brokers, Security: Security{SASL: "plain"}}, Topics: []Topic{a}},
		`"kerberos" is not kn`: {Cluster: Cluster{Brokers: brokers.Brokers, Security: Security{SASL: "kerberos", User: "u"}}, Topics: []Topic{a}},
	} {
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

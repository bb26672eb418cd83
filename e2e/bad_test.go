package e2e_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"tapedeck/wire/mirror"
)

// spoiled are records that bring nothing, by the reason they are refused for. %s stands for a symbol.
var spoiled = map[string][]string{
	"bad_json": {
		`{`, `{"e":"trade"`, `nonsense`, `{"e":"trade","s":"%[1]s",}`, "\x00\x01\x02", `[{"e":"trade"]`,
		`{"e":"trade","E":1,"s":"%[1]s","t":1,"p":NaN,"q":"1","T":1700000000000,"m":true}`,
		`{"e":"trade","e":"trade","s":"%[1]s","t":1,"p":"1","q":"1","T":1700000000000,"m":true}`,
	},
	"bad_value": {
		`{"e":"trade","E":1,"s":"%[1]s","t":1,"p":"NaN","q":"1","T":1700000000000,"m":true}`,
		`{"e":"trade","E":1,"s":"%[1]s","t":1,"p":"1e400","q":"1","T":1700000000000,"m":true}`,
		`{"e":"trade","E":1,"s":"%[1]s","t":1,"p":"1","q":"-1","T":1700000000000,"m":true}`,
		`{"e":"trade","E":1,"s":"%[1]s","t":1,"p":"-1","q":"1","T":1700000000000,"m":true}`,
		`{"e":"trade","E":1,"s":"%[1]s","t":"x","p":"1","q":"1","T":1700000000000,"m":true}`,
		`{"e":"trade","E":1,"s":"%[1]s","t":1,"p":"1","q":"1","T":1700000000000,"m":"yes"}`,
		`{"e":"trade","E":1,"s":"%[1]s","t":1,"p":{},"q":[],"T":1700000000000,"m":true}`,
		`{"e":"trade","E":1,"s":"%[1]s","t":1,"p":"1","q":"1","T":99999999999999999,"m":true}`,
		`{"e":"depthUpdate","E":1700000000000,"s":"%[1]s","U":1,"u":2,"b":[["1","-1"]],"a":[]}`,
		`{"e":"depthUpdate","E":1700000000000,"s":"%[1]s","U":1,"u":2,"b":[["1"]],"a":[]}`,
		`{"e":"depthUpdate","E":1700000000000,"s":"%[1]s","U":1,"u":2,"b":"none","a":[]}`,
		`{"e":17,"s":"%[1]s"}`,
	},
	"missing_field": {
		`{"e":"trade","E":1,"s":"%[1]s","t":1,"q":"1","T":1700000000000,"m":true}`,
		`{"e":"trade","E":1,"t":1,"p":"1","q":"1","T":1700000000000,"m":true}`,
		`{"e":"depthUpdate","E":1700000000000,"s":"%[1]s","U":1,"b":[],"a":[]}`,
	},
	"bad_symbol": {
		`{"e":"trade","E":1,"s":"<script>","t":1,"p":"1","q":"1","T":1700000000000,"m":true}`,
		`{"e":"trade","E":1,"s":"a-b:c@d","t":1,"p":"1","q":"1","T":1700000000000,"m":true}`,
	},
	"unknown_kind": {`{"e":"surprise","s":"%[1]s"}`, `{"what":1}`, `17`, `"text"`, `null`},
}

// Whatever lies in the topic instead of records is counted by its reason and set aside, with where it
// lay; nothing of it reaches a room, and the records around it do.
func TestKafkaBadRecordsAreSetAside(t *testing.T) {
	b := brokerFor(t)
	topic, letters := b.topic(t, 1), b.topic(t, 1)
	x := newExchange(8, topic, 1, hoursAgo(), bases[:2]...)
	x.every = 60
	l := newLedger()
	n := setup{
		Name: "node", Brokers: b.addrs, Topics: map[string]topicSetup{topic: {"binance", "trade"}}, Warmup: forever, DeadLetters: letters,
	}.start(t, nil)
	b.fill(t, l, x, 500)
	n.applied(t, 500)
	c := newClient("client", false)
	c.join(t, n, "0", x.rooms()...)
	must(t, c.until("everything is known", func(m *mirror.Mirror) bool { return allHave(m, x.rooms()) }))

	in := x.list[0]
	bad := map[int64]string{} // by offset, why
	want := map[string]int{}
	spoil := func(reason string, value []byte) {
		m := in.message("")
		m.value = value
		b.publish(t, l, m)
		bad[m.offset] = reason
		want[reason]++
		b.fill(t, l, x, 3) // life goes on between them
	}
	for reason, texts := range spoiled {
		for _, text := range texts {
			spoil(reason, []byte(strings.ReplaceAll(text, "%[1]s", in.native())))
		}
	}
	spoil("tombstone", nil)
	spoil("empty", []byte{})
	spoil("too_large", []byte(`{"e":"trade","s":"`+strings.Repeat("A", 1<<20)+`"}`))
	spoil("bad_json", []byte(strings.Repeat("[", 1<<20)))
	spoil("bad_json", []byte(strings.Repeat("9", 1<<20-1)+"x"))
	b.fill(t, l, x, 200)
	total := int(x.published(t, b, l))
	n.applied(t, total)
	settled(t, n, c, l, x)
	for reason, count := range want {
		if have := int(n.metric(t, "tapedeck_feed_records_total", `result="`+reason+`"`)); have != count {
			t.Errorf("%d records were refused for %s, want %d", have, reason, count)
		}
	}
	if refused := total - int(n.metric(t, "tapedeck_feed_records_total", `result="decoded"`)); refused != len(bad) {
		t.Errorf("%d records were refused, want %d", refused, len(bad))
	}
	for _, name := range []string{"trades", "book"} {
		if r := c.room(in.room(name)); r.Gaps > 0 {
			t.Errorf("%s was told %d gaps, and nothing of it was lost", r.Name, r.Gaps)
		}
	}
	b.lettersSay(t, letters, topic, bad)
}

// published is how many records a topic of one partition has.
func (x *exchange) published(t testing.TB, b *broker, l *ledger) int64 {
	m := x.next()
	b.publish(t, l, m)
	return m.offset + 1
}

// lettersSay compares the dead letters with what was spoiled: each once, with where it lay and why.
func (b *broker) lettersSay(t testing.TB, letters, topic string, want map[int64]string) {
	t.Helper()
	r, err := kgo.NewClient(kgo.SeedBrokers(b.addrs...), kgo.ConsumeTopics(letters), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxBytes(32<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	have := map[int64]string{}
	for len(have) < len(want) {
		got := r.PollFetches(ctx)
		if err := got.Err(); err != nil {
			t.Fatalf("%d dead letters of %d came: %v", len(have), len(want), err)
		}
		got.EachRecord(func(rec *kgo.Record) {
			headers := map[string]string{}
			for _, h := range rec.Headers {
				headers[h.Key] = string(h.Value)
			}
			offset, err := strconv.ParseInt(headers["tapedeck.offset"], 10, 64)
			if err != nil || headers["tapedeck.topic"] != topic || headers["tapedeck.partition"] != "0" || have[offset] != "" {
				t.Errorf("a dead letter says %v", headers)
			}
			have[offset] = headers["tapedeck.reason"]
		})
	}
	for offset, reason := range want {
		if have[offset] != reason {
			t.Errorf("the record at %d was set aside for %q, want %s", offset, have[offset], reason)
		}
	}
}

// A book that misses a change, crosses itself, or whose change cannot be read is not served until its next
// snapshot, whatever comes in between; what comes twice or too late changes nothing. Its neighbour does not notice.
func TestKafkaBooksThatBreakAreNotServed(t *testing.T) {
	b := brokerFor(t)
	topic := b.topic(t, 1)
	x := newExchange(9, topic, 1, hoursAgo(), bases[:2]...)
	l := newLedger()
	n := setup{Name: "node", Brokers: b.addrs, Topics: map[string]topicSetup{topic: {"binance", "trade"}}, Warmup: forever}.start(t, nil)
	b.fill(t, l, x, 500)
	n.applied(t, 500)
	c := newClient("client", false)
	c.join(t, n, "0", x.rooms()...)
	must(t, c.until("everything is known", func(m *mirror.Mirror) bool { return allHave(m, x.rooms()) }))
	x.every = 1 << 30
	for _, in := range x.list {
		in.late = nil
	}
	in := x.list[0]
	book := in.room("book")
	served := func() bool {
		t.Helper()
		n.applied(t, int(x.published(t, b, l)))
		r, _ := n.truth(t, book)
		return r != nil
	}
	mend := func() {
		t.Helper()
		b.publish(t, l, in.snapshot())
		must(t, c.until(book+" is good again", func(m *mirror.Mirror) bool {
			r := m.Rooms[book]
			return r.State == "live" && in.differ(r) == ""
		}))
	}
	breaks := []struct {
		what  string
		spoil func()
	}{
		{"a change is missing", func() { in.skip() }},
		{"a change is unreadable", func() {
			m := in.delta()
			m.value = m.value[:len(m.value)/2]
			b.publish(t, l, m)
		}},
		{"it crosses itself", func() {
			in.id++
			b.publish(t, l, in.message(`{"e":"depthUpdate","E":%d,"s":%q,"U":%d,"u":%d,"b":[[%q,"1"]],"a":[]}`,
				in.venueTime(), in.native(), in.id, in.id, price2(in.mid+100)))
		}},
		{"its snapshot crosses itself", func() {
			b.publish(t, l, &message{
				topic: topic, key: in.native(), native: in.native(), time: x.now,
				value: fmt.Appendf(nil, `{"lastUpdateId":%d,"bids":[["2","1"]],"asks":[["1","1"]]}`, in.id),
			})
		}},
	}
	for _, is := range breaks {
		before, what := c.room(book), is.what
		is.spoil()
		b.publish(t, l, in.delta(), in.delta())
		if served() {
			t.Errorf("%s: the book is served all the same", what)
		}
		must(t, c.until(what+": its reader is told", func(m *mirror.Mirror) bool { return m.Rooms[book].State == "stale" }))
		b.publish(t, l, in.delta())
		if served() {
			t.Errorf("%s: the book is served again without a snapshot", what)
		}
		mend()
		if after := c.room(book); after.Gaps != before.Gaps+1 {
			t.Errorf("%s: %d gaps were told, want 1", what, after.Gaps-before.Gaps)
		}
	}
	before := c.room(book)
	old := in.snapshot()
	d := in.delta()
	e := in.delta()
	b.publish(t, l, d, d, e, d, e, old, d)
	if !served() {
		t.Error("what comes twice has broken the book")
	}
	settled(t, n, c, l, x)
	if after := c.room(book); after.Gaps != before.Gaps {
		t.Errorf("%d gaps were told of what came twice", after.Gaps-before.Gaps)
	}
	for _, room := range x.list[1].rooms() {
		if r := c.room(room); r.Gaps > 0 {
			t.Errorf("%s was told %d gaps of its neighbour", room, r.Gaps)
		}
	}
}

func (in *instrument) rooms() (names []string) {
	for _, c := range channels {
		names = append(names, in.room(c))
	}
	return names
}

// A node whose Kafka is not there says so, lives, and serves when it comes.
func TestNodeWaitsForItsBroker(t *testing.T) {
	port, address := freePort(t)
	const topic = "late"
	n := setup{Name: "node", Brokers: []string{address}, Topics: map[string]topicSetup{topic: {"binance", "trade"}}, Warmup: forever}.start(t, nil)
	says := func(part string) {
		t.Helper()
		until(t, "the node says why it is not ready", func() string {
			status, body := n.get(t, "/readyz")
			if status == 503 && strings.Contains(string(body), part) {
				return ""
			}
			return fmt.Sprint(status, " ", string(body))
		})
	}
	says(address)
	if status, _ := n.get(t, "/healthz"); status != 200 {
		t.Error("a node without a broker is taken for dead")
	}
	c := newClient("client", false)
	c.join(t, n, "0", "trades:BINANCE:AAA-USDT") // which has had no record yet
	b := &broker{fake: fakeOn(t, kfake.Ports(port)), addrs: []string{address}}
	b.connect(t)
	t.Cleanup(func() { b.client.Close() })
	says("topic " + topic)
	b.create(t, topic, 1)
	x := newExchange(10, topic, 1, hoursAgo(), "AAA")
	l := newLedger()
	b.fill(t, l, x, 300)
	n.ready(t)
	c2 := newClient("one that came later", true)
	c2.join(t, n, "0", x.rooms()...)
	b.fill(t, l, x, 300)
	n.applied(t, 600)
	settled(t, n, c2, l, x)
	const early = "trades:BINANCE:AAA-USDT"
	must(t, c.until("who waited is told", func(m *mirror.Mirror) bool { return m.Rooms[early].Seq == c2.room(early).Seq }))
	if err := l.check(c.tapes[early], "AAAUSDT"); err != nil {
		t.Error(err)
	}
	c.hangUp()
	must(t, c.connect(n.addr, ""))
	recovered, _, err := c.resume(func(string) string { return "0" })
	must(t, err)
	if recovered != 1 {
		t.Error("who came before the first record cannot resume")
	}
}

// A broker goes away and comes back with all that it had: rooms are down meanwhile and say why, the node stays
// where load balancers send clients, and nothing is missing afterwards.
func TestBrokerGoesAndComesBack(t *testing.T) {
	port, address := freePort(t)
	disk := []kfake.Opt{kfake.Ports(port), kfake.DataDir(t.TempDir())}
	b := &broker{fake: fakeOn(t, disk...), addrs: []string{address}}
	b.connect(t)
	t.Cleanup(func() { b.client.Close() })
	const topic = "steady"
	b.create(t, topic, 1)
	x := newExchange(13, topic, 1, hoursAgo(), bases[:2]...)
	l := newLedger()
	n := setup{Name: "node", Brokers: b.addrs, Topics: map[string]topicSetup{topic: {"binance", "trade"}}, Warmup: forever}.start(t, nil)
	b.fill(t, l, x, 600)
	n.applied(t, 600)
	c := newClient("client", false)
	c.join(t, n, "0", x.rooms()...)
	must(t, c.until("everything is known", func(m *mirror.Mirror) bool { return allHave(m, x.rooms()) }))
	epochs := c.epochs()

	b.fake.Close()
	must(t, c.until("every room is told that it is down", func(m *mirror.Mirror) bool {
		for _, room := range x.rooms() {
			if m.Rooms[room].State != "down" {
				return false
			}
		}
		return true
	}))
	for _, room := range x.rooms() {
		if r, state := n.truth(t, room); r != nil || state != "down source" {
			t.Errorf("%s is %s while its broker is away", room, state)
		}
	}
	if status, body := n.get(t, "/readyz"); status != 200 {
		t.Errorf("the node went unready: %s", body)
	}
	b.fake = fakeOn(t, disk...)
	b.forget(t)
	b.fill(t, l, x, 600)
	n.applied(t, 1200)
	settled(t, n, c, l, x)
	for room, epoch := range epochs {
		if r := c.room(room); r.Epoch != epoch || r.Gaps > 0 {
			t.Errorf("%s: epoch %s and then %s, %d gaps", room, epoch, r.Epoch, r.Gaps)
		}
	}
}

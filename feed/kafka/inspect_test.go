package kafka

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"tapedeck/feed"
)

// inspected returns what is found, a line each.
func inspected(t *testing.T, c Config) string {
	t.Helper()
	findings, err := Inspect(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&b, "%s %s: %s\n", f.Level, f.Topic, f.Text)
	}
	return b.String()
}

// Each topic has one thing about it that matters; the wanted finding names it.
func inspect(t *testing.T, brokers []string) {
	connection := &feed.Format{Name: "connection", Scope: feed.ScopeConnection}
	keyed := func(key string, partition int32, at int) *kgo.Record {
		return &kgo.Record{Key: []byte(key), Value: []byte("1"), Partition: partition, Timestamp: time.Now().Add(time.Duration(at-100) * time.Second)}
	}
	for _, tt := range []struct {
		name       string
		partitions int32
		config     []string
		records    []*kgo.Record
		change     func(*Config)
		want       []string
		not        string
	}{
		{
			name: "good", partitions: 2, records: []*kgo.Record{keyed("A", 0, 0), keyed("B", 1, 0), keyed("A", 0, 1)},
			want: []string{"ok", "partitions: 2, records: about 3, the newest 1m", "keys among the last 3: 2"}, not: "fault",
		},
		{
			name: "keyless", partitions: 2, records: []*kgo.Record{keyed("", 0, 0), keyed("A", 1, 0)},
			want: []string{"fault", "1 of the 2 newest records have no key", "key records by symbol"},
		},
		{name: "keyless, alone", partitions: 1, records: []*kgo.Record{keyed("", 0, 0)}, want: []string{"warning", "with one partition that is right"}, not: "fault"},
		{
			name: "split", partitions: 2, records: []*kgo.Record{keyed("A", 0, 0), keyed("A", 1, 1), keyed("A", 0, 2)},
			change: func(c *Config) { c.Topics[0].Format = connection },
			want:   []string{"fault", `the key "A" come in two partitions at once`, "key records by the connection"},
		},
		{
			name: "moved", partitions: 2, records: []*kgo.Record{keyed("A", 0, 0), keyed("A", 1, 1), keyed("A", 1, 2)},
			want: []string{"warning", `the key "A" have moved`}, not: "fault",
		},
		{
			name: "compacted", partitions: 1, config: []string{"cleanup.policy", "compact"}, records: []*kgo.Record{keyed("A", 0, 0)},
			want: []string{"fault", "it is compacted", "holes=normal"},
		},
		{
			name: "compacted, and said", partitions: 1, config: []string{"cleanup.policy", "compact"}, records: []*kgo.Record{keyed("A", 0, 0)},
			change: func(c *Config) { c.Topics[0].Holes = true }, not: "compact",
		},
		{
			name: "not compacted, but said", partitions: 1, records: []*kgo.Record{keyed("A", 0, 0)},
			change: func(c *Config) { c.Topics[0].Holes = true }, want: []string{"warning", "holes=normal is set though"},
		},
		{
			name: "short", partitions: 1, config: []string{"retention.ms", "3600000"}, records: []*kgo.Record{keyed("A", 0, 0)},
			change: func(c *Config) { c.Warmup = 2 * time.Hour }, want: []string{"warning", "keeps records for 1h0m0s, less than the warm-up of 2h0m0s"},
		},
		{
			name: "wide", partitions: 1, config: []string{"max.message.bytes", strconv.Itoa(10 << 20)}, records: []*kgo.Record{keyed("A", 0, 0)},
			want: []string{"warning", "it allows records of 10485760 bytes"},
		},
		{
			name: "stamped", partitions: 1, config: []string{"message.timestamp.type", "LogAppendTime"}, records: []*kgo.Record{keyed("A", 0, 0)},
			want: []string{"warning", "LogAppendTime"},
		},
		{name: "ahead", partitions: 1, records: []*kgo.Record{keyed("A", 0, 100+3500)}, want: []string{"warning", "ahead of our clock"}},
		{
			name: "numbered", partitions: 1, records: []*kgo.Record{keyed("A", 0, 0)},
			change: func(c *Config) { c.Topics[0].Number = "2" }, want: []string{"warning", "its number #2 is not needed"},
		},
		{name: "empty", partitions: 3, want: []string{"warning", "no records yet (partitions: 3)"}},
		{name: "absent", want: []string{"fault", "does not exist"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			topic := newTopic()
			w := newWriter(t, brokers)
			if tt.partitions > 0 {
				w.create(topic, tt.partitions, tt.config...)
			}
			for _, r := range tt.records {
				r.Topic = topic
				w.records(r)
			}
			c := quickAt(brokers, topic)
			if tt.change != nil {
				tt.change(&c)
			}
			got := inspected(t, c)
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("%q is not in\n%s", want, got)
				}
			}
			if tt.not != "" && strings.Contains(got, tt.not) {
				t.Errorf("%q is in\n%s", tt.not, got)
			}
		})
	}
	t.Run("transactions", func(t *testing.T) {
		topic := newTopic()
		newWriter(t, brokers).create(topic, 1)
		commit(t, newWriter(t, brokers, kgo.TransactionalID(topic)), topic, "1")
		if got := inspected(t, quickAt(brokers, topic)); !strings.Contains(got, "fault "+topic+": it is written to in transactions") {
			t.Error(got)
		}
	})
}

func TestInspect(t *testing.T)      { inspect(t, cluster(t).ListenAddrs()) }
func TestKafkaInspect(t *testing.T) { inspect(t, realBrokers(t)) }

func TestInspectOlderBroker(t *testing.T) {
	c := cluster(t, kfake.MaxVersions(kversion.V2_4_0()), kfake.SeedTopics(1, "a"))
	if got := inspected(t, quick(c, "a")); !strings.Contains(got, "warning a: the brokers give it no id") {
		t.Error(got)
	}
}

func TestInspectNothing(t *testing.T) {
	c := quickAt([]string{fmt.Sprintf("127.0.0.1:%d", freePort(t))}, "a")
	if _, err := Inspect(t.Context(), c); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("error %v", err)
	}
}

// What our user may not do is found and said, with the right that is missing.
func TestRights(t *testing.T) {
	allow := func(user string, op kmsg.ACLOperation) kfake.ACL {
		return kfake.ACL{Principal: "User:" + user, Resource: kmsg.ACLResourceTypeTopic, Name: "a", Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: op, Allow: true}
	}
	c := cluster(t, kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("PLAIN", "boss", "secret"), kfake.SeedTopics(1, "a"),
		kfake.User("PLAIN", "nobody", "secret", allow("nobody", kmsg.ACLOperationWrite)),
		kfake.User("PLAIN", "reader", "secret", allow("reader", kmsg.ACLOperationRead)),
	)
	as := func(user string) Config {
		config := quick(c, "a")
		config.Cluster.Security = Security{SASL: "plain", User: user, Password: "secret"}
		return config
	}
	if got := inspected(t, as("nobody")); !strings.Contains(got, "fault a: partition 0 cannot be read: not allowed: give our user the rights Read and Describe") {
		t.Error(got)
	}
	if got := inspected(t, as("reader")); !strings.Contains(got, "give our user the right DescribeConfigs") || strings.Contains(got, "fault") {
		t.Error(got)
	}
	if got := inspected(t, as("boss")); strings.Contains(got, "right") || !strings.Contains(got, "warning : the password crosses the network as it is") {
		t.Error(got)
	}
	r := run(t, as("stranger"))
	eventually(t, "it says why it waits", func() bool { return len(r.reasons()) > 0 })
	if got := r.reasons()[0]; !strings.Contains(got, "does not accept the user and password") {
		t.Errorf("waiting because %q", got)
	}
}

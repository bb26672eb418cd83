package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"

	"tapedeck/feed"
)

// Level says how much a finding matters.
type Level uint8

// The levels.
const (
	Fine    Level = iota // as it should be
	Warning              // works, but something is to be known or changed
	Fault                // will not work, or not rightly
)

func (l Level) String() string { return [...]string{"ok", "warning", "fault"}[l] }

// Finding is one thing that was seen, and what to change about it.
type Finding struct {
	Level Level
	Topic string // "": of the cluster
	Text  string
}

// Inspect looks at a configuration's topics as a Source would read them. Nothing is changed. Its error is that
// nothing could be looked at.
func Inspect(ctx context.Context, c Config) ([]Finding, error) {
	s, err := New(c)
	if err != nil {
		return nil, err
	}
	i := inspection{Source: s, ctx: ctx, leaders: map[string]*conn{}}
	defer i.close()
	first, err := s.dialer.any(ctx, c.Cluster.Brokers)
	if err != nil {
		return nil, errors.New(explain(err))
	}
	defer first.close()
	i.security(c.Cluster.Security)
	for k := range c.Topics {
		if i.layout, err = first.metadata([]string{c.Topics[k].Name}); err != nil {
			return nil, errors.New(explain(err))
		}
		i.inspect(&c.Topics[k])
	}
	return i.findings, nil
}

// InspectDeadLetters looks at the topic that dead letters go to. Its error is that nothing could be looked at.
func InspectDeadLetters(ctx context.Context, c Cluster, topic string) (Finding, error) {
	absence, err := c.absence(ctx, topic)
	if err != nil {
		return Finding{}, err
	}
	if absence != "" {
		return Finding{Fault, topic, "dead letters would be lost: " + absence}, nil
	}
	return Finding{Fine, topic, "there for dead letters; whether we may write to it shows with the first"}, nil
}

// InspectCheckpoints looks at the topic that checkpoints are kept in. Its error is that nothing could be looked at.
func InspectCheckpoints(ctx context.Context, c Cluster, topic string) (Finding, error) {
	absence, err := c.absence(ctx, topic)
	if err != nil {
		return Finding{}, err
	}
	if absence != "" {
		return Finding{Fault, topic, "checkpoints could not be kept: " + absence + ". Make it with cleanup.policy=compact"}, nil
	}
	config, err := c.describe(ctx, topic)
	size, _ := strconv.Atoi(config["max.message.bytes"])
	switch policy := config["cleanup.policy"]; {
	case errors.Is(err, kafka.TopicAuthorizationFailed):
		return Finding{Warning, topic, "how it is kept may not be looked at: give our user the right DescribeConfigs, or see yourself that cleanup.policy is compact"}, nil
	case err != nil:
		return Finding{Warning, topic, "how it is kept could not be looked at: " + explain(err)}, nil
	case size > 0 && size < mostOfAPiece:
		return Finding{Fault, topic, fmt.Sprintf("it takes records of %d bytes, and checkpoints come in pieces of up to %d: raise max.message.bytes", size, mostOfAPiece)}, nil
	case !strings.Contains(policy, "compact"):
		return Finding{Warning, topic, "it is not compacted, so that every checkpoint is kept until its retention has passed, and a start reads them all: set cleanup.policy=compact"}, nil
	case strings.Contains(policy, "delete"):
		return Finding{Warning, topic, "it is compacted, but removes what is old as well, so that a node that was down for longer finds no checkpoint: set cleanup.policy=compact alone"}, nil
	}
	return Finding{Fine, topic, "there for checkpoints, and compacted; whether we may write to it shows with the first"}, nil
}

// absence says why a topic cannot be used; "" where it is there.
func (c Cluster) absence(ctx context.Context, topic string) (string, error) {
	d, err := c.dialer(Config{}.withDefaults().Timeout)
	if err != nil {
		return "", err
	}
	first, err := d.any(ctx, c.Brokers)
	if err != nil {
		return "", errors.New(explain(err))
	}
	defer first.close()
	l, err := first.metadata([]string{topic})
	if err != nil {
		return "", errors.New(explain(err))
	}
	if l.there(topic) {
		return "", nil
	}
	return l.absence(topic, 0), nil
}

// inspection gathers what is found. It looks at one topic at a time.
type inspection struct {
	*Source
	ctx      context.Context
	layout   *layout
	topic    *Topic
	leaders  map[string]*conn
	findings []Finding
}

func (i *inspection) close() {
	for _, c := range i.leaders {
		c.close()
	}
}

func (i *inspection) say(level Level, format string, args ...any) {
	i.findings = append(i.findings, Finding{level, i.topic.Name, fmt.Sprintf(format, args...)})
}

// security looks at what others on the way may see or pretend.
func (i *inspection) security(s Security) {
	if s.SASL == "plain" && !s.TLS {
		i.findings = append(i.findings, Finding{Warning, "", "the password crosses the network as it is: turn TLS on, or use scram-sha-512"})
	}
	if s.Insecure {
		i.findings = append(i.findings, Finding{Warning, "", "any certificate is believed, so that anybody may be the broker: give the CA's file instead"})
	}
}

func (i *inspection) inspect(t *Topic) {
	i.topic = t
	if !i.layout.there(t.Name) {
		i.say(Fault, "%s", i.layout.absence(t.Name, 0))
		return
	}
	i.identity()
	i.settings()
	s := newSample()
	for _, id := range i.partitions() {
		if err := i.sample(s, id); err != nil {
			i.say(Fault, "partition %d cannot be read: %s", id, explain(err))
		}
	}
	i.judge(s)
}

func (i *inspection) partitions() []int32 {
	var all []int32
	for id := range i.layout.topics[i.topic.Name].leaders {
		all = append(all, id)
	}
	slices.Sort(all)
	return all
}

// identity looks at what tells the topic from one that is made anew under its name.
func (i *inspection) identity() {
	switch id := i.layout.topics[i.topic.Name].id; {
	case id == (uuid{}) && i.topic.Number == "":
		i.say(Warning, "the brokers give it no id (Kafka does from 2.8 on): should it be deleted and made again, name it %s#2", i.topic.Name)
	case id != (uuid{}) && i.topic.Number != "":
		i.say(Warning, "its number #%s is not needed and has no effect: the brokers tell it by its id", i.topic.Number)
	}
}

// settings looks at how the topic is kept.
func (i *inspection) settings() {
	config, err := i.config.Cluster.describe(i.ctx, i.topic.Name)
	switch {
	case errors.Is(err, kafka.TopicAuthorizationFailed):
		i.say(Warning, "how it is kept may not be looked at: give our user the right DescribeConfigs, or see yourself that cleanup.policy is delete")
		return
	case err != nil:
		i.say(Warning, "how it is kept could not be looked at: %s", explain(err))
		return
	}
	compacted := strings.Contains(config["cleanup.policy"], "compact")
	switch {
	case compacted && !i.topic.Holes:
		i.say(Fault, "it is compacted, so offsets are missing that would be told as losses: add holes=normal to its --feed. Better: set cleanup.policy=delete, for compaction removes all but a key's newest record")
	case !compacted && i.topic.Holes:
		i.say(Warning, "holes=normal is set though it is not compacted: a real loss would not be told. Remove the option")
	}
	if kept, _ := strconv.ParseInt(config["retention.ms"], 10, 64); kept > 0 && config["cleanup.policy"] != "compact" {
		if d := time.Duration(kept) * time.Millisecond; d < i.config.Warmup {
			i.say(Warning, "it keeps records for %v, less than the warm-up of %v: raise retention.ms, or shorten the warm-up", d, i.config.Warmup)
		}
	}
	if size, _ := strconv.Atoi(config["max.message.bytes"]); size > 2*usualRecord {
		i.say(Warning, "it allows records of %d bytes; those over %d are refused by decoders: lower max.message.bytes to see it where they are sent", size, usualRecord)
	}
	if config["message.timestamp.type"] == "LogAppendTime" {
		i.say(Warning, "its times are the broker's (LogAppendTime): candles and delays are measured from there; CreateTime keeps the collector's")
	}
}

// usualRecord is the longest record that a decoder reads.
const usualRecord = 1 << 20

// describe returns a topic's configuration.
func (c Cluster) describe(ctx context.Context, topic string) (map[string]string, error) {
	client, err := c.Client()
	if err != nil {
		return nil, err
	}
	defer client.Transport.(*kafka.Transport).CloseIdleConnections()
	res, err := client.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{
		{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic},
	}})
	if err != nil {
		return nil, err
	}
	config := map[string]string{}
	for _, r := range res.Resources {
		if r.Error != nil {
			return nil, r.Error
		}
		for _, e := range r.ConfigEntries {
			config[e.ConfigName] = e.ConfigValue
		}
	}
	return config, nil
}

// sampled is how many of a partition's newest records are looked at.
const sampled = 500

// sample is what the newest records of all partitions have in common.
type sample struct {
	records, keyless int
	kept             int64 // records in the logs, as offsets tell
	newest           int64 // time, µs
	keys             map[string]map[int32]span
	transactional    bool
}

// span is when records of a key came, by the log's time.
type span struct{ first, last int64 }

func newSample() *sample { return &sample{keys: map[string]map[int32]span{}} }

func (i *inspection) sample(s *sample, id int32) error {
	c, err := i.leader(id)
	if err != nil {
		return err
	}
	first, end, err := c.bounds(i.topic.Name, id)
	if err != nil {
		return err
	}
	s.kept += end - first
	q := fetchRequest{
		topic: i.topic.Name, id: i.layout.topics[i.topic.Name].id, partition: id, offset: max(first, end-sampled), bytes: 1 << 20,
	}
	f, err := c.fetch(&q)
	if err != nil {
		return err
	}
	if f.err != 0 {
		return f.err
	}
	return s.add(f.batches, q.offset, id)
}

func (i *inspection) leader(id int32) (*conn, error) {
	address := i.layout.leader(i.topic.Name, id)
	if address == "" {
		return nil, errors.New(i.layout.absence(i.topic.Name, id))
	}
	if c := i.leaders[address]; c != nil {
		return c, nil
	}
	c, err := i.dialer.open(i.ctx, address)
	if err == nil {
		i.leaders[address] = c
	}
	return c, err
}

func (s *sample) add(batches []byte, from int64, id int32) error {
	var u unpacker
	for {
		h, rest, ok, err := cut(batches)
		if !ok || err != nil {
			return err
		}
		batches = rest
		s.transactional = s.transactional || h.flags&transactional != 0
		if h.flags&control != 0 || h.next <= from {
			continue
		}
		if err := u.records(&h, from, func(r *feed.Record) { s.take(r, id) }); err != nil {
			return err
		}
	}
}

func (s *sample) take(r *feed.Record, id int32) {
	s.records++
	s.newest = max(s.newest, r.Time)
	if len(r.Key) == 0 {
		s.keyless++
		return
	}
	in := s.keys[string(r.Key)]
	if in == nil {
		in = map[int32]span{}
		s.keys[string(r.Key)] = in
	}
	now, known := in[id]
	if !known {
		now.first = r.Time
	}
	in[id] = span{min(now.first, r.Time), max(now.last, r.Time)}
}

// split returns a key that is in two partitions at the same time, and one that has moved from one to another;
// "" where there is none.
func (s *sample) split() (split, moved string) {
	for key, in := range s.keys {
		spans := slices.SortedFunc(maps.Values(in), func(a, b span) int { return cmp.Compare(a.first, b.first) })
		for n := 1; n < len(spans); n++ {
			if spans[n].first <= spans[n-1].last {
				split = key
			} else {
				moved = key
			}
		}
	}
	return split, moved
}

// judge says what the samples show.
func (i *inspection) judge(s *sample) {
	partitions := len(i.partitions())
	if s.transactional {
		i.say(Fault, "it is written to in transactions, which are not supported: what a producer takes back would be shown. Let it produce without a transactional.id")
	}
	if s.records == 0 {
		i.say(Warning, "it holds no records yet (partitions: %d), so keys could not be looked at: %s", partitions, howToKey(i.topic.Format.Scope))
		return
	}
	split, moved := s.split()
	switch {
	case split != "":
		i.say(Fault, "records with the key %q come in two partitions at once: %s", split, howToKey(i.topic.Format.Scope))
	case moved != "":
		i.say(Warning, "records with the key %q have moved to another partition, as after partitions were added: their rooms go on there", moved)
	case s.keyless > 0 && partitions > 1:
		i.say(Fault, "%d of the %d newest records have no key, so that a symbol is in any of %d partitions: %s", s.keyless, s.records, partitions, howToKey(i.topic.Format.Scope))
	case s.keyless > 0:
		i.say(Warning, "its records have no key: with one partition that is right, before it is given more, %s", howToKey(i.topic.Format.Scope))
	}
	age := time.Since(time.UnixMicro(s.newest)).Round(time.Second)
	if age < -time.Minute {
		i.say(Warning, "its newest record is from %v ahead of our clock: look at the clocks of the producers and of this machine", -age)
	}
	i.say(Fine, "partitions: %d, records: about %d, the newest %v old, keys among the last %d: %d", partitions, s.kept, max(age, 0), s.records, len(s.keys))
}

// howToKey says what producers have to do for a decoder that remembers so much.
func howToKey(s feed.Scope) string {
	how := "key records by symbol, so that all of a symbol's are in one partition"
	if s == feed.ScopeConnection {
		how = "key records by the connection they came by, so that all of it is in one partition: this format's sequence spans it"
	}
	return how
}

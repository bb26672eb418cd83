package kafka

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"tapedeck/feed"
	"tapedeck/market"
)

// Checkpoints keeps checkpoints in a compacted topic, in pieces that any broker takes. All of a log's are in one partition.
//
// A piece's key names the log, a place and the piece's number. Each node writes to two places in turn, so that one is whole
// whenever it is killed; of many nodes some share places, and where their pieces get mixed, which is noticed, another
// place has one. Nothing is ever read that is not one node's checkpoint as a whole.
type Checkpoints struct {
	past   *Past
	topic  string
	writer *kafka.Writer
	place  uint32

	mu    sync.Mutex
	turns map[feed.LogID]uint32
	read  map[int32]int64          // how far each partition is
	heads map[string][]*checkpoint // by log: of each place the newest, and what is not whole yet
}

// checkpoint is where the pieces of one are.
type checkpoint struct {
	head
	place  string
	pieces []int64 // their offsets; -1: not there
	left   int     // not there
}

// head stands before every piece.
type head struct {
	epoch         string
	offset, clock int64
	size          int64
	sum           uint32 // of the whole
	pieces, piece int
}

const (
	pieceBytes   = 512 << 10           // brokers take 1 MiB unless told otherwise
	mostOfAPiece = pieceBytes + 64<<10 // with what stands before it
	maxPieces    = 4096
	places       = 8 // of two each
)

// NewCheckpoints returns a store in a topic that exists. node is our name, so that few write to the same places. It is to be closed.
func NewCheckpoints(c Cluster, topic, node string) (*Checkpoints, error) {
	past, err := NewPast(Config{
		Cluster: c, FetchBytes: 8 << 20,
		Topics: []Topic{{Name: topic, Holes: true, Format: &feed.Format{Name: "checkpoints"}}},
	})
	if err != nil {
		return nil, err
	}
	client, err := c.Client()
	if err != nil {
		past.Close()
		return nil, err
	}
	h := fnv.New32a()
	h.Write([]byte(node))
	k := &Checkpoints{
		past: past, topic: topic, place: h.Sum32() % places,
		turns: map[feed.LogID]uint32{}, read: map[int32]int64{}, heads: map[string][]*checkpoint{},
	}
	k.writer = &kafka.Writer{
		Addr: client.Addr, Topic: topic, Transport: client.Transport, Balancer: kafka.BalancerFunc(balance),
		RequiredAcks: kafka.RequireAll, MaxAttempts: 3, WriteTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second,
		BatchSize: 1, BatchBytes: mostOfAPiece, BatchTimeout: time.Millisecond,
	}
	return k, nil
}

// Topic is where they are.
func (k *Checkpoints) Topic() string { return k.topic }

// Close ends its connections.
func (k *Checkpoints) Close() error {
	k.past.Close()
	err := k.writer.Close()
	k.writer.Transport.(*kafka.Transport).CloseIdleConnections()
	return err
}

// nameOf is a log's name in keys.
func nameOf(l feed.LogID) string {
	return feed.Epoch(l.Cluster, l.Topic, l.TopicID, l.Partition, &feed.Format{Name: l.Format})
}

// partitionOf says which of so many partitions has a log's checkpoints.
func partitionOf(log []byte, partitions int) int {
	h := fnv.New32a()
	h.Write(log)
	return int(h.Sum32() % uint32(partitions))
}

func balance(m kafka.Message, partitions ...int) int {
	log, _, _ := bytes.Cut(m.Key, []byte("/"))
	sorted := slices.Sorted(slices.Values(partitions))
	return sorted[partitionOf(log, len(sorted))]
}

// Keep implements feed.Checkpoints.
func (k *Checkpoints) Keep(ctx context.Context, log feed.LogID, c feed.Checkpoint) error {
	k.mu.Lock()
	turn := k.turns[log]
	k.turns[log] = 1 - turn
	k.mu.Unlock()
	h := head{epoch: c.Epoch, offset: c.Offset, clock: c.Clock, size: int64(len(c.Data)), sum: crc32.ChecksumIEEE(c.Data)}
	h.pieces = max((len(c.Data)+pieceBytes-1)/pieceBytes, 1)
	if h.pieces > maxPieces {
		return fmt.Errorf("a checkpoint of %d bytes is more than a topic is meant for: keep them in a folder", len(c.Data))
	}
	for h.piece = range h.pieces {
		from := h.piece * pieceBytes
		err := k.writer.WriteMessages(ctx, kafka.Message{
			Key:   fmt.Appendf(nil, "%s/%d/%d", nameOf(log), 2*k.place+turn, h.piece),
			Value: h.before(c.Data[from:min(from+pieceBytes, len(c.Data))]),
		})
		if errors.Is(err, kafka.UnknownTopicOrPartition) {
			return fmt.Errorf("topic %s does not exist: make it with cleanup.policy=compact", k.topic)
		}
		if err != nil {
			return fmt.Errorf("topic %s: %s", k.topic, explain(err))
		}
	}
	return nil
}

func (h *head) before(piece []byte) []byte {
	s := market.Saver{Out: make([]byte, 0, len(piece)+100)}
	s.Text(h.epoch)
	for _, n := range []int64{h.offset, h.clock, h.size, int64(h.sum), int64(h.pieces), int64(h.piece)} {
		s.Int(n)
	}
	s.Bytes(piece)
	return s.Out
}

// parseHead reads a piece.
func parseHead(value []byte) (h head, piece []byte, ok bool) {
	l := market.NewLoader(value)
	h.epoch = l.Text(256)
	h.offset, h.clock, h.size = l.Int(), l.Int(), l.Int()
	sum, pieces, number := l.Int(), l.Int(), l.Int()
	piece = l.Bytes(pieceBytes)
	h.sum, h.pieces, h.piece = uint32(sum), int(pieces), int(number)
	ok = l.End() == nil && pieces >= 1 && pieces <= maxPieces && number >= 0 && number < pieces && h.size >= 0 && h.size <= int64(pieces)*pieceBytes
	return h, piece, ok
}

// same reports whether two pieces are of one checkpoint.
func (h head) same(o head) bool {
	h.piece, o.piece = 0, 0
	return h == o
}

// Checkpoint implements feed.Checkpoints. The first time a partition of the topic is read as a whole, and later what has come since.
func (k *Checkpoints) Checkpoint(ctx context.Context, log feed.LogID, offset int64) (c feed.Checkpoint, ok bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	part, err := k.update(ctx, log)
	if err != nil {
		return c, false, err
	}
	list := slices.DeleteFunc(slices.Clone(k.heads[nameOf(log)]), func(c *checkpoint) bool { return c.left > 0 || c.offset > offset })
	slices.SortFunc(list, func(a, b *checkpoint) int { return cmp.Compare(b.offset, a.offset) })
	for _, found := range list {
		data, err := k.gather(ctx, part, found)
		if err != nil {
			return c, false, err
		}
		if data != nil {
			return feed.Checkpoint{Epoch: found.epoch, Offset: found.offset, Clock: found.clock, Data: data}, true, nil
		}
	}
	return c, false, nil
}

// update reads what has come to the partition of a log.
func (k *Checkpoints) update(ctx context.Context, log feed.LogID) (part feed.LogID, err error) {
	l, err := k.past.look(ctx)
	if err != nil {
		return part, err
	}
	if !l.there(k.topic) {
		k.past.forget()
		return part, errors.New(l.absence(k.topic, 0))
	}
	id := int32(partitionOf([]byte(nameOf(log)), len(l.topics[k.topic].leaders)))
	part = identify(l, &k.past.config.Topics[0], id)
	first, end, err := k.past.bounds(ctx, part)
	if err != nil {
		return part, err
	}
	if k.read[id] > end { // the topic was made anew
		k.read, k.heads = map[int32]int64{}, map[string][]*checkpoint{}
	}
	for at := max(k.read[id], first); at < end; k.read[id] = at {
		next, err := k.past.Read(ctx, part, feed.Window{From: at, To: end}, func(r *feed.Record) error {
			k.note(r)
			return nil
		})
		if err != nil {
			return part, err
		}
		if next <= at {
			break // the rest was compacted away
		}
		at = next
	}
	return part, nil
}

// note takes note of where a piece is.
func (k *Checkpoints) note(r *feed.Record) {
	log, rest, ok := bytes.Cut(r.Key, []byte("/"))
	place, number, numbered := bytes.Cut(rest, []byte("/"))
	h, _, whole := parseHead(r.Value)
	if !ok || !numbered || !whole || strconv.Itoa(h.piece) != string(number) {
		return
	}
	list := k.heads[string(log)]
	i := slices.IndexFunc(list, func(c *checkpoint) bool { return c.place == string(place) && c.same(h) })
	if i < 0 { // whatever else was in this place is being overwritten
		list = slices.DeleteFunc(list, func(c *checkpoint) bool { return c.place == string(place) })
		c := &checkpoint{head: h, place: string(place), pieces: make([]int64, h.pieces), left: h.pieces}
		for n := range c.pieces {
			c.pieces[n] = -1
		}
		list, i = append(list, c), len(list)
	}
	c := list[i]
	if c.pieces[h.piece] < 0 {
		c.left--
	}
	c.pieces[h.piece] = r.Offset
	k.heads[string(log)] = list
}

// gather reads a checkpoint's pieces; nil if one of them is gone or another's.
func (k *Checkpoints) gather(ctx context.Context, part feed.LogID, c *checkpoint) ([]byte, error) {
	data := make([]byte, 0, c.size)
	for n, offset := range c.pieces {
		found := false
		_, err := k.past.Read(ctx, part, feed.Window{From: offset, To: offset + 1}, func(r *feed.Record) error {
			h, piece, ok := parseHead(r.Value)
			if found = ok && h.same(c.head) && h.piece == n; found {
				data = append(data, piece...)
			}
			return nil
		})
		if err != nil || !found {
			return nil, err
		}
	}
	if int64(len(data)) != c.size || crc32.ChecksumIEEE(data) != c.sum {
		return nil, nil
	}
	return data, nil
}

